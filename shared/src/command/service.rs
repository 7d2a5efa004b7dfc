//! Commands about the service itself and the caller.

use super::{Access, Command, Route, Session, User};
use crate::id::{ConsumerKey, ServiceName};
use crate::oauth1::{BodyHashAlgorithm, SignatureMethod};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// `whoami`: who the signature proves the caller to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Whoami {}

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoamiReply {
    /// The consumer.
    pub consumer: WhoamiConsumer,
    /// The user, if the request carried a token.
    pub user: Option<User>,
    /// The session the token belongs to, if it belongs to one.
    pub session: Option<Session>,
}

/// A consumer as it sees itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoamiConsumer {
    /// Its key.
    pub key: ConsumerKey,
    /// Its label.
    pub label: String,
    /// The service it belongs to.
    pub service: ServiceName,
}

impl Command for Whoami {
    type Reply = WhoamiReply;
    const NAME: &'static str = "whoami";
    const ROUTE: Route = Route::get("/");
    const ABOUT: &'static str = "Who the signature proves the caller to be.";

    fn access(&self) -> Access {
        Access::Consumer
    }
}

/// `stats`: how the service is doing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetStats {}

/// How the service is doing. Uptime and requests are those of the instance that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// Seconds since it was started.
    pub uptime_seconds: u64,
    /// How often each command was called since then, refusals included, once the signature held.
    pub requests: BTreeMap<String, u64>,
    /// Live sessions, those of visitors included.
    pub sessions: u64,
    /// Live tokens.
    pub tokens: u64,
}

impl Command for GetStats {
    type Reply = Stats;
    const NAME: &'static str = "stats";
    const ROUTE: Route = Route::get("/stats");
    const ABOUT: &'static str = "Uptime, requests by command, live sessions and tokens.";

    fn access(&self) -> Access {
        Access::word("stats.read")
    }
}

/// `echo`: any method and any body under `/echo`. Not a [`Command`], because it has no fields of its own: it answers
/// what was verified, so that people can point their own client at it.
pub struct Echo;

impl Echo {
    /// Its name in logs and metrics.
    pub const NAME: &'static str = "echo";
    /// Its path; everything below belongs to it too.
    pub const PATH: &'static str = "/echo";
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Echoed<'a> {
    /// The consumer's key.
    pub consumer: Cow<'a, str>,
    /// The user's id, if the request carried a token.
    pub user: Option<Uuid>,
    /// The token, if the request carried one.
    pub token: Option<Cow<'a, str>>,
    /// The method that was signed.
    pub method: Cow<'a, str>,
    /// The base string URI that was signed.
    pub url: Cow<'a, str>,
    /// How many parameters of query and form were signed, OAuth's own not counted.
    pub parameters: usize,
    /// How the request was signed.
    pub signature_method: SignatureMethod,
    /// Which body hash covered the body.
    pub body_hash: Option<BodyHashAlgorithm>,
    /// Bytes of the body.
    pub body_bytes: usize,
}
