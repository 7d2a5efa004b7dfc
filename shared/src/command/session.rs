//! Sessions: what the cookie stands for. The secret session id travels in bodies, never in a URL.

use super::{Access, Command, Route, User};
use crate::id::TokenKey;
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A session as it may be seen: by its public id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// The public id.
    pub id: Uuid,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// `session.resolve`: turns the `sessionid` cookie into the user, and into a token for the calling consumer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveSession {
    /// The value of the cookie.
    pub sessionid: Secret,
}

/// A session that is alive.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resolved {
    /// The public id of the session.
    pub id: Uuid,
    /// Whose it is.
    pub user: Option<User>,
    /// A token of the calling consumer for this session: the same one each time.
    pub token: TokenKey,
    /// Its secret.
    pub secret: Secret,
    /// Grows when the session changes.
    pub version: i64,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Command for ResolveSession {
    type Reply = Resolved;
    const NAME: &'static str = "session.resolve";
    const ROUTE: Route = Route::post("/sessions/resolve");
    const ABOUT: &'static str =
        "Turns a session id into the user and a token for the caller. Unknown, ended and expired are one answer: 404.";

    fn access(&self) -> Access {
        Access::word("sessions.resolve")
    }
}

/// `session.end`: logout. All tokens of the session end with it, those of other services too.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    /// The value of the cookie.
    pub sessionid: Secret,
}

impl Command for EndSession {
    type Reply = ();
    const NAME: &'static str = "session.end";
    const ROUTE: Route = Route::post("/sessions/end").with_status(204);
    const ABOUT: &'static str = "Ends a session and every token of it. 204 also when there is no such session.";

    fn access(&self) -> Access {
        Access::word("sessions.end")
    }
}
