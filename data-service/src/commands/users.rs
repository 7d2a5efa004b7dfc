//! Users: made, changed, disabled, deleted.

use super::sessions::{Why, end_all};
use super::{Call, Run, bad_cursor, check_version, page};
use crate::chance;
use crate::checkers::gate::Verdict;
use crate::checkers::password;
use crate::error::Result;
use crate::store::tokens::Which;
use crate::store::users::Account;
use crate::store::{devices, events, sessions, tokens, users};
use serde_json::json;
use shared::acl::AccessList;
use shared::command::{
    CreateUser, DeleteUser, DisableUser, EnableUser, Ended, GetAccess, GetUser, Limit, ListUsers, Page, Receipt,
    SetAccess, SetPassword, UpdateUser, User, UserAccess,
};
use shared::error::{Code, Refusal};
use shared::event::Topic;

/// Characters of a display name.
const MOST_NAME: usize = 200;

impl Run for GetUser {
    async fn run(self, call: &Call<'_>) -> Result<User> {
        Ok(users::must_find(call.store().read(), call.caller.user(self.id)?).await?.user)
    }
}

impl Run for ListUsers {
    async fn run(self, call: &Call<'_>) -> Result<Page<User>> {
        let limit = Limit::of(self.limit);
        let after = self.after.map(|id| id.parse().map_err(|_| bad_cursor())).transpose()?;
        let items = users::list(call.store().read(), after, self.search.as_deref(), limit + 1).await?;
        Ok(page(items, limit, |user| user.id.to_string()))
    }
}

impl Run for CreateUser {
    async fn run(self, call: &Call<'_>) -> Result<User> {
        check_name(self.name.as_deref())?;
        if let Some(password) = &self.password {
            password::check_rules(password, self.username.as_str(), self.email.as_ref().map(|e| e.as_str()))?;
        }
        if let Some(access) = &self.access {
            check_access(call, access)?;
        }
        let password_hash = match self.password {
            Some(password) => Some(call.rooms.gate.hash(password).await?),
            None => None,
        };
        let user = User {
            id: chance::id(call.now),
            username: self.username,
            email: self.email,
            name: self.name,
            created_at: call.now,
            disabled_at: None,
            version: 1,
        };
        let account = Account { user, password_hash, access: self.access.unwrap_or_else(AccessList::ordinary_user) };
        let tx = call.store().begin().await?;
        users::insert(tx.on(), &account).await?;
        events::append(tx.on(), call.now, Topic::UserCreated, account.user.id, json!({})).await?;
        tx.commit().await?;
        Ok(account.user)
    }
}

impl Run for UpdateUser {
    async fn run(self, call: &Call<'_>) -> Result<User> {
        let id = call.caller.user(self.id)?;
        let tx = call.store().begin().await?;
        let mut account = users::must_find(tx.on(), id).await?;
        check_version(self.if_match, account.user.version)?;
        let before = account.user.clone();
        if let Some(username) = self.patch.username {
            account.user.username = username;
        }
        if let Some(email) = self.patch.email {
            account.user.email = email;
        }
        if let Some(name) = self.patch.name {
            check_name(name.as_deref())?;
            account.user.name = name;
        }
        let fields = changed_fields(&before, &account.user);
        if fields.is_empty() {
            return Ok(before);
        }
        account.user.version += 1;
        users::update(tx.on(), &account).await?;
        events::append(tx.on(), call.now, Topic::UserChanged, id, json!({ "fields": fields })).await?;
        tx.commit().await?;
        Ok(account.user)
    }
}

impl Run for DeleteUser {
    async fn run(self, call: &Call<'_>) -> Result<()> {
        let id = call.caller.user(self.id)?;
        let tx = call.store().begin().await?;
        let account = users::must_find(tx.on(), id).await?;
        check_version(self.if_match, account.user.version)?;
        users::delete(tx.on(), id).await?;
        let sequence = events::append(tx.on(), call.now, Topic::UserDeleted, id, json!({})).await?;
        tx.commit().await?;
        call.receipt(sequence, Ended::default()).await?;
        Ok(())
    }
}

impl Run for DisableUser {
    async fn run(self, call: &Call<'_>) -> Result<Receipt> {
        let id = call.caller.user(self.id)?;
        let tx = call.store().begin().await?;
        let mut account = users::locked(tx.on(), id).await?;
        account.user.disabled_at.get_or_insert(call.now);
        account.user.version += 1;
        users::update(tx.on(), &account).await?;
        let gone = sessions::live_of_user(tx.on(), id, call.now).await?;
        let (mut ended, _) = end_all(call, tx.on(), &gone, Why::Disabled).await?;
        // The tokens of jobs belong to no session.
        ended.tokens += tokens::revoke(tx.on(), Which::User(id), call.now).await?;
        let sequence = events::append(tx.on(), call.now, Topic::UserDisabled, id, json!(ended)).await?;
        tx.commit().await?;
        call.receipt(sequence, ended).await
    }
}

impl Run for EnableUser {
    async fn run(self, call: &Call<'_>) -> Result<User> {
        let id = call.caller.user(self.id)?;
        let tx = call.store().begin().await?;
        let mut account = users::must_find(tx.on(), id).await?;
        if account.user.disabled_at.take().is_some() {
            account.user.version += 1;
            users::update(tx.on(), &account).await?;
            events::append(tx.on(), call.now, Topic::UserEnabled, id, json!({})).await?;
            tx.commit().await?;
            call.rooms.bell.notify_one();
        }
        Ok(account.user)
    }
}

impl Run for GetAccess {
    async fn run(self, call: &Call<'_>) -> Result<UserAccess> {
        let account = users::must_find(call.store().read(), call.caller.user(self.id)?).await?;
        Ok(UserAccess { access: account.access })
    }
}

impl Run for SetAccess {
    async fn run(self, call: &Call<'_>) -> Result<UserAccess> {
        check_access(call, &self.access)?;
        let id = call.caller.user(self.id)?;
        let tx = call.store().begin().await?;
        let mut account = users::must_find(tx.on(), id).await?;
        // Nor may a caller take away what they could not give back.
        call.caller.must_be_able_to_grant(&account.access)?;
        account.access = self.access;
        account.user.version += 1;
        users::update(tx.on(), &account).await?;
        let data = json!({ "fields": ["access"] });
        let sequence = events::append(tx.on(), call.now, Topic::UserChanged, id, data).await?;
        tx.commit().await?;
        call.receipt(sequence, Ended::default()).await?;
        Ok(UserAccess { access: account.access })
    }
}

impl Run for SetPassword {
    async fn run(self, call: &Call<'_>) -> Result<()> {
        let id = call.caller.user(self.id)?;
        let account = users::must_find(call.store().read(), id).await?;
        let (name, email) = (account.user.username.as_str(), account.user.email.as_ref().map(|e| e.as_str()));
        password::check_rules(&self.password, name, email)?;
        let own = call.caller.me().user == Some(id);
        if own {
            prove_current(call, &account, self.current_password).await?;
        } else {
            call.caller.must_be_able_to_act_for(id, &account.access)?;
        }
        let hash = call.rooms.gate.hash(self.password).await?;
        let kept = if own { call.caller.me().session } else { None };
        let tx = call.store().begin().await?;
        let mut there = users::locked(tx.on(), id).await?;
        if there.password_hash != account.password_hash || there.access != account.access {
            return Err(Refusal::new(Code::Conflict, "the user was changed in the meantime").into());
        }
        there.password_hash = Some(hash);
        there.user.version += 1;
        users::update(tx.on(), &there).await?;
        let data = json!({ "fields": ["password"] });
        let changed = events::append(tx.on(), call.now, Topic::UserChanged, id, data).await?;
        let mut gone = sessions::live_of_user(tx.on(), id, call.now).await?;
        gone.retain(|session| Some(session.id) != kept);
        let (_, last) = end_all(call, tx.on(), &gone, Why::Password).await?;
        devices::forget_of_user(tx.on(), id).await?;
        tx.commit().await?;
        call.heard(last.or(Some(changed))).await
    }
}

/// One's own password is changed only by who knows the current one. Guesses here are guesses too.
async fn prove_current(call: &Call<'_>, account: &Account, current: Option<shared::secret::Secret>) -> Result<()> {
    let Some(current) = current else {
        return Err(Refusal::invalid("current_password", "required", "one's own password needs the current one").into());
    };
    let charge = crate::checkers::throttle::Charge::stranger(account.user.username.as_str(), None);
    charge.take(call.store(), call.now).await?;
    match call.rooms.gate.verify(current, account.password_hash.clone()).await {
        Ok(Verdict::Right(_)) => charge.refund(call.store(), call.now).await,
        Ok(Verdict::Wrong) => Err(Refusal::new(Code::InvalidCredentials, "the current password is wrong").into()),
        Err(error) => {
            charge.refund(call.store(), call.now).await?;
            Err(error)
        }
    }
}

fn check_name(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        Some(name) if name.chars().count() > MOST_NAME => {
            Err(Refusal::invalid("name", "too_long", "a name has at most 200 characters"))
        }
        Some(name) if name.trim().is_empty() || name.chars().any(char::is_control) => {
            Err(Refusal::invalid("name", "malformed", "a name is not empty and has no control characters"))
        }
        _ => Ok(()),
    }
}

/// An access list is well-formed and no more than the caller holds.
pub(super) fn check_access(call: &Call<'_>, access: &AccessList) -> Result<()> {
    access.check().map_err(|detail| Refusal::invalid("access", "malformed", detail))?;
    call.caller.must_be_able_to_grant(access)
}

/// The names of the fields in which two users differ.
fn changed_fields(before: &User, after: &User) -> Vec<String> {
    let (before, after) = (json!(before), json!(after));
    let fields = after.as_object().into_iter().flatten();
    fields.filter(|(name, value)| before.get(name) != Some(*value)).map(|(name, _)| name.clone()).collect()
}
