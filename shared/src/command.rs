//! Commands: everything the data service can do, each a plain struct.
//!
//! From one `impl Command` follow the HTTP route, the access check, the typed client ([`Command::encode`]), the
//! OpenAPI document ([`crate::openapi`]), the names message doors carry, the log line and the metric label.
//!
//! To add a command: write the struct and its reply in the file of its noun, implement [`Command`], and add it to
//! [`for_each_command!`](crate::for_each_command). The data service then does not compile until it has a `run`.

mod consumer;
mod decommission;
mod event;
mod page;
mod profile;
mod route;
mod service;
mod session;
mod token;
mod user;

pub use consumer::{
    Consumer, ConsumerCreated, ConsumerPatch, ConsumerSecret, CreateConsumer, GetConsumer, GetConsumerImpact, Impact,
    ListConsumers, RevokeConsumer, RotateConsumer, Rotated, UpdateConsumer,
};
pub use decommission::{DrainConsumer, PurgeConsumer, Purged, UndrainConsumer};
pub use event::ListEvents;
pub use page::{Limit, Page};
pub use profile::{DeleteProfile, GetProfile, PatchProfile, Profile, PutProfile};
pub use route::{Body, HttpRequest, Method, Route, RouteError, decode, decode_whole};
pub use service::{Echo, Echoed, GetStats, Stats, Whoami, WhoamiConsumer, WhoamiReply};
pub use session::{
    CreateSession, CycleSession, Cycled, EndOtherSessions, EndSession, EndedSessions, ListSessions, NewData,
    ResolveSession, RevokeSession, SaveSession, Saved, Session, SessionCreated, SessionData, SessionPatch, SessionSeen,
    SessionState, TouchSession, Touched,
};
pub use token::{Confirmation, CreateToken, Ended, ListTokens, Receipt, RevokeToken, Token, TokenCreated};
pub use user::{
    Authenticate, Authenticated, ClaimSetup, Client, CreateUser, DeleteUser, DisableUser, EnableUser, GetAccess,
    GetUser, ListUsers, SetAccess, SetPassword, UpdateUser, User, UserAccess, UserPatch,
};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// What a caller must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing but the proof of being a consumer.
    Consumer,
    /// This access word. `me` in it stands for the caller's user, `own` parts are filled in by the data service.
    Word(String),
}

impl Access {
    /// An access word.
    pub fn word(word: impl Into<String>) -> Self {
        Self::Word(word.into())
    }
}

/// Something a caller may ask the data service to do.
pub trait Command: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// What is answered.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// What message doors carry, what the log and the metrics say: `session.resolve`.
    const NAME: &'static str;

    /// Its place in HTTP.
    const ROUTE: Route;

    /// One sentence for the OpenAPI document.
    const ABOUT: &'static str;

    /// The access the caller must hold.
    fn access(&self) -> Access;

    /// The HTTP request that carries this command: what a typed client sends.
    fn encode(&self) -> Result<HttpRequest, RouteError> {
        let value = serde_json::to_value(self).map_err(|e| RouteError::Malformed(e.to_string()))?;
        Self::ROUTE.encode(value)
    }
}

/// Calls `$with!` once with every command type. The one list from which doors and documents are built.
#[macro_export]
macro_rules! for_each_command {
    ($with:ident) => {
        $with! {
            Whoami,
            Authenticate,
            GetUser,
            CreateUser,
            ListUsers,
            UpdateUser,
            DeleteUser,
            DisableUser,
            EnableUser,
            GetAccess,
            SetAccess,
            SetPassword,
            GetProfile,
            PutProfile,
            PatchProfile,
            DeleteProfile,
            CreateConsumer,
            ListConsumers,
            GetConsumer,
            UpdateConsumer,
            GetConsumerImpact,
            RotateConsumer,
            RevokeConsumer,
            DrainConsumer,
            UndrainConsumer,
            PurgeConsumer,
            CreateToken,
            ListTokens,
            RevokeToken,
            CreateSession,
            ResolveSession,
            SaveSession,
            CycleSession,
            TouchSession,
            EndSession,
            ListSessions,
            RevokeSession,
            EndOtherSessions,
            ListEvents,
            GetStats,
            ClaimSetup,
        }
    };
}

/// Serde helper for merge patches: tells a field that is `null` (`Some(None)`) from one that is left out (`None`).
pub(crate) mod patch {
    use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
    use serde_json::{Map, Value};

    pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de>,
    {
        Option::deserialize(deserializer).map(Some)
    }

    /// An object and nothing else: left to itself, serde takes a list for a struct, too.
    pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: DeserializeOwned,
    {
        let fields = Map::<String, Value>::deserialize(deserializer)?;
        T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    /// Serde would take a list for a patch without fields, and the answer would be that all went well.
    #[test]
    fn a_patch_is_an_object() {
        for patch in [json!([]), json!([null]), json!("name"), json!(null)] {
            assert!(from_value::<UpdateUser>(json!({ "id": "me", "patch": patch })).is_err(), "{patch}");
            assert!(from_value::<UpdateConsumer>(json!({ "key": "blog", "patch": patch })).is_err(), "{patch}");
        }
        let update: UpdateUser = from_value(json!({ "id": "me", "patch": { "name": null } })).unwrap();
        assert_eq!((update.patch.name, update.patch.email), (Some(None), None), "null is not left out");
    }
}
