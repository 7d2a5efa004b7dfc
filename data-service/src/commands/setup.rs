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
            return Err(Refusal::new(Code::Gone, "this link was used before, or it is too old").into());
        }
        users::insert(tx.on(), &account).await?;
        events::append(tx.on(), call.now, Topic::UserCreated, account.user.id, json!({})).await?;
        tx.commit().await?;
        Ok(account.user)
    }
}
