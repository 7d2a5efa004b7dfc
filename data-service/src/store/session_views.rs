//! A session as one service sees it, found by its secret in one look: every page of every site asks for it.

use super::direct::Columns;
use super::sealed::hash;
use super::sessions::StoredSession;
use super::tokens::Known;
use super::{Store, known, parse, tokens};
use crate::error::{Fault, Result};
use sea_orm::FromQueryResult;
use shared::command::{SessionData, User};
use shared::id::{ConsumerKey, ServiceName};
use shared::secret::Secret;
use shared::timestamp::Timestamp;

/// A session that lives, with what belongs to it: all as it was at one moment.
pub(crate) struct SessionView {
    /// The session.
    pub(crate) session: StoredSession,
    /// Its user, disabled ones too.
    pub(crate) user: Option<User>,
    /// The consumer's token for it, if it has one.
    pub(crate) token: Option<Known>,
    shared: Option<String>,
    own: Option<String>,
}

impl SessionView {
    /// What the service sees of its data.
    pub(crate) fn data(&self) -> Result<SessionData> {
        let parse = |document: &Option<String>| {
            let document = document.as_deref().map(|document| parse("session_data.document", document));
            document.transpose().map(Option::unwrap_or_default)
        };
        Ok(SessionData { shared: parse(&self.shared)?, own: parse(&self.own)? })
    }
}

#[derive(FromQueryResult)]
struct Joined {
    id: String,
    user_id: Option<String>,
    remembered: i64,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    ends_at: i64,
    ended_at: Option<i64>,
    version: i64,
    username: Option<String>,
    email: Option<String>,
    name: Option<String>,
    user_created_at: Option<i64>,
    disabled_at: Option<i64>,
    user_version: Option<i64>,
    token: Option<String>,
    sealed: Option<String>,
    revoked_at: Option<i64>,
    shared: Option<String>,
    own: Option<String>,
}

impl Columns for Joined {
    fn take(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            user_id: row.get(1)?,
            remembered: row.get(2)?,
            created_at: row.get(3)?,
            last_used_at: row.get(4)?,
            expires_at: row.get(5)?,
            ends_at: row.get(6)?,
            ended_at: row.get(7)?,
            version: row.get(8)?,
            username: row.get(9)?,
            email: row.get(10)?,
            name: row.get(11)?,
            user_created_at: row.get(12)?,
            disabled_at: row.get(13)?,
            user_version: row.get(14)?,
            token: row.get(15)?,
            sealed: row.get(16)?,
            revoked_at: row.get(17)?,
            shared: row.get(18)?,
            own: row.get(19)?,
        })
    }
}

/// Each table by its primary key or a unique one. A service cannot be called `*`.
pub(super) const JOINED: &str = "SELECT s.id, s.user_id, s.remembered, s.created_at, s.last_used_at, s.expires_at, s.ends_at, \
     s.ended_at, s.version, u.username, u.email, u.name, u.created_at AS user_created_at, u.disabled_at, \
     u.version AS user_version, t.token, t.sealed, t.revoked_at, d.document AS shared, o.document AS own \
     FROM sessions s LEFT JOIN users u ON u.id = s.user_id \
     LEFT JOIN tokens t ON t.session_id = s.id AND t.consumer_key = $1 \
     LEFT JOIN session_data d ON d.session_id = s.id AND d.namespace = '*' \
     LEFT JOIN session_data o ON o.session_id = s.id AND o.namespace = $2 WHERE s.secret_hash = $3";

/// The session of this secret if it lives, as a consumer of this service sees it. Nobody who is neither sees more of it than when
/// it lasts.
pub(crate) async fn find(
    store: &Store,
    secret: &Secret,
    consumer: Option<&ConsumerKey>,
    service: Option<&ServiceName>,
    now: Timestamp,
) -> Result<Option<SessionView>> {
    let (consumer, service) = (consumer.map_or("", ConsumerKey::as_str), service.map_or("", ServiceName::as_str));
    let Some(row) = store.one::<Joined>(JOINED, &[consumer, service, &hash(secret)]).await? else { return Ok(None) };
    let session = StoredSession {
        id: known("sessions.id", &row.id)?,
        user: row.user_id.as_ref().map(|user| known("sessions.user_id", user)).transpose()?,
        remembered: row.remembered != 0,
        created_at: Timestamp::from_millis(row.created_at),
        last_used_at: Timestamp::from_millis(row.last_used_at),
        expires_at: Timestamp::from_millis(row.expires_at),
        ends_at: Timestamp::from_millis(row.ends_at),
        ended: row.ended_at.is_some(),
        version: row.version,
    };
    // What belongs to one that is over may not be readable any more, and nobody asks for it.
    if !session.lives(now) {
        return Ok(None);
    }
    Ok(Some(SessionView {
        token: row.token.as_ref().map(|token| known_token(store, token, &row)).transpose()?,
        session,
        user: match (row.user_id, row.username) {
            (Some(id), Some(username)) => Some(User {
                id: known("users.id", &id)?,
                username: known("users.username", &username)?,
                email: row.email.map(|email| known("users.email", &email)).transpose()?,
                name: row.name,
                created_at: Timestamp::from_millis(row.user_created_at.unwrap_or_default()),
                disabled_at: row.disabled_at.map(Timestamp::from_millis),
                version: row.user_version.unwrap_or_default(),
            }),
            _ => None,
        },
        shared: row.shared,
        own: row.own,
    }))
}

fn known_token(store: &Store, token: &str, row: &Joined) -> Result<Known> {
    let sealed = row.sealed.as_deref().ok_or(Fault::Damaged("tokens.sealed"))?;
    tokens::open_known(&store.seal, token, sealed, row.revoked_at)
}
