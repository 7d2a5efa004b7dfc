//! Taking a service out of use in steps: drained, revoked, purged.

use super::{Access, Command, Consumer, Route};
use crate::id::ConsumerKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `consumer.drain`: no new tokens; those that are there live on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainConsumer {
    /// Which.
    pub key: ConsumerKey,
}

impl Command for DrainConsumer {
    type Reply = Consumer;
    const NAME: &'static str = "consumer.drain";
    const ROUTE: Route = Route::post("/consumers/{key}/drain");
    const ABOUT: &'static str = "Gives a consumer no new tokens from now on; those it has live on.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.drain", self.key))
    }
}

/// `consumer.undrain`: new tokens again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndrainConsumer {
    /// Which.
    pub key: ConsumerKey,
}

impl Command for UndrainConsumer {
    type Reply = Consumer;
    const NAME: &'static str = "consumer.undrain";
    const ROUTE: Route = Route::delete("/consumers/{key}/drain").with_status(200);
    const ABOUT: &'static str = "Takes a drain back: the consumer is given new tokens again.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.drain", self.key))
    }
}

/// `consumer.purge`: nothing is left of a revoked consumer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeConsumer {
    /// Which.
    pub key: ConsumerKey,
    /// Also removes the profiles of its service. Refused while the service has another consumer.
    #[serde(default)]
    pub profiles: bool,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Purged {
    /// The consumer that is no more.
    pub key: ConsumerKey,
    /// Tokens that went with it, all of them ended before.
    pub tokens: u64,
    /// Profiles that were removed.
    pub profiles: u64,
}

impl Command for PurgeConsumer {
    type Reply = Purged;
    const NAME: &'static str = "consumer.purge";
    const ROUTE: Route = Route::post("/consumers/{key}/purge");
    const ABOUT: &'static str = "Removes a revoked consumer for good, with its secrets and tokens.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.purge", self.key))
    }
}
