//! The table of sessions.

use super::entity::session::{ActiveModel, Column, Entity, Model};
use super::{known, sealed};
use crate::error::Result;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use uuid::Uuid;

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct StoredSession {
    /// Its public id.
    pub(crate) id: Uuid,
    /// Whose it is.
    pub(crate) user: Uuid,
    /// When the person signed in.
    pub(crate) created_at: Timestamp,
    /// When it ends by itself.
    pub(crate) expires_at: Timestamp,
    /// True once it was ended.
    pub(crate) ended: bool,
    /// Grows when it changes.
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
            user: known("sessions.user_id", &row.user_id)?,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
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
        user_id: Set(session.user.to_string()),
        created_at: Set(session.created_at.millis()),
        expires_at: Set(session.expires_at.millis()),
        ended_at: Set(None),
        version: Set(session.version),
    };
    Entity::insert(row).exec_without_returning(on).await?;
    Ok(())
}

/// A session by its public id, whatever its state.
pub(crate) async fn by_id(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<StoredSession>> {
    Entity::find_by_id(id.to_string()).one(on).await?.map(StoredSession::try_from).transpose()
}

/// A session by its secret, whatever its state.
pub(crate) async fn by_secret(on: &impl ConnectionTrait, secret: &Secret) -> Result<Option<StoredSession>> {
    let row = Entity::find().filter(Column::SecretHash.eq(sealed::hash(secret))).one(on).await?;
    row.map(StoredSession::try_from).transpose()
}

/// Ends a session; true if it was alive.
pub(crate) async fn end(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<bool> {
    end_where(on, Condition::all().add(Column::Id.eq(id.to_string())), now).await.map(|ended| ended > 0)
}

/// Ends the sessions of a user, but for one; answers how many were alive.
pub(crate) async fn end_of_user(
    on: &impl ConnectionTrait,
    user: Uuid,
    but: Option<Uuid>,
    now: Timestamp,
) -> Result<u64> {
    let mut condition = Condition::all().add(Column::UserId.eq(user.to_string()));
    if let Some(kept) = but {
        condition = condition.add(Column::Id.ne(kept.to_string()));
    }
    end_where(on, condition, now).await
}

async fn end_where(on: &impl ConnectionTrait, condition: Condition, now: Timestamp) -> Result<u64> {
    let open = condition.add(Column::EndedAt.is_null());
    let alive = Entity::find().filter(open.clone()).filter(Column::ExpiresAt.gt(now.millis())).count(on).await?;
    Entity::update_many().col_expr(Column::EndedAt, Expr::value(now.millis())).filter(open).exec(on).await?;
    Ok(alive)
}

/// The live sessions of a user, by id.
pub(crate) async fn live_of_user(on: &impl ConnectionTrait, user: Uuid, now: Timestamp) -> Result<Vec<StoredSession>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.millis()))
        .all(on)
        .await?;
    rows.into_iter().map(StoredSession::try_from).collect()
}
