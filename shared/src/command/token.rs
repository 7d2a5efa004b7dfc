//! Tokens: a consumer acting for a user.

use super::{Access, Command, Page, Route};
use crate::id::{ConsumerKey, ServiceName, TokenKey, TokenRef, UserRef};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// The token: public, like a user name.
    pub token: TokenKey,
    /// The consumer that may use it.
    pub consumer: ConsumerKey,
    /// That consumer's label.
    pub label: String,
    /// The service that consumer belongs to.
    pub service: ServiceName,
    /// The session it belongs to; `null` for tokens of jobs.
    pub session: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was last used, to within about an hour.
    pub last_used_at: Option<Timestamp>,
}

/// `token.create`: for jobs that act for a user without their password.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The user, by id.
    pub user: Uuid,
    /// The consumer that may use it.
    pub consumer: ConsumerKey,
    /// Seconds until it ends; 30 days if nothing is said, at most ten years.
    #[serde(default)]
    pub expires_in: Option<i64>,
}

/// A new token. The only time its secret is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenCreated {
    /// The token.
    pub token: TokenKey,
    /// Its secret.
    pub secret: Secret,
    /// The user it acts for.
    pub user: Uuid,
    /// The consumer that may use it.
    pub consumer: ConsumerKey,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Command for CreateToken {
    type Reply = TokenCreated;
    const NAME: &'static str = "token.create";
    const ROUTE: Route = Route::post("/tokens").creates("/tokens/{token}");
    const ABOUT: &'static str = "A token for a job that acts for a user without their password.";

    fn access(&self) -> Access {
        Access::word("tokens.create")
    }
}

/// `token.list`: the live tokens of a user.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTokens {
    /// Whose.
    pub id: UserRef,
    /// How many, at most 200.
    #[serde(default)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
}

impl Command for ListTokens {
    type Reply = Page<Token>;
    const NAME: &'static str = "token.list";
    const ROUTE: Route = Route::get("/users/{id}/tokens");
    const ABOUT: &'static str = "The live tokens of a user, newest first, with their last use.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.tokens.read", self.id))
    }
}

/// `token.revoke`: ends a token; `self` ends the session it belongs to, which is logout.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    /// Which.
    pub token: TokenRef,
}

impl Command for RevokeToken {
    type Reply = Receipt;
    const NAME: &'static str = "token.revoke";
    const ROUTE: Route = Route::delete("/tokens/{token}").with_status(200);
    const ABOUT: &'static str = "Ends a token; `self` logs out. Answers with a receipt.";

    fn access(&self) -> Access {
        match self.token {
            TokenRef::Own => Access::Consumer,
            // `owner` is replaced by the user the token belongs to: `me` for one's own.
            TokenRef::Key(_) => Access::word("tokens.{owner}.revoke"),
        }
    }
}

/// The proof that credentials are dead: what was ended, and who has heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The sequence number of the change.
    pub sequence: i64,
    /// When it was committed.
    pub at: Timestamp,
    /// What ended.
    pub ended: Ended,
    /// The instances that have applied the change: from that moment on they accept nothing it ended.
    pub confirmed: Vec<Confirmation>,
    /// Instances that have not confirmed in time.
    pub silent: Vec<String>,
}

/// How much ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// Live tokens.
    pub tokens: u64,
    /// Live sessions.
    pub sessions: u64,
}

/// An instance that has applied a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// The name of the instance.
    pub instance: String,
    /// When it confirmed.
    pub at: Timestamp,
}
