//! The table of devices: browsers in which a user has signed in before.

use super::entity::device::{ActiveModel, Column, Entity};
use super::sealed;
use crate::error::Result;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use uuid::Uuid;

/// True if this user has signed in with this device before.
pub(crate) async fn is_known(on: &impl ConnectionTrait, device: &Secret, user: Uuid) -> Result<bool> {
    let row = Entity::find_by_id(sealed::hash(device)).one(on).await?;
    Ok(row.is_some_and(|row| row.user_id == user.to_string()))
}

/// Remembers a device of a user, or that it was used again.
pub(crate) async fn remember(on: &impl ConnectionTrait, device: &Secret, user: Uuid, now: Timestamp) -> Result<()> {
    let row = ActiveModel {
        secret_hash: Set(sealed::hash(device)),
        user_id: Set(user.to_string()),
        created_at: Set(now.millis()),
        last_used_at: Set(now.millis()),
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::SecretHash).update_column(Column::LastUsedAt).to_owned())
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Forgets the devices of a user: after a change of the password they prove nothing any more.
pub(crate) async fn forget_of_user(on: &impl ConnectionTrait, user: Uuid) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user.to_string())).exec(on).await?;
    Ok(())
}
