//! Who a person is, and what each service keeps about them.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = table("users")
            .col(text("id").primary_key())
            .col(text("username"))
            .col(text("username_folded").unique_key())
            .col(text_or_null("email"))
            .col(text_or_null("email_folded").unique_key())
            .col(text_or_null("name"))
            .col(text_or_null("password_hash"))
            .col(text("access"))
            .col(number("created_at"))
            .col(number_or_null("disabled_at"))
            .col(number("version"))
            .take();
        manager.create_table(users).await?;
        let profiles = table("profiles")
            .col(text("user_id"))
            .col(text("service"))
            .col(text("document"))
            .col(number("updated_at"))
            .col(number("version"))
            .primary_key(Index::create().col(Alias::new("user_id")).col(Alias::new("service")))
            .foreign_key(&mut belongs_to(("profiles", "user_id"), ("users", "id")))
            .take();
        manager.create_table(profiles).await?;
        Ok(())
    }
}
