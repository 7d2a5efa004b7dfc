//! Users: who a person is. What services keep about them is a profile.

use super::{Access, Command, Page, Receipt, Route, patch};
use crate::acl::AccessList;
use crate::id::{Email, TokenKey, UserRef, Username};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use uuid::Uuid;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Never changes.
    pub id: Uuid,
    /// The name to sign in with; unique whatever its letter case.
    pub username: Username,
    /// Also good for signing in; unique whatever its letter case.
    pub email: Option<Email>,
    /// What the person is called.
    pub name: Option<String>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// Since when they cannot sign in.
    pub disabled_at: Option<Timestamp>,
    /// Grows by every change; also the `ETag`.
    pub version: i64,
}

/// `authenticate`: exchanges a password for a session, a token and its secret.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authenticate {
    /// A user name or an e-mail address.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// What the consumer knows about who is typing, for throttling.
    #[serde(default)]
    pub client: Option<Client>,
    /// The value of the cookie that the visitor came with. What services keep in a session without a user is carried
    /// over; the session itself ends.
    #[serde(default)]
    pub sessionid: Option<Secret>,
    /// The longer limits: for a browser that is to be remembered.
    #[serde(default)]
    pub remember: bool,
}

/// Who is typing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The address the person comes from: guesses are throttled by its network.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// `device` of an earlier login in the same browser: it has a count of its own, so that strangers who guess at
    /// a name do not keep its owner out.
    #[serde(default)]
    pub device: Option<Secret>,
}

/// A login that went well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authenticated {
    /// A token of the calling consumer for this session.
    pub token: TokenKey,
    /// Its secret.
    pub secret: Secret,
    /// When session and token end by themselves if nobody uses them.
    pub expires_at: Timestamp,
    /// Who it is.
    pub user: User,
    /// The secret session id: the value for the `sessionid` cookie.
    pub sessionid: Secret,
    /// Proof for [`Client::device`] next time.
    pub device: Secret,
}

impl Command for Authenticate {
    type Reply = Authenticated;
    const NAME: &'static str = "authenticate";
    const ROUTE: Route = Route::post("/authenticate");
    const ABOUT: &'static str =
        "Exchanges a name (or e-mail address) and a password for a session, a token and its secret.";

    fn access(&self) -> Access {
        Access::word("authenticate")
    }
}

/// `setup.claim`: turns the one-time link of a new installation into its first administrator.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimSetup {
    /// The secret part of the link.
    pub link: Secret,
    /// The administrator's name.
    pub username: Username,
    /// Their password.
    pub password: Secret,
    /// Their address.
    #[serde(default)]
    pub email: Option<Email>,
}

impl Command for ClaimSetup {
    type Reply = User;
    const NAME: &'static str = "setup.claim";
    const ROUTE: Route = Route::post("/setup").creates("/users/{id}");
    const ABOUT: &'static str =
        "Makes the first administrator from a one-time link. 410 when the link is spent or too old.";

    fn access(&self) -> Access {
        Access::word("setup.claim")
    }
}

/// `user.get`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUser {
    /// Whom.
    pub id: UserRef,
}

impl Command for GetUser {
    type Reply = User;
    const NAME: &'static str = "user.get";
    const ROUTE: Route = Route::get("/users/{id}");
    const ABOUT: &'static str = "One user.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.read", self.id))
    }
}

/// `user.create`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// The name to sign in with.
    pub username: Username,
    /// The address.
    #[serde(default)]
    pub email: Option<Email>,
    /// What the person is called.
    #[serde(default)]
    pub name: Option<String>,
    /// Without one the user cannot sign in by password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// What they may do; an ordinary user's words if nothing is said. The caller must hold all of it.
    #[serde(default)]
    pub access: Option<AccessList>,
}

impl Command for CreateUser {
    type Reply = User;
    const NAME: &'static str = "user.create";
    const ROUTE: Route = Route::post("/users").creates("/users/{id}");
    const ABOUT: &'static str = "Makes a user.";

    fn access(&self) -> Access {
        Access::word("users.create")
    }
}

/// `user.list`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// How many, at most 200.
    #[serde(default)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// Only users whose name or address begins with this, whatever the letter case.
    #[serde(default, deserialize_with = "text_or_number")]
    pub search: Option<String>,
}

/// A search for `42` arrives as a number when it comes from a query.
fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
}

impl Command for ListUsers {
    type Reply = Page<User>;
    const NAME: &'static str = "user.list";
    const ROUTE: Route = Route::get("/users");
    const ABOUT: &'static str = "Users, oldest first.";

    fn access(&self) -> Access {
        Access::word("users.read")
    }
}

/// `user.update`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Whom.
    pub id: UserRef,
    /// What changes.
    #[serde(deserialize_with = "patch::object")]
    pub patch: UserPatch,
    /// The version that is expected.
    #[serde(default)]
    pub if_match: Option<i64>,
}

/// A merge patch for a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// A new name to sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// `null` removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::nullable")]
    pub email: Option<Option<Email>>,
    /// `null` removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::nullable")]
    pub name: Option<Option<String>>,
}

impl Command for UpdateUser {
    type Reply = User;
    const NAME: &'static str = "user.update";
    const ROUTE: Route = Route::patch("/users/{id}");
    const ABOUT: &'static str = "Changes a user by a JSON merge patch (RFC 7396).";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.update", self.id))
    }
}

/// `user.delete`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {
    /// Whom.
    pub id: UserRef,
    /// The version that is expected.
    #[serde(default)]
    pub if_match: Option<i64>,
}

impl Command for DeleteUser {
    type Reply = ();
    const NAME: &'static str = "user.delete";
    const ROUTE: Route = Route::delete("/users/{id}").with_if_match();
    const ABOUT: &'static str = "Deletes a user with their sessions, tokens and profiles.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.delete", self.id))
    }
}

/// `user.disable`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableUser {
    /// Whom.
    pub id: UserRef,
}

impl Command for DisableUser {
    type Reply = Receipt;
    const NAME: &'static str = "user.disable";
    const ROUTE: Route = Route::post("/users/{id}/disable");
    const ABOUT: &'static str =
        "Ends a user's sessions and tokens and keeps them from signing in. Answers with a receipt.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.disable", self.id))
    }
}

/// `user.enable`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableUser {
    /// Whom.
    pub id: UserRef,
}

impl Command for EnableUser {
    type Reply = User;
    const NAME: &'static str = "user.enable";
    const ROUTE: Route = Route::post("/users/{id}/enable");
    const ABOUT: &'static str = "Lets a disabled user sign in again. What was ended stays ended.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.enable", self.id))
    }
}

/// What a user may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserAccess {
    /// The access words.
    pub access: AccessList,
}

/// `user.get_access`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetAccess {
    /// Whose.
    pub id: UserRef,
}

impl Command for GetAccess {
    type Reply = UserAccess;
    const NAME: &'static str = "user.get_access";
    const ROUTE: Route = Route::get("/users/{id}/access");
    const ABOUT: &'static str = "The access words a user holds.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.access.read", self.id))
    }
}

/// `user.set_access`
///
/// Its access word lies outside `users.me.#`, so that nobody widens their own rights by it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAccess {
    /// Whose.
    pub id: UserRef,
    /// The new words. The caller must hold all of it.
    pub access: AccessList,
}

impl Command for SetAccess {
    type Reply = UserAccess;
    const NAME: &'static str = "user.set_access";
    const ROUTE: Route = Route::put("/users/{id}/access");
    const ABOUT: &'static str = "Replaces the access words a user holds; a caller hands out only what they hold.";

    fn access(&self) -> Access {
        Access::word(format!("access.{}.update", self.id))
    }
}

/// `user.set_password`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// Whose.
    pub id: UserRef,
    /// The new one, 8 to 1024 bytes.
    pub password: Secret,
    /// The old one; needed for one's own.
    #[serde(default)]
    pub current_password: Option<Secret>,
}

impl Command for SetPassword {
    type Reply = ();
    const NAME: &'static str = "user.set_password";
    const ROUTE: Route = Route::put("/users/{id}/password").with_status(204);
    const ABOUT: &'static str = "Sets a password. One's own needs the current one; the user's other sessions end.";

    fn access(&self) -> Access {
        Access::word(format!("users.{}.password.update", self.id))
    }
}
