//! The services and their secrets.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let consumers = table("consumers")
            .col(text("key").primary_key())
            .col(text("service"))
            .col(text("label"))
            .col(text("access"))
            .col(text("signature_methods"))
            .col(text("body_hash"))
            .col(text("locations"))
            .col(number("created_at"))
            .col(number_or_null("last_used_at"))
            .col(number_or_null("revoked_at"))
            .col(number("version"))
            .take();
        manager.create_table(consumers).await?;
        let secrets = table("consumer_secrets")
            .col(text("id").primary_key())
            .col(text("consumer_key"))
            .col(text("sealed"))
            .col(number("created_at"))
            .col(number_or_null("retires_at"))
            .col(number_or_null("last_used_at"))
            .foreign_key(&mut belongs_to(("consumer_secrets", "consumer_key"), ("consumers", "key")))
            .take();
        manager.create_table(secrets).await?;
        let by_consumer = index("consumer_secrets_by_consumer", "consumer_secrets", &["consumer_key"]);
        manager.create_index(by_consumer).await?;
        Ok(())
    }
}
