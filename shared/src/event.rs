//! Events: what happened, told after it was committed. Nothing secret is ever in one.

use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What an event is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Topic { $($(#[$doc])* #[serde(rename = $word)] $name,)* }

        impl Topic {
            /// The topic on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The topic of this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

topics! {
    /// Somebody proved who they are.
    UserSignedIn = "user.signed_in";
    /// A login was refused; the subject is the name that was tried.
    UserRefused = "user.refused";
    /// A user was made.
    UserCreated = "user.created";
    /// A user changed; `fields` says which.
    UserChanged = "user.changed";
    /// A user was disabled.
    UserDisabled = "user.disabled";
    /// A user was enabled again.
    UserEnabled = "user.enabled";
    /// A user was deleted.
    UserDeleted = "user.deleted";
    /// Somebody logged out.
    UserSignedOut = "user.signed_out";
    /// A user was signed in without a password, by a consumer that may.
    SessionCreated = "session.created";
    /// A session of a user ended; `reason` says why.
    SessionEnded = "session.ended";
    /// A token was ended.
    TokenRevoked = "token.revoked";
    /// A consumer was registered.
    ConsumerCreated = "consumer.created";
    /// A consumer changed.
    ConsumerChanged = "consumer.changed";
    /// A consumer has a new secret.
    ConsumerRotated = "consumer.rotated";
    /// A consumer was revoked.
    ConsumerRevoked = "consumer.revoked";
    /// A revoked consumer was removed for good.
    ConsumerPurged = "consumer.purged";
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Grows by every change; the order in which instances apply changes.
    pub sequence: i64,
    /// When it was committed.
    pub at: Timestamp,
    /// What it is about.
    pub topic: Topic,
    /// Whom it is about: a user id, a consumer key, a token, a session id.
    pub subject: String,
    /// Further facts, such as `fields`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub data: serde_json::Map<String, serde_json::Value>,
}
