//! What services keep in a session: one JSON object that all of them see, and one of each service's own.

use super::super::{Access, Command, Route, patch};
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What one service sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionData {
    /// Seen and changed by every service.
    pub shared: Map<String, Value>,
    /// Seen by the calling consumer's service alone.
    pub own: Map<String, Value>,
}

impl SessionData {
    /// Bytes that one namespace may have.
    pub const MOST_BYTES: usize = 64 * 1024;
    /// Arrays and objects may lie this deep in each other, the namespace being the first.
    pub const MOST_DEPTH: usize = 32;
}

/// What lies in a session from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewData {
    /// For every service.
    #[serde(default)]
    pub shared: Map<String, Value>,
    /// For the calling consumer's service alone.
    #[serde(default)]
    pub own: Map<String, Value>,
}

/// `session.save`: changes some keys and leaves the others alone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveSession {
    /// The value of the cookie.
    pub sessionid: Secret,
    /// What changes.
    #[serde(deserialize_with = "patch::object")]
    pub patch: SessionPatch,
    /// The version that is expected: 412 if there is another one.
    #[serde(default)]
    pub version: Option<i64>,
}

/// A JSON merge patch (RFC 7396) for each namespace: `null` removes a key, or with `null` as the patch all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionPatch {
    /// For what every service sees.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::nullable")]
    pub shared: Option<Option<Map<String, Value>>>,
    /// For the calling consumer's service's own.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::nullable")]
    pub own: Option<Option<Map<String, Value>>>,
}

/// A change that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Saved {
    /// The version of the session's data now.
    pub version: i64,
}

impl Command for SaveSession {
    type Reply = Saved;
    const NAME: &'static str = "session.save";
    const ROUTE: Route = Route::post("/sessions/save");
    const ABOUT: &'static str = "Changes keys of a session's data by a merge patch for each namespace. Patches of \
                                 different keys never overwrite each other.";

    fn access(&self) -> Access {
        Access::word("sessions.save")
    }
}
