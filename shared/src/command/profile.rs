//! Profiles: what one service keeps about one user. No other service sees it.

use super::{Access, Command, Route};
use crate::id::UserRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A document and its version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// A JSON object of at most 64 KiB, the caller's service's own.
    pub document: Value,
    /// Grows by every change; also the `ETag`.
    pub version: i64,
}

impl Profile {
    /// Bytes of a document.
    pub const MOST_BYTES: usize = 64 * 1024;
}

fn access(id: UserRef, verb: &str) -> Access {
    // `own` is replaced by the service the calling consumer belongs to.
    Access::word(format!("users.{id}.profile.{{own}}.{verb}"))
}

/// `profile.get`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetProfile {
    /// About whom.
    pub id: UserRef,
}

impl Command for GetProfile {
    type Reply = Profile;
    const NAME: &'static str = "profile.get";
    const ROUTE: Route = Route::get("/users/{id}/profile").with_whole_reply("document");
    const ABOUT: &'static str = "The JSON document that the caller's service keeps about a user.";

    fn access(&self) -> Access {
        access(self.id, "read")
    }
}

/// `profile.put`: replaces the document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutProfile {
    /// About whom.
    pub id: UserRef,
    /// The new document: a JSON object.
    pub document: Value,
    /// The version that is expected; 0 for "there is none yet".
    #[serde(default)]
    pub if_match: Option<i64>,
}

impl Command for PutProfile {
    type Reply = Profile;
    const NAME: &'static str = "profile.put";
    const ROUTE: Route =
        Route::put("/users/{id}/profile").with_whole_body("document").with_whole_reply("document").with_if_match();
    const ABOUT: &'static str = "Replaces the document that the caller's service keeps about a user.";

    fn access(&self) -> Access {
        access(self.id, "update")
    }
}

/// `profile.patch`: changes the document by a merge patch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchProfile {
    /// About whom.
    pub id: UserRef,
    /// A merge patch (RFC 7396).
    pub patch: Value,
    /// The version that is expected.
    #[serde(default)]
    pub if_match: Option<i64>,
}

impl Command for PatchProfile {
    type Reply = Profile;
    const NAME: &'static str = "profile.patch";
    const ROUTE: Route = Route::patch("/users/{id}/profile").with_whole_reply("document");
    const ABOUT: &'static str = "Changes the document by a JSON merge patch (RFC 7396).";

    fn access(&self) -> Access {
        access(self.id, "update")
    }
}

/// `profile.delete`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteProfile {
    /// About whom.
    pub id: UserRef,
    /// The version that is expected.
    #[serde(default)]
    pub if_match: Option<i64>,
}

impl Command for DeleteProfile {
    type Reply = ();
    const NAME: &'static str = "profile.delete";
    const ROUTE: Route = Route::delete("/users/{id}/profile").with_if_match();
    const ABOUT: &'static str = "Forgets the document that the caller's service keeps about a user.";

    fn access(&self) -> Access {
        access(self.id, "update")
    }
}
