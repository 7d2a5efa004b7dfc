//! The table of failed logins.

use super::entity::throttle::{ActiveModel, Column, Entity};
use crate::error::Result;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use shared::timestamp::Timestamp;

/// What is known about one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Failures in a row.
    pub(crate) failures: i64,
    /// When the next attempt is heard.
    pub(crate) open_at: Timestamp,
    /// When it last changed.
    pub(crate) updated_at: Timestamp,
}

/// The count of a bucket.
pub(crate) async fn get(on: &impl ConnectionTrait, bucket: &str) -> Result<Option<Count>> {
    let row = Entity::find_by_id(bucket).one(on).await?;
    Ok(row.map(|row| Count {
        failures: row.failures,
        open_at: Timestamp::from_millis(row.open_at),
        updated_at: Timestamp::from_millis(row.updated_at),
    }))
}

/// Writes the count of a bucket.
pub(crate) async fn set(on: &impl ConnectionTrait, bucket: &str, count: Count) -> Result<()> {
    let row = ActiveModel {
        bucket: Set(bucket.into()),
        failures: Set(count.failures),
        open_at: Set(count.open_at.millis()),
        updated_at: Set(count.updated_at.millis()),
    };
    let columns = [Column::Failures, Column::OpenAt, Column::UpdatedAt];
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Bucket).update_columns(columns).to_owned())
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Forgets buckets.
pub(crate) async fn clear(on: &impl ConnectionTrait, buckets: &[String]) -> Result<()> {
    Entity::delete_many().filter(Column::Bucket.is_in(buckets)).exec(on).await?;
    Ok(())
}
