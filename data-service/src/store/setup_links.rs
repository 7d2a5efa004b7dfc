//! The table of one-time links that make the first administrator.

use super::entity::setup_link::{ActiveModel, Column, Entity};
use super::sealed;
use crate::error::Result;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use shared::secret::Secret;
use shared::timestamp::Timestamp;

/// Seconds a link is good for.
const LIFETIME: i64 = 24 * 3600;

/// Adds a link, and forgets the earlier ones: only the link that was printed last works.
pub(crate) async fn replace(on: &impl ConnectionTrait, link: &Secret, now: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::UsedAt.is_null()).exec(on).await?;
    let row = ActiveModel {
        secret_hash: Set(sealed::hash(link)),
        created_at: Set(now.millis()),
        expires_at: Set(now.plus_seconds(LIFETIME).millis()),
        used_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(on).await?;
    Ok(())
}

/// True if a link could be spent now.
pub(crate) async fn is_good(on: &impl ConnectionTrait, link: &Secret, now: Timestamp) -> Result<bool> {
    let row = Entity::find_by_id(sealed::hash(link)).one(on).await?;
    Ok(row.is_some_and(|row| row.used_at.is_none() && now.millis() < row.expires_at))
}

/// Spends a link; true if it was good.
pub(crate) async fn spend(on: &impl ConnectionTrait, link: &Secret, now: Timestamp) -> Result<bool> {
    let spent = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now.millis()))
        .filter(Column::SecretHash.eq(sealed::hash(link)))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.millis()))
        .exec(on)
        .await?;
    Ok(spent.rows_affected == 1)
}
