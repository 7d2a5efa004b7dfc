//! `authenticate`: a password becomes a session, a token and its secret.

use super::sessions::{Begun, begin, carry_over};
use super::{Call, Run};
use crate::chance;
use crate::checkers::gate::Verdict;
use crate::checkers::throttle::Charge;
use crate::error::{Error, Result};
use crate::store::sessions::StoredSession;
use crate::store::tokens::NewToken;
use crate::store::users::Account;
use crate::store::{devices, events, tokens, users};
use serde_json::{Value, json};
use shared::command::{Authenticate, Authenticated};
use shared::error::{Code, Refusal};
use shared::event::Topic;
use shared::id::{ConsumerKey, TokenKey};
use shared::secret::Secret;
use uuid::Uuid;

/// The longest name or password that is looked at; longer ones are wrong without a look.
const MOST_BYTES: usize = 1024;

impl Run for Authenticate {
    async fn run(self, call: &Call<'_>) -> Result<Authenticated> {
        let consumer = call.caller.consumer_key()?;
        if self.username.len() > MOST_BYTES || self.password.expose().len() > MOST_BYTES {
            return Err(wrong());
        }
        let _place = call.rooms.gate.enter()?;
        let account = users::by_login(call.store().read(), &self.username).await?;
        let client = self.client.unwrap_or_default();
        let device = known_device(call, client.device, account.as_ref()).await?;
        let charge = match &device {
            Some(device) => Charge::device(device),
            None => Charge::stranger(&self.username, client.address),
        };
        charge.take(call.store(), call.now).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let verdict = match call.rooms.gate.verify(self.password, hash).await {
            Ok(verdict) => verdict,
            Err(error) => {
                charge.refund(call.store(), call.now).await?;
                return Err(error);
            }
        };
        // Unknown, wrong and disabled have done the same work up to here, and end in the same words.
        match (account, verdict) {
            (Some(account), Verdict::Right(upgrade)) if account.user.disabled_at.is_none() => {
                let device = device.unwrap_or_else(|| chance::secret("d"));
                let browser = Browser { device, before: self.sessionid, remember: self.remember };
                sign_in(call, consumer, account, upgrade, &charge, browser).await
            }
            (account, _) => {
                refused(call, consumer, account.map(|account| account.user.id)).await?;
                Err(wrong())
            }
        }
    }
}

fn wrong() -> Error {
    Refusal::new(Code::InvalidCredentials, "the name or the password is wrong").into()
}

/// The device, if this user has signed in with it before. The same look-up for an unknown user.
async fn known_device(call: &Call<'_>, device: Option<Secret>, account: Option<&Account>) -> Result<Option<Secret>> {
    let Some(device) = device else { return Ok(None) };
    let user = account.map_or(Uuid::nil(), |account| account.user.id);
    Ok(devices::is_known(call.store().read(), &device, user).await?.then_some(device))
}

async fn refused(call: &Call<'_>, consumer: &ConsumerKey, user: Option<Uuid>) -> Result<()> {
    // The name that was typed is not told: people type passwords into the wrong field.
    let subject = user.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let tx = call.store().begin().await?;
    events::append(tx.on(), call.now, Topic::UserRefused, subject, json!({ "consumer": consumer })).await?;
    tx.commit().await
}

/// Where somebody signs in.
struct Browser {
    device: Secret,
    /// The session it had so far.
    before: Option<Secret>,
    remember: bool,
}

async fn sign_in(
    call: &Call<'_>,
    consumer: &ConsumerKey,
    account: Account,
    upgrade: Option<String>,
    charge: &Charge,
    browser: Browser,
) -> Result<Authenticated> {
    let now = call.now;
    let tx = call.store().begin().await?;
    // While the password was hashed, it may have been changed, or the user disabled.
    let there = users::find_locked(tx.on(), account.user.id).await?;
    let Some(there) = there.filter(|a| a.password_hash == account.password_hash && a.user.disabled_at.is_none()) else {
        return Err(wrong());
    };
    if let (Some(old), Some(new)) = (&there.password_hash, &upgrade) {
        users::upgrade_hash(tx.on(), there.user.id, old, new).await?;
    }
    let Begun { session, sessionid, last } = begin(call, &tx, Some(there.user.id), browser.remember).await?;
    let (carried, replaced) = match &browser.before {
        Some(before) => carry_over(call, tx.on(), before, session.id).await?,
        None => (None, None),
    };
    let (token, secret) = make_token(call, tx.on(), consumer, there.user.id, &session).await?;
    let device = browser.device;
    devices::remember(tx.on(), &device, there.user.id, now).await?;
    charge.succeeded(tx.on(), now).await?;
    let mut data = json!({ "session": session.id, "consumer": consumer });
    if let (Some(carried), Value::Object(data)) = (carried, &mut data) {
        data.insert("carried_from".into(), json!(carried));
    }
    events::append(tx.on(), now, Topic::UserSignedIn, there.user.id, data).await?;
    tx.commit().await?;
    // Whatever had to end for this login is over everywhere by the time the answer is there.
    call.heard(replaced.or(last)).await?;
    call.rooms.bell.notify_one();
    Ok(Authenticated { token, secret, expires_at: session.expires_at, user: there.user, sessionid, device })
}

/// A new token of a consumer for a session.
pub(super) async fn make_token(
    call: &Call<'_>,
    on: &impl crate::store::ConnectionTrait,
    consumer: &ConsumerKey,
    user: Uuid,
    session: &StoredSession,
) -> Result<(TokenKey, Secret)> {
    let (token, secret) = new_pair()?;
    let new = NewToken {
        token: &token,
        secret: &secret,
        consumer,
        user,
        session: Some(session.id),
        expires_at: session.expires_at,
    };
    tokens::insert(on, &call.store().seal, [new], call.now).await?;
    Ok((token, secret))
}

/// A fresh token key and secret.
pub(super) fn new_pair() -> Result<(TokenKey, Secret)> {
    let token = chance::key("t").parse().map_err(|e| crate::error::Fault::Other(format!("a token key: {e}")))?;
    Ok((token, chance::signing_secret(['t', 's'])))
}

#[cfg(test)]
mod tests {
    use super::super::{call, tests::rooms};
    use super::*;
    use crate::caller::Caller;
    use crate::store::credentials::{ConsumerCredential, LastUse};
    use shared::acl::AccessList;
    use shared::command::{CreateConsumer, CreateUser, DisableUser};
    use std::sync::Arc;

    /// One answer, one cost: whoever is unknown, wrong or disabled has exactly one hash computed.
    #[tokio::test]
    async fn every_refused_login_costs_one_hash() {
        let (_folder, rooms) = rooms().await;
        let operator = Caller::Operator;
        let user = |name: &str| CreateUser {
            username: name.parse().unwrap(),
            email: None,
            name: None,
            password: Some(Secret::new("correct horse")),
            access: None,
        };
        call(&rooms, &operator, user("ada")).await.unwrap();
        let bob = call(&rooms, &operator, user("bob")).await.unwrap();
        call(&rooms, &operator, CreateUser { password: None, ..user("eve") }).await.unwrap();
        call(&rooms, &operator, DisableUser { id: shared::id::UserRef::Id(bob.id) }).await.unwrap();
        let caller = signed(&rooms).await;
        for (name, password) in
            [("nobody", "x"), ("ada", "wrong"), ("bob", "correct horse"), ("eve", ""), ("two words", "x"), ("", "")]
        {
            let before = rooms.gate.hashes();
            let login = Authenticate {
                username: name.into(),
                password: Secret::new(password),
                client: None,
                sessionid: None,
                remember: false,
            };
            let error = call(&rooms, &caller, login).await.unwrap_err();
            assert_eq!(error.refusal().code, Code::InvalidCredentials, "{name}");
            assert_eq!(rooms.gate.hashes() - before, 1, "{name}");
        }
    }

    async fn signed(rooms: &super::super::Rooms) -> Caller {
        let command = CreateConsumer {
            service: "frontend".parse().unwrap(),
            label: None,
            access: None,
            signature_methods: None,
            body_hash: None,
            locations: None,
        };
        let made = call(rooms, &Caller::Operator, command).await.unwrap().consumer;
        let consumer = ConsumerCredential {
            key: made.key,
            service: made.service,
            label: made.label,
            access: AccessList::ordinary_consumer(),
            signature_methods: made.signature_methods,
            body_hash: made.body_hash,
            locations: made.locations,
            revoked: false,
            secrets: vec![],
            last_use: LastUse::default(),
        };
        Caller::Signed { consumer: Arc::new(consumer), token: None }
    }
}
