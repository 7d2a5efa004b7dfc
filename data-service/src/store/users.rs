//! The table of users.

use super::entity::user::{ActiveModel, Column, Entity, Model};
use super::{is_taken, known, parse, text};
use crate::error::Result;
use sea_orm::sea_query::{Expr, LikeExpr};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use shared::acl::AccessList;
use shared::command::User;
use shared::error::{Code, Refusal};
use shared::id::{Email, Username};
use shared::timestamp::Timestamp;
use uuid::Uuid;

/// A user with what nobody outside may see.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The user.
    pub(crate) user: User,
    /// The password hash (PHC string), if there is one.
    pub(crate) password_hash: Option<String>,
    /// What the user may do.
    pub(crate) access: AccessList,
}

impl TryFrom<Model> for Account {
    type Error = crate::error::Error;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            access: parse("users.access", &row.access)?,
            password_hash: row.password_hash,
            user: User {
                id: known("users.id", &row.id)?,
                username: known("users.username", &row.username)?,
                email: row.email.map(|email| known("users.email", &email)).transpose()?,
                name: row.name,
                created_at: Timestamp::from_millis(row.created_at),
                disabled_at: row.disabled_at.map(Timestamp::from_millis),
                version: row.version,
            },
        })
    }
}

impl From<&Account> for ActiveModel {
    fn from(account: &Account) -> Self {
        let user = &account.user;
        Self {
            id: Set(user.id.to_string()),
            username: Set(user.username.as_str().into()),
            username_folded: Set(user.username.folded()),
            email: Set(user.email.as_ref().map(|email| email.as_str().into())),
            email_folded: Set(user.email.as_ref().map(Email::folded)),
            name: Set(user.name.clone()),
            password_hash: Set(account.password_hash.clone()),
            access: Set(text(&account.access)),
            created_at: Set(user.created_at.millis()),
            disabled_at: Set(user.disabled_at.map(Timestamp::millis)),
            version: Set(user.version),
        }
    }
}

/// Adds a user.
pub(crate) async fn insert(on: &impl ConnectionTrait, account: &Account) -> Result<()> {
    Entity::insert(ActiveModel::from(account)).exec_without_returning(on).await.map_err(taken)?;
    Ok(())
}

/// Writes a changed user back.
pub(crate) async fn update(on: &impl ConnectionTrait, account: &Account) -> Result<()> {
    ActiveModel::from(account).reset_all().update(on).await.map_err(taken)?;
    Ok(())
}

/// Replaces a password hash by one of the same password, unless it changed in the meantime.
pub(crate) async fn upgrade_hash(on: &impl ConnectionTrait, id: Uuid, old: &str, new: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(new))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::PasswordHash.eq(old))
        .exec(on)
        .await?;
    Ok(())
}

/// Removes a user and, by the schema, everything that belongs to them.
pub(crate) async fn delete(on: &impl ConnectionTrait, id: Uuid) -> Result<()> {
    Entity::delete_by_id(id.to_string()).exec(on).await?;
    Ok(())
}

/// A user by id.
pub(crate) async fn by_id(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Account>> {
    Entity::find_by_id(id.to_string()).one(on).await?.map(Account::try_from).transpose()
}

/// A user by id, or `not_found`.
pub(crate) async fn must_find(on: &impl ConnectionTrait, id: Uuid) -> Result<Account> {
    by_id(on, id).await?.ok_or_else(no_such_user)
}

fn no_such_user() -> crate::error::Error {
    Refusal::new(Code::NotFound, "there is no such user").into()
}

/// A user by id, or `not_found`, in a transaction that is going to change what the user has: of two such, one waits.
pub(crate) async fn locked(on: &impl ConnectionTrait, id: Uuid) -> Result<Account> {
    // On SQLite the transaction has the write lock already, and this adds nothing to the query.
    find_locked(on, id).await?.ok_or_else(no_such_user)
}

/// The same, if there is such a user.
pub(crate) async fn find_locked(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Account>> {
    let row = Entity::find_by_id(id.to_string()).lock_exclusive().one(on).await?;
    row.map(Account::try_from).transpose()
}

/// A user by name or e-mail address, whatever the letter case. Names cannot hold an `@`, so there is no confusion.
pub(crate) async fn by_login(on: &impl ConnectionTrait, login: &str) -> Result<Option<Account>> {
    let condition = match (login.parse::<Username>(), login.parse::<Email>()) {
        (Ok(name), _) => Column::UsernameFolded.eq(name.folded()),
        (_, Ok(email)) => Column::EmailFolded.eq(email.folded()),
        // The same look-up for a name that cannot exist.
        _ => Column::UsernameFolded.eq(""),
    };
    Entity::find().filter(condition).one(on).await?.map(Account::try_from).transpose()
}

/// Users after an id, oldest first.
pub(crate) async fn list(
    on: &impl ConnectionTrait,
    after: Option<Uuid>,
    search: Option<&str>,
    limit: u64,
) -> Result<Vec<User>> {
    let mut query = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after.to_string()));
    }
    if let Some(search) = search {
        let escaped: String = search.to_lowercase().chars().flat_map(escaped).collect();
        let begins = || LikeExpr::new(format!("{escaped}%")).escape('\\');
        let name = Expr::col(Column::UsernameFolded).like(begins());
        let email = Expr::col(Column::EmailFolded).like(begins());
        query = query.filter(Condition::any().add(name).add(email));
    }
    query.all(on).await?.into_iter().map(|row| Account::try_from(row).map(|account| account.user)).collect()
}

/// True if anybody holds `#` and can sign in.
pub(crate) async fn has_administrator(on: &impl ConnectionTrait) -> Result<bool> {
    let found = Entity::find()
        .filter(Column::Access.eq(text(&AccessList::administrator())))
        .filter(Column::DisabledAt.is_null())
        .one(on)
        .await?;
    Ok(found.is_some())
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    let escape = matches!(character, '%' | '_' | '\\').then_some('\\');
    escape.into_iter().chain(std::iter::once(character))
}

fn taken(error: DbErr) -> crate::error::Error {
    if is_taken(&error) {
        return Refusal::new(Code::Conflict, "this name or e-mail address is taken").into();
    }
    error.into()
}
