//! The table of instances: who runs, and up to which event each has applied.

use super::entity::instance::{ActiveModel, Column, Entity};
use crate::error::Result;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use shared::timestamp::Timestamp;

/// An instance that has not been seen for this long is no more: it stops trusting its own memory much earlier.
pub(crate) const GONE_AFTER_SECONDS: i64 = 30;

/// One instance.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// Its name.
    pub(crate) id: String,
    /// The last event it has applied.
    pub(crate) sequence: i64,
    /// When it had applied that.
    pub(crate) confirmed_at: Timestamp,
}

/// Says that an instance lives and how far it has come.
pub(crate) async fn report(
    on: &impl ConnectionTrait,
    id: &str,
    sequence: i64,
    confirmed_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let row = ActiveModel {
        id: Set(id.into()),
        sequence: Set(sequence),
        confirmed_at: Set(confirmed_at.millis()),
        seen_at: Set(now.millis()),
    };
    let columns = [Column::Sequence, Column::ConfirmedAt, Column::SeenAt];
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).update_columns(columns).to_owned())
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// The instances that are there: those seen a moment ago, and those named in `awaited` as long as they have not said
/// goodbye. Whoever was alive when a change was committed stays in its receipt.
pub(crate) async fn live(on: &impl ConnectionTrait, awaited: &[String], now: Timestamp) -> Result<Vec<Instance>> {
    let seen = Column::SeenAt.gt(now.plus_seconds(-GONE_AFTER_SECONDS).millis());
    let rows = Entity::find()
        .filter(Condition::any().add(seen).add(Column::Id.is_in(awaited)))
        .order_by_asc(Column::Id)
        .all(on)
        .await?;
    let instance = |row: super::entity::instance::Model| Instance {
        id: row.id,
        sequence: row.sequence,
        confirmed_at: Timestamp::from_millis(row.confirmed_at),
    };
    Ok(rows.into_iter().map(instance).collect())
}

/// Forgets an instance that ended.
pub(crate) async fn forget(on: &impl ConnectionTrait, id: &str) -> Result<()> {
    Entity::delete_by_id(id).exec(on).await?;
    Ok(())
}

/// Forgets all instances: on SQLite there is only one, and it is about to start.
pub(crate) async fn forget_all(on: &impl ConnectionTrait) -> Result<()> {
    Entity::delete_many().exec(on).await?;
    Ok(())
}
