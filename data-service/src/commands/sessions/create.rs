//! Sessions begin: of a visitor, of a user for whom somebody trusted speaks, and of whoever proves a password.

use super::data::fill;
use super::end::{Why, end_all};
use super::{MOST_BYTES, lifetime, resolve};
use crate::chance;
use crate::commands::authenticate::make_token;
use crate::commands::{Call, Run};
use crate::error::Result;
use crate::store::sessions::{self, StoredSession};
use crate::store::users::Account;
use crate::store::{ConnectionTrait, Tx, events, session_data, users};
use serde_json::json;
use shared::command::{CreateSession, SessionCreated};
use shared::error::{Code, Refusal};
use shared::event::Topic;
use shared::secret::Secret;
use uuid::Uuid;

impl Run for CreateSession {
    async fn check(&self, call: &Call<'_>) -> Result<()> {
        call.caller.must_hold("sessions.create")?;
        match self.user {
            // Signing somebody in without their password is a right of its own.
            Some(user) => call.caller.must_hold_for_others(&format!("users.{user}.impersonate")),
            None => Ok(()),
        }
    }

    async fn run(self, call: &Call<'_>) -> Result<SessionCreated> {
        let consumer = call.caller.consumer_key()?;
        let tx = call.store().begin().await?;
        let user = match self.user {
            Some(id) => Some(impersonated(call, &tx, id).await?),
            None => None,
        };
        let Begun { session, sessionid, last } = begin(call, &tx, self.user, self.remember).await?;
        fill(call, tx.on(), session.id, self.data).await?;
        let mut token = None;
        if let Some(account) = &user {
            token = Some(make_token(call, tx.on(), consumer, account.user.id, &session).await?);
            let data = json!({ "user": account.user.id, "consumer": consumer, "by": call.caller.me().user });
            events::append(tx.on(), call.now, Topic::SessionCreated, session.id, data).await?;
        }
        let state = resolve::state(call, tx.on(), session, user.map(|account| account.user), token).await?;
        tx.commit().await?;
        call.heard(last).await?;
        Ok(SessionCreated { sessionid, state })
    }
}

/// The user, if the caller may act in their name.
async fn impersonated(call: &Call<'_>, tx: &Tx, id: Uuid) -> Result<Account> {
    let account = users::locked(tx.on(), id).await?;
    if account.user.disabled_at.is_some() {
        return Err(Refusal::new(Code::Conflict, "this user is disabled").into());
    }
    call.caller.must_be_able_to_impersonate(id, &account.access)?;
    Ok(account)
}

/// A session that has just begun.
pub(in crate::commands) struct Begun {
    /// The session.
    pub(in crate::commands) session: StoredSession,
    /// Its secret.
    pub(in crate::commands) sessionid: Secret,
    /// The last event of what had to end for it.
    pub(in crate::commands) last: Option<i64>,
}

/// Begins a session. The row of its user is locked, so that two at once count each other.
pub(in crate::commands) async fn begin(
    call: &Call<'_>,
    tx: &Tx,
    user: Option<Uuid>,
    remembered: bool,
) -> Result<Begun> {
    let last = match user {
        Some(user) => make_room(call, tx, user).await?,
        None => None,
    };
    let (expires_at, ends_at) = lifetime::ends(&call.rooms.sessions, user.is_some(), remembered, call.now);
    let session = StoredSession {
        id: chance::id(call.now),
        user,
        remembered,
        created_at: call.now,
        last_used_at: call.now,
        expires_at,
        ends_at,
        ended: false,
        version: 1,
    };
    let sessionid = chance::session_id();
    sessions::insert(tx.on(), &session, &sessionid).await?;
    Ok(Begun { session, sessionid, last })
}

/// A user has only so many sessions: the oldest make room.
async fn make_room(call: &Call<'_>, tx: &Tx, user: Uuid) -> Result<Option<i64>> {
    let mut live = sessions::live_of_user(tx.on(), user, call.now).await?;
    let most = usize::try_from(call.rooms.sessions.per_user).unwrap_or(usize::MAX).max(1);
    live.truncate((live.len() + 1).saturating_sub(most));
    Ok(end_all(call, tx.on(), &live, Why::TooMany).await?.1)
}

/// What becomes of the session that a browser had before somebody signed in there. Of one without a user everything
/// that services keep in it is carried over, and it ends. One of a user ends, and nothing is carried over: what
/// belongs to one person never gets to another, and no cookie is left that nobody looks after.
///
/// Answers whether something was carried over, and the number of the last event.
pub(in crate::commands) async fn carry_over(
    call: &Call<'_>,
    on: &impl ConnectionTrait,
    before: &Secret,
    session: Uuid,
) -> Result<(Option<Uuid>, Option<i64>)> {
    if before.expose().len() > MOST_BYTES {
        return Ok((None, None));
    }
    let before = sessions::locked_by_secret(on, before).await?;
    let Some(before) = before.filter(|before| before.lives(call.now)) else { return Ok((None, None)) };
    let carried = before.user.is_none().then_some(before.id);
    if carried.is_some() {
        session_data::carry(on, before.id, session).await?;
    }
    let (_, last) = end_all(call, on, &[before], Why::Replaced).await?;
    Ok((carried, last))
}
