//! Single facts about the installation.

use super::Store;
use super::direct::Text;
use super::entity::mark::{ActiveModel, Column, Entity};
use crate::error::Result;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QuerySelect};

/// What was noted under a name.
pub(crate) async fn get(on: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    Ok(Entity::find_by_id(name).one(on).await?.map(|row| row.value))
}

/// The same, asked the shortest way.
pub(crate) async fn look(store: &Store, name: &str) -> Result<Option<String>> {
    let found = store.one::<Text>("SELECT value AS text FROM marks WHERE name = $1", &[name]).await?;
    Ok(found.map(|found| found.text))
}

/// The same in a transaction that is going to change it.
pub(crate) async fn locked(on: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    // On SQLite the transaction has the write lock already, and this adds nothing to the query.
    Ok(Entity::find_by_id(name).lock_exclusive().one(on).await?.map(|row| row.value))
}

/// Notes something under a name.
pub(crate) async fn set(on: &impl ConnectionTrait, name: &str, value: &str) -> Result<()> {
    Entity::insert(ActiveModel { name: Set(name.into()), value: Set(value.into()) })
        .on_conflict(OnConflict::column(Column::Name).update_column(Column::Value).to_owned())
        .exec_without_returning(on)
        .await?;
    Ok(())
}
