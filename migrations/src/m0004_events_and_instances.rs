//! What happened, in order, and which instance has heard of it.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let events = table("events")
            .col(number("sequence").primary_key().auto_increment())
            .col(number("at"))
            .col(text("topic"))
            .col(text("subject"))
            .col(text("data"))
            .take();
        manager.create_table(events).await?;
        let instances = table("instances")
            .col(text("id").primary_key())
            .col(number("sequence"))
            .col(number("confirmed_at"))
            .col(number("seen_at"))
            .take();
        manager.create_table(instances).await?;
        let marks = table("marks").col(text("name").primary_key()).col(text("value")).take();
        manager.create_table(marks).await?;
        Ok(())
    }
}
