//! The sessions of one user, by their public ids: where somebody is signed in.

use super::super::{Access, Command, Page, Route};
use crate::id::UserRef;
use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `session.list`: the live sessions of a user.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSessions {
    /// Whose.
    pub id: UserRef,
    /// How many, at most 200.
    #[serde(default)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

/// A session in the list of its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSeen {
    /// The public id.
    pub id: Uuid,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within about a minute.
    pub last_used_at: Timestamp,
    /// When it ends by itself if nobody uses it.
    pub expires_at: Timestamp,
    /// True for the one that the request's token belongs to.
    pub current: bool,
}

impl Command for ListSessions {
    type Reply = Page<SessionSeen>;
    const NAME: &'static str = "session.list";
    const ROUTE: Route = Route::get("/users/{id}/sessions");
    const ABOUT: &'static str = "The live sessions of a user, newest first.";

    fn access(&self) -> Access {
        Access::word(format!("sessions.{}.read", self.id))
    }
}

/// `session.revoke`: ends one session of a user.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeSession {
    /// Whose.
    pub id: UserRef,
    /// Which, by its public id.
    pub session: Uuid,
}

impl Command for RevokeSession {
    type Reply = ();
    const NAME: &'static str = "session.revoke";
    const ROUTE: Route = Route::delete("/users/{id}/sessions/{session}");
    const ABOUT: &'static str = "Ends one session of a user, and every token of it.";

    fn access(&self) -> Access {
        Access::word(format!("sessions.{}.end", self.id))
    }
}

/// `session.end_others`: ends every session of a user but the one that the request's token belongs to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndOtherSessions {
    /// Whose.
    pub id: UserRef,
}

/// How many ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedSessions {
    /// Sessions that were alive.
    pub ended: u64,
}

impl Command for EndOtherSessions {
    type Reply = EndedSessions;
    const NAME: &'static str = "session.end_others";
    const ROUTE: Route = Route::delete("/users/{id}/sessions").with_status(200);
    const ABOUT: &'static str = "Ends the sessions of a user, but for the one that the request's token belongs to.";

    fn access(&self) -> Access {
        Access::word(format!("sessions.{}.end", self.id))
    }
}
