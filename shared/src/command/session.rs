//! Sessions: what the cookie stands for. The secret session id travels in bodies, never in a URL.

mod data;
mod of_user;

pub use data::{NewData, SaveSession, Saved, SessionData, SessionPatch};
pub use of_user::{EndOtherSessions, EndedSessions, ListSessions, RevokeSession, SessionSeen};

use super::{Access, Command, Route, User, patch};
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
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself if nobody uses it.
    pub expires_at: Timestamp,
}

/// A session that is alive, as one service sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionState {
    /// The public id of the session.
    pub id: Uuid,
    /// Whose it is; `null` for a visitor who has not signed in.
    pub user: Option<User>,
    /// A token of the calling consumer for this session: the same one each time. `null` without a user.
    pub token: Option<TokenKey>,
    /// Its secret.
    pub secret: Option<Secret>,
    /// What services keep in it.
    pub data: SessionData,
    /// Grows by one with every `session.save`.
    pub version: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself if nobody uses it.
    pub expires_at: Timestamp,
}

/// `session.create`: a new session, of a visitor or of a user.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// Whose it is to be; nobody's if nothing is said. Needs `users.{id}.impersonate` as well.
    #[serde(default)]
    pub user: Option<Uuid>,
    /// What lies in it from the beginning.
    #[serde(default, deserialize_with = "patch::object")]
    pub data: NewData,
    /// The longer limits. Only for sessions of a user.
    #[serde(default)]
    pub remember: bool,
}

/// A new session. The only time its secret is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionCreated {
    /// The secret session id: the value for the `sessionid` cookie.
    pub sessionid: Secret,
    /// The session.
    #[serde(flatten)]
    pub state: SessionState,
}

impl Command for CreateSession {
    type Reply = SessionCreated;
    const NAME: &'static str = "session.create";
    const ROUTE: Route = Route::post("/sessions").with_status(201);
    const ABOUT: &'static str = "A new session: of a visitor, or of a user, who is signed in by it without a password.";

    fn access(&self) -> Access {
        Access::word("sessions.create")
    }
}

/// `session.resolve`: turns the `sessionid` cookie into the user, and into a token for the calling consumer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveSession {
    /// The value of the cookie.
    pub sessionid: Secret,
}

impl Command for ResolveSession {
    type Reply = SessionState;
    const NAME: &'static str = "session.resolve";
    const ROUTE: Route = Route::post("/sessions/resolve");
    const ABOUT: &'static str = "Turns a session id into the user, a token for the caller, and the session's data. \
                                 Unknown, ended and expired are one answer: 404.";

    fn access(&self) -> Access {
        Access::word("sessions.resolve")
    }
}

/// `session.cycle`: a new secret id for the same session, so that one that was planted or seen is worth nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CycleSession {
    /// The value of the cookie.
    pub sessionid: Secret,
}

/// The new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cycled {
    /// The new value for the cookie. The old one is dead.
    pub sessionid: Secret,
}

impl Command for CycleSession {
    type Reply = Cycled;
    const NAME: &'static str = "session.cycle";
    const ROUTE: Route = Route::post("/sessions/cycle");
    const ABOUT: &'static str = "A new secret id for the same session; the old one is dead at once.";

    fn access(&self) -> Access {
        Access::word("sessions.cycle")
    }
}

/// `session.touch`: says that a session is in use, and nothing else.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TouchSession {
    /// The value of the cookie.
    pub sessionid: Secret,
}

/// How long a session lasts now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Touched {
    /// When it ends by itself if nobody uses it.
    pub expires_at: Timestamp,
}

impl Command for TouchSession {
    type Reply = Touched;
    const NAME: &'static str = "session.touch";
    const ROUTE: Route = Route::post("/sessions/touch");
    const ABOUT: &'static str = "Puts the idle limit of a session off, as resolving it does.";

    fn access(&self) -> Access {
        Access::word("sessions.touch")
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
