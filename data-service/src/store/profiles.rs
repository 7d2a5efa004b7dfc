//! The table of profiles.

use super::entity::profile::{ActiveModel, Column, Entity};
use super::{parse, text};
use crate::error::Result;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use shared::command::Profile;
use shared::id::ServiceName;
use shared::timestamp::Timestamp;
use uuid::Uuid;

/// The document one service keeps about one user.
pub(crate) async fn get(on: &impl ConnectionTrait, user: Uuid, service: &ServiceName) -> Result<Option<Profile>> {
    let row = Entity::find_by_id((user.to_string(), service.as_str().to_owned())).one(on).await?;
    row.map(|row| Ok(Profile { document: parse("profiles.document", &row.document)?, version: row.version }))
        .transpose()
}

/// Writes the document.
pub(crate) async fn put(
    on: &impl ConnectionTrait,
    user: Uuid,
    service: &ServiceName,
    profile: &Profile,
    now: Timestamp,
) -> Result<()> {
    let row = ActiveModel {
        user_id: Set(user.to_string()),
        service: Set(service.as_str().into()),
        document: Set(text(&profile.document)),
        updated_at: Set(now.millis()),
        version: Set(profile.version),
    };
    let columns = [Column::Document, Column::UpdatedAt, Column::Version];
    Entity::insert(row)
        .on_conflict(OnConflict::columns([Column::UserId, Column::Service]).update_columns(columns).to_owned())
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Forgets the document.
pub(crate) async fn delete(on: &impl ConnectionTrait, user: Uuid, service: &ServiceName) -> Result<()> {
    Entity::delete_by_id((user.to_string(), service.as_str().to_owned())).exec(on).await?;
    Ok(())
}

/// Forgets all documents of a service; answers how many there were.
pub(crate) async fn delete_of_service(on: &impl ConnectionTrait, service: &ServiceName) -> Result<u64> {
    let gone = Entity::delete_many().filter(Column::Service.eq(service.as_str())).exec(on).await?;
    Ok(gone.rows_affected)
}
