//! `session.resolve` and `session.touch`: a session is used.

use super::lifetime::{note_use, put_off};
use super::{gone, lock, look};
use crate::commands::authenticate::make_token;
use crate::commands::{Call, Run};
use crate::error::Result;
use crate::store::session_views::SessionView;
use crate::store::sessions::StoredSession;
use crate::store::{ConnectionTrait, session_data};
use shared::command::{ResolveSession, SessionData, SessionState, TouchSession, Touched, User};
use shared::id::TokenKey;
use shared::secret::Secret;

impl Run for ResolveSession {
    async fn run(self, call: &Call<'_>) -> Result<SessionState> {
        let consumer = call.caller.consumer_key()?;
        let mut view = look(call, &self.sessionid).await?;
        let user = user_of(&mut view)?;
        let lacks_token = user.is_some() && view.token.is_none();
        if !lacks_token && put_off(&call.rooms.sessions, &view.session, call.now).is_none() {
            let data = view.data()?;
            let token = view.token.map(|known| (known.token, known.secret));
            return Ok(as_seen(view.session, user, token, data));
        }
        let tx = call.store().begin().await?;
        // Two at once, or a logout in between: look again where nobody else can write.
        let mut live = lock(call, &tx, &self.sessionid).await?;
        if let Some(expires_at) = put_off(&call.rooms.sessions, &live.session, call.now) {
            note_use(tx.on(), &mut live.session, call.now, expires_at).await?;
        }
        let mut made = None;
        if let (Some(user), None) = (live.session.user, &live.token) {
            made = Some(make_token(call, tx.on(), consumer, user, &live.session).await?);
        }
        tx.commit().await?;
        let token = made.or(live.token.map(|known| (known.token, known.secret)));
        state(call, call.store().read(), live.session, user, token).await
    }
}

/// The user of a session. A disabled one has none.
fn user_of(view: &mut SessionView) -> Result<Option<User>> {
    if view.session.user.is_none() {
        return Ok(None);
    }
    Ok(Some(view.user.take().filter(|user| user.disabled_at.is_none()).ok_or_else(gone)?))
}

/// What the caller sees of a session. The version was read before the data, so it is never newer than they are: with
/// it, nobody can overwrite a change they have not seen.
pub(super) async fn state(
    call: &Call<'_>,
    on: &impl ConnectionTrait,
    session: StoredSession,
    user: Option<User>,
    token: Option<(TokenKey, Secret)>,
) -> Result<SessionState> {
    let data = session_data::get(on, session.id, call.caller.service()?).await?;
    Ok(as_seen(session, user, token, data))
}

fn as_seen(
    session: StoredSession,
    user: Option<User>,
    token: Option<(TokenKey, Secret)>,
    data: SessionData,
) -> SessionState {
    let (token, secret) = token.unzip();
    SessionState {
        id: session.id,
        user,
        token,
        secret,
        data,
        version: session.version,
        created_at: session.created_at,
        expires_at: session.expires_at,
    }
}

impl Run for TouchSession {
    async fn run(self, call: &Call<'_>) -> Result<Touched> {
        let seen = look(call, &self.sessionid).await?;
        if put_off(&call.rooms.sessions, &seen.session, call.now).is_none() {
            return Ok(Touched { expires_at: seen.session.expires_at });
        }
        let tx = call.store().begin().await?;
        let mut session = lock(call, &tx, &self.sessionid).await?.session;
        if let Some(expires_at) = put_off(&call.rooms.sessions, &session, call.now) {
            note_use(tx.on(), &mut session, call.now, expires_at).await?;
            tx.commit().await?;
        }
        Ok(Touched { expires_at: session.expires_at })
    }
}
