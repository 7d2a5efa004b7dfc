//! Sessions end: by logging out, from a list, and by what happens to their user.

use super::MOST_BYTES;
use crate::commands::{Call, Run};
use crate::error::Result;
use crate::store::sessions::StoredSession;
use crate::store::tokens::Which;
use crate::store::{ConnectionTrait, Tx, events, sessions, tokens, users};
use serde_json::json;
use shared::command::{EndOtherSessions, EndSession, Ended, EndedSessions, RevokeSession};
use shared::event::Topic;

/// Why a session ended, in the words of its event.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) enum Why {
    /// Its owner has logged out of it.
    SignedOut,
    /// It was ended from the list of sessions.
    Revoked,
    /// Its user has a new password.
    Password,
    /// Its user was disabled.
    Disabled,
    /// Its user has as many sessions as they may have, and began another one.
    TooMany,
    /// Somebody signed in in the same browser.
    Replaced,
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::Password => "password",
            Self::Disabled => "disabled",
            Self::TooMany => "too_many",
            Self::Replaced => "replaced",
        }
    }
}

/// Ends sessions with everything that belongs to them, and writes their events. Answers how much ended, and the number
/// of the last event. Visitors who have not signed in come and go without events: they have nothing that anybody could
/// be holding on to, and there may be very many of them.
pub(in crate::commands) async fn end_all(
    call: &Call<'_>,
    on: &impl ConnectionTrait,
    gone: &[StoredSession],
    why: Why,
) -> Result<(Ended, Option<i64>)> {
    let (mut ended, mut last) = (Ended::default(), None);
    sessions::end(on, gone, call.now).await?;
    for session in gone {
        ended.sessions += u64::from(session.lives(call.now));
        let Some(user) = session.user else { continue };
        let count = tokens::revoke(on, Which::Session(session.id), call.now).await?;
        ended.tokens += count;
        let data = json!({ "user": user, "reason": why.word(), "tokens": count });
        last = Some(events::append(on, call.now, Topic::SessionEnded, session.id, data).await?);
    }
    Ok((ended, last))
}

/// Logs out of one session; answers how much ended, and the number of the last event.
pub(in crate::commands) async fn sign_out(
    call: &Call<'_>,
    tx: &Tx,
    session: StoredSession,
) -> Result<(Ended, Option<i64>)> {
    if let Some(user) = session.user {
        let data = json!({ "session": session.id });
        events::append(tx.on(), call.now, Topic::UserSignedOut, user, data).await?;
    }
    end_all(call, tx.on(), &[session], Why::SignedOut).await
}

impl Run for EndSession {
    async fn run(self, call: &Call<'_>) -> Result<()> {
        if self.sessionid.expose().len() > MOST_BYTES {
            return Ok(());
        }
        let tx = call.store().begin().await?;
        let session = sessions::locked_by_secret(tx.on(), &self.sessionid).await?;
        let Some(session) = session else { return Ok(()) };
        let last = match session.ended {
            false => sign_out(call, &tx, session).await?.1,
            // Whoever asks again may not have had the answer: it holds for them too.
            true => Some(events::last(tx.on()).await?),
        };
        tx.commit().await?;
        // Logged out means logged out everywhere by the time the answer is there.
        call.heard(last).await
    }
}

impl Run for RevokeSession {
    async fn run(self, call: &Call<'_>) -> Result<()> {
        let user = call.caller.user(self.id)?;
        let tx = call.store().begin().await?;
        let session = sessions::locked_by_id(tx.on(), self.session).await?;
        let session = session.filter(|session| session.user == Some(user) && session.lives(call.now));
        let session = session.ok_or_else(super::gone)?;
        let (_, last) = end_all(call, tx.on(), &[session], Why::Revoked).await?;
        tx.commit().await?;
        call.heard(last).await
    }
}

impl Run for EndOtherSessions {
    async fn run(self, call: &Call<'_>) -> Result<EndedSessions> {
        let user = call.caller.user(self.id)?;
        let kept = call.caller.me().session;
        let tx = call.store().begin().await?;
        users::locked(tx.on(), user).await?;
        let mut gone = sessions::live_of_user(tx.on(), user, call.now).await?;
        gone.retain(|session| Some(session.id) != kept);
        let (ended, last) = end_all(call, tx.on(), &gone, Why::Revoked).await?;
        tx.commit().await?;
        call.heard(last).await?;
        Ok(EndedSessions { ended: ended.sessions })
    }
}
