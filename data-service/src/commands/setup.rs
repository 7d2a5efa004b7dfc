//! `setup.claim`: the first administrator of a new installation.

use super::{Call, Run};
use crate::chance;
use crate::checkers::password;
use crate::error::Result;
use crate::store::users::Account;
use crate::store::{Store, events, setup_links, users};
use serde_json::json;
use shared::acl::AccessList;
use shared::command::{ClaimSetup, User};
use shared::error::{Code, Refusal};
use shared::event::Topic;
use shared::secret::Secret;
use shared::timestamp::Timestamp;

/// A new one-time link, unless there is an administrator already.
pub(crate) async fn new_link(store: &Store, now: Timestamp) -> Result<Option<Secret>> {
    let tx = store.begin().await?;
    if users::has_administrator(tx.on()).await? {
        return Ok(None);
    }
    let link = chance::secret("l");
    setup_links::replace(tx.on(), &link, now).await?;
    tx.commit().await?;
    Ok(Some(link))
}

impl Run for ClaimSetup {
    async fn run(self, call: &Call<'_>) -> Result<User> {
        let gone = || Refusal::new(Code::Gone, "this link was used before, or it is too old");
        let read = call.store().read();
        // A link is too long to be guessed, so looking first tells nothing, and nobody gets a hash for nothing.
        if !setup_links::is_good(read, &self.link, call.now).await? || users::has_administrator(read).await? {
            return Err(gone().into());
        }
        password::check_rules(&self.password, self.username.as_str(), self.email.as_ref().map(|e| e.as_str()))?;
        let hash = call.rooms.gate.hash(self.password).await?;
        let user = User {
            id: chance::id(call.now),
            username: self.username,
            email: self.email,
            name: None,
            created_at: call.now,
            disabled_at: None,
            version: 1,
        };
        let account = Account { user, password_hash: Some(hash), access: AccessList::administrator() };
        let tx = call.store().begin().await?;
        // The link is spent in the same transaction: two claims at once, and one of them finds it gone. And a link
        // from before there was an administrator is worth nothing afterwards.
        let good = setup_links::spend(tx.on(), &self.link, call.now).await?;
        if !good || users::has_administrator(tx.on()).await? {
            return Err(gone().into());
        }
        users::insert(tx.on(), &account).await?;
        events::append(tx.on(), call.now, Topic::UserCreated, account.user.id, json!({})).await?;
        tx.commit().await?;
        Ok(account.user)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{call, tests::rooms};
    use super::*;
    use crate::caller::Caller;

    #[tokio::test]
    async fn a_link_that_is_not_good_costs_no_hash() {
        let (_folder, rooms) = rooms().await;
        let claim = |link: &Secret| ClaimSetup {
            link: link.clone(),
            username: "root".parse().unwrap(),
            password: Secret::new("correct horse"),
            email: None,
        };
        let junk = call(&rooms, &Caller::Operator, claim(&Secret::new("junk"))).await.unwrap_err();
        assert_eq!((junk.refusal().code, rooms.gate.hashes()), (Code::Gone, 0));
        let link = new_link(&rooms.store, rooms.clock.now()).await.unwrap().unwrap();
        call(&rooms, &Caller::Operator, claim(&link)).await.unwrap();
        assert_eq!(rooms.gate.hashes(), 1);
    }
}
