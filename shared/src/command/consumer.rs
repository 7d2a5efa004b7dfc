//! Consumers: the services that talk to the data service, each with a key and one or two live secrets.

use super::{Access, Command, Page, Receipt, Route, patch};
use crate::acl::AccessList;
use crate::id::{ConsumerKey, ServiceName};
use crate::oauth1::{BodyHash, Location, SignatureMethod};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A consumer. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consumer {
    /// Its key.
    pub key: ConsumerKey,
    /// The service it belongs to.
    pub service: ServiceName,
    /// What people call it.
    pub label: String,
    /// What it may do. A request that carries a token must be permitted by the user's list too.
    pub access: AccessList,
    /// How it may sign.
    pub signature_methods: Vec<SignatureMethod>,
    /// Whether bodies must be covered by a body hash.
    pub body_hash: BodyHash,
    /// Where its OAuth parameters may stand.
    pub locations: Vec<Location>,
    /// Its secrets that are alive, without the secret itself.
    pub secrets: Vec<ConsumerSecret>,
    /// How many of its tokens are alive.
    pub live_tokens: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used, to within about a minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is given no new tokens.
    #[serde(default)]
    pub drained_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Grows by every change.
    pub version: i64,
}

/// What may be known about a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsumerSecret {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; `null` for the newest.
    pub retires_at: Option<Timestamp>,
    /// When it was last used, to within about a minute.
    pub last_used_at: Option<Timestamp>,
}

/// `consumer.create`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateConsumer {
    /// The service it belongs to.
    pub service: ServiceName,
    /// What people call it; the service's name if nothing is said.
    #[serde(default)]
    pub label: Option<String>,
    /// What it may do; signing people in and acting for them if nothing is said.
    #[serde(default)]
    pub access: Option<AccessList>,
    /// How it may sign; all three methods if nothing is said.
    #[serde(default)]
    pub signature_methods: Option<Vec<SignatureMethod>>,
    /// `required` if nothing is said.
    #[serde(default)]
    pub body_hash: Option<BodyHash>,
    /// `header` alone if nothing is said.
    #[serde(default)]
    pub locations: Option<Vec<Location>>,
}

/// A new consumer. The only time its secret is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsumerCreated {
    /// Its secret.
    pub secret: Secret,
    /// The consumer.
    #[serde(flatten)]
    pub consumer: Consumer,
}

impl Command for CreateConsumer {
    type Reply = ConsumerCreated;
    const NAME: &'static str = "consumer.create";
    const ROUTE: Route = Route::post("/consumers").creates("/consumers/{key}");
    const ABOUT: &'static str = "Registers a service. The secret is shown this once.";

    fn access(&self) -> Access {
        Access::word("consumers.create")
    }
}

/// `consumer.list`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListConsumers {
    /// How many, at most 200.
    #[serde(default)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

impl Command for ListConsumers {
    type Reply = Page<Consumer>;
    const NAME: &'static str = "consumer.list";
    const ROUTE: Route = Route::get("/consumers");
    const ABOUT: &'static str = "Registered consumers, the revoked ones too, by key.";

    fn access(&self) -> Access {
        Access::word("consumers.read")
    }
}

/// `consumer.get`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetConsumer {
    /// Which.
    pub key: ConsumerKey,
}

impl Command for GetConsumer {
    type Reply = Consumer;
    const NAME: &'static str = "consumer.get";
    const ROUTE: Route = Route::get("/consumers/{key}");
    const ABOUT: &'static str = "One consumer, with its live tokens and last use.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.read", self.key))
    }
}

/// `consumer.update`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateConsumer {
    /// Which.
    pub key: ConsumerKey,
    /// What changes.
    #[serde(deserialize_with = "patch::object")]
    pub patch: ConsumerPatch,
    /// The version that is expected.
    #[serde(default)]
    pub if_match: Option<i64>,
}

/// A merge patch for a consumer.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerPatch {
    /// `null` makes it the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::nullable")]
    pub label: Option<Option<String>>,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessList>,
    /// How it may sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_methods: Option<Vec<SignatureMethod>>,
    /// Whether bodies must be covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_hash: Option<BodyHash>,
    /// Where its OAuth parameters may stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<Location>>,
}

impl Command for UpdateConsumer {
    type Reply = Consumer;
    const NAME: &'static str = "consumer.update";
    const ROUTE: Route = Route::patch("/consumers/{key}");
    const ABOUT: &'static str = "Changes label, access, methods, body hash or locations, at once on every instance.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.update", self.key))
    }
}

/// `consumer.impact`: what a revocation would end.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetConsumerImpact {
    /// Which.
    pub key: ConsumerKey,
}

/// What a revocation would end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// Live tokens.
    pub tokens: u64,
    /// Live sessions that hold such a token; they themselves go on.
    pub sessions: u64,
    /// Users behind those tokens.
    pub users: u64,
    /// When the consumer was last used.
    pub last_used_at: Option<Timestamp>,
}

impl Command for GetConsumerImpact {
    type Reply = Impact;
    const NAME: &'static str = "consumer.impact";
    const ROUTE: Route = Route::get("/consumers/{key}/impact");
    const ABOUT: &'static str = "What revoking a consumer would end.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.read", self.key))
    }
}

/// `consumer.rotate`: a second secret, while the old one still works for a while.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateConsumer {
    /// Which.
    pub key: ConsumerKey,
    /// Seconds the old secrets go on working; a day if nothing is said, 0 ends them now.
    #[serde(default)]
    pub overlap_seconds: Option<i64>,
}

/// A new secret. The only time it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rotated {
    /// The consumer.
    pub key: ConsumerKey,
    /// The new secret.
    pub secret: Secret,
    /// Its id.
    pub id: Uuid,
    /// The secrets that are alive now, the new one first.
    pub secrets: Vec<ConsumerSecret>,
    /// Which instances know of it.
    pub receipt: Receipt,
}

impl Command for RotateConsumer {
    type Reply = Rotated;
    const NAME: &'static str = "consumer.rotate";
    const ROUTE: Route = Route::post("/consumers/{key}/secrets").with_status(201);
    const ABOUT: &'static str = "A second secret; the old ones retire after the overlap.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.rotate", self.key))
    }
}

/// `consumer.revoke`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeConsumer {
    /// Which.
    pub key: ConsumerKey,
}

impl Command for RevokeConsumer {
    type Reply = Receipt;
    const NAME: &'static str = "consumer.revoke";
    const ROUTE: Route = Route::post("/consumers/{key}/revoke");
    const ABOUT: &'static str = "Ends a consumer and all its tokens. The answer is the receipt.";

    fn access(&self) -> Access {
        Access::word(format!("consumers.{}.revoke", self.key))
    }
}
