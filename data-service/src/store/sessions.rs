//! The table of sessions.

use super::entity::session::{ActiveModel, Column, Entity, Model};
use super::{known, sealed, session_data};
use crate::error::Result;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use uuid::Uuid;

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct StoredSession {
    /// Its public id.
    pub(crate) id: Uuid,
    /// Whose it is, if it is anybody's.
    pub(crate) user: Option<Uuid>,
    /// True if the longer limits are its limits.
    pub(crate) remembered: bool,
    /// When it began.
    pub(crate) created_at: Timestamp,
    /// When it was last used, as far as that was written down.
    pub(crate) last_used_at: Timestamp,
    /// When it ends by itself: the nearer of both limits.
    pub(crate) expires_at: Timestamp,
    /// Its absolute limit.
    pub(crate) ends_at: Timestamp,
    /// True once it was ended.
    pub(crate) ended: bool,
    /// Grows when its data changes.
    pub(crate) version: i64,
}

impl StoredSession {
    /// True while it counts.
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        !self.ended && now < self.expires_at
    }
}

impl TryFrom<Model> for StoredSession {
    type Error = crate::error::Error;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: known("sessions.id", &row.id)?,
            user: row.user_id.map(|user| known("sessions.user_id", &user)).transpose()?,
            remembered: row.remembered != 0,
            created_at: Timestamp::from_millis(row.created_at),
            last_used_at: Timestamp::from_millis(row.last_used_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            ends_at: Timestamp::from_millis(row.ends_at),
            ended: row.ended_at.is_some(),
            version: row.version,
        })
    }
}

/// Adds a session; of its secret only a hash is kept.
pub(crate) async fn insert(on: &impl ConnectionTrait, session: &StoredSession, secret: &Secret) -> Result<()> {
    let row = ActiveModel {
        id: Set(session.id.to_string()),
        secret_hash: Set(sealed::hash(secret)),
        user_id: Set(session.user.map(|user| user.to_string())),
        remembered: Set(session.remembered.into()),
        created_at: Set(session.created_at.millis()),
        last_used_at: Set(session.last_used_at.millis()),
        expires_at: Set(session.expires_at.millis()),
        ends_at: Set(session.ends_at.millis()),
        ended_at: Set(None),
        version: Set(session.version),
    };
    Entity::insert(row).exec_without_returning(on).await?;
    Ok(())
}

/// A session by its secret, whatever its state, in a transaction that is going to change it: nobody else does until that
/// is over.
pub(crate) async fn locked_by_secret(on: &impl ConnectionTrait, secret: &Secret) -> Result<Option<StoredSession>> {
    // On SQLite the transaction has the write lock already, and this adds nothing to the query.
    let with_secret = Entity::find().filter(Column::SecretHash.eq(sealed::hash(secret)));
    found(on, with_secret.lock_exclusive()).await
}

/// A session by its public id, whatever its state.
pub(crate) async fn by_id(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<StoredSession>> {
    found(on, Entity::find_by_id(id.to_string())).await
}

/// The same in a transaction that is going to change it.
pub(crate) async fn locked_by_id(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<StoredSession>> {
    found(on, Entity::find_by_id(id.to_string()).lock_exclusive()).await
}

async fn found(on: &impl ConnectionTrait, query: Select<Entity>) -> Result<Option<StoredSession>> {
    query.one(on).await?.map(StoredSession::try_from).transpose()
}

/// Gives a session another secret.
pub(crate) async fn set_secret(on: &impl ConnectionTrait, id: Uuid, secret: &Secret) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SecretHash, Expr::value(sealed::hash(secret)))
        .filter(Column::Id.eq(id.to_string()))
        .exec(on)
        .await?;
    Ok(())
}

/// Notes that a session was used, and how long it lasts now.
pub(crate) async fn note_use(on: &impl ConnectionTrait, id: Uuid, now: Timestamp, expires_at: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now.millis()))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at.millis()))
        .filter(Column::Id.eq(id.to_string()))
        .exec(on)
        .await?;
    Ok(())
}

/// Notes that a session's data changed.
pub(crate) async fn set_version(on: &impl ConnectionTrait, id: Uuid, version: i64) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Version, Expr::value(version))
        .filter(Column::Id.eq(id.to_string()))
        .exec(on)
        .await?;
    Ok(())
}

/// Ends sessions, and forgets what services kept in them. Of one without a user nothing stays.
pub(crate) async fn end(on: &impl ConnectionTrait, sessions: &[StoredSession], now: Timestamp) -> Result<()> {
    session_data::forget(on, sessions.iter().map(|session| session.id)).await?;
    let ids = |users: bool| -> Vec<String> {
        let chosen = sessions.iter().filter(|session| session.user.is_some() == users);
        chosen.map(|session| session.id.to_string()).collect()
    };
    let (of_users, of_visitors) = (ids(true), ids(false));
    if !of_users.is_empty() {
        Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(now.millis()))
            .filter(Column::Id.is_in(of_users))
            .filter(Column::EndedAt.is_null())
            .exec(on)
            .await?;
    }
    if !of_visitors.is_empty() {
        Entity::delete_many().filter(Column::Id.is_in(of_visitors)).exec(on).await?;
    }
    Ok(())
}

/// Sessions that ended by themselves and are still to be cleared away, oldest first.
fn expired(now: Timestamp, limit: u64) -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.lte(now.millis()))
        .order_by_asc(Column::ExpiresAt)
        .limit(limit)
}

/// True if there are such.
pub(crate) async fn any_expired(on: &impl ConnectionTrait, now: Timestamp) -> Result<bool> {
    Ok(expired(now, 1).into_tuple::<String>().one(on).await?.is_some())
}

/// Clears away sessions that ended by themselves, one batch of them: what services kept in them goes, of one without a
/// user everything. That is no event, because everybody was told when it would be. True if there may be more.
pub(crate) async fn clear_expired(on: &impl ConnectionTrait, now: Timestamp, batch: u64) -> Result<bool> {
    let expired: Vec<String> = expired(now, batch).lock_exclusive().into_tuple().all(on).await?;
    if expired.is_empty() {
        return Ok(false);
    }
    let full = expired.len() as u64 == batch;
    session_data::forget_by_id(on, expired.clone()).await?;
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::col(Column::ExpiresAt))
        .filter(Column::Id.is_in(expired.clone()))
        .filter(Column::UserId.is_not_null())
        .exec(on)
        .await?;
    let visitors = Entity::delete_many().filter(Column::Id.is_in(expired)).filter(Column::UserId.is_null());
    visitors.exec(on).await?;
    Ok(full)
}

/// The live sessions of a user. SQLite would rather go through all that live, in the order in which they end; a sum is
/// nothing that an index knows.
fn alive_of(user: Uuid, now: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::EndedAt.is_null())
        .filter(Expr::col(Column::ExpiresAt).add(0).gt(now.millis()))
}

/// The live sessions of a user, oldest first.
pub(crate) async fn live_of_user(on: &impl ConnectionTrait, user: Uuid, now: Timestamp) -> Result<Vec<StoredSession>> {
    let rows = alive_of(user, now).order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(on).await?;
    rows.into_iter().map(StoredSession::try_from).collect()
}

/// The live sessions of a user, newest first, from one id on.
pub(crate) async fn list(
    on: &impl ConnectionTrait,
    user: Uuid,
    after: Option<Uuid>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<StoredSession>> {
    let mut query = alive_of(user, now).order_by_desc(Column::Id).limit(limit);
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after.to_string()));
    }
    query.all(on).await?.into_iter().map(StoredSession::try_from).collect()
}

/// How many sessions are alive, those of visitors included.
pub(crate) async fn count_live(on: &impl ConnectionTrait, now: Timestamp) -> Result<u64> {
    let alive = Entity::find().filter(Column::EndedAt.is_null()).filter(Column::ExpiresAt.gt(now.millis()));
    Ok(alive.count(on).await?)
}
