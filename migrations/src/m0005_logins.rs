//! What logging in needs to remember.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let throttles = table("throttles")
            .col(text("bucket").primary_key())
            .col(number("failures"))
            .col(number("open_at"))
            .col(number("updated_at"))
            .take();
        manager.create_table(throttles).await?;
        manager.create_index(index("throttles_by_age", "throttles", &["updated_at"])).await?;
        let devices = table("devices")
            .col(text("secret_hash").primary_key())
            .col(text("user_id"))
            .col(number("created_at"))
            .col(number("last_used_at"))
            .foreign_key(&mut belongs_to(("devices", "user_id"), ("users", "id")))
            .take();
        manager.create_table(devices).await?;
        manager.create_index(index("devices_by_user", "devices", &["user_id"])).await?;
        let links = table("setup_links")
            .col(text("secret_hash").primary_key())
            .col(number("created_at"))
            .col(number("expires_at"))
            .col(number_or_null("used_at"))
            .take();
        manager.create_table(links).await?;
        Ok(())
    }
}
