//! What a cookie stands for, and what services act with.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = table("sessions")
            .col(text("id").primary_key())
            .col(text("secret_hash").unique_key())
            .col(text("user_id"))
            .col(number("created_at"))
            .col(number("expires_at"))
            .col(number_or_null("ended_at"))
            .col(number("version"))
            .foreign_key(&mut belongs_to(("sessions", "user_id"), ("users", "id")))
            .take();
        manager.create_table(sessions).await?;
        manager.create_index(index("sessions_by_user", "sessions", &["user_id"])).await?;
        manager.create_index(index("sessions_by_expiry", "sessions", &["expires_at"])).await?;
        let tokens = table("tokens")
            .col(text("token").primary_key())
            .col(text("consumer_key"))
            .col(text("user_id"))
            .col(text_or_null("session_id"))
            .col(text("sealed"))
            .col(number("created_at"))
            .col(number("expires_at"))
            .col(number_or_null("last_used_at"))
            .col(number_or_null("revoked_at"))
            .foreign_key(&mut belongs_to(("tokens", "consumer_key"), ("consumers", "key")))
            .foreign_key(&mut belongs_to(("tokens", "user_id"), ("users", "id")))
            .foreign_key(&mut belongs_to(("tokens", "session_id"), ("sessions", "id")))
            .take();
        manager.create_table(tokens).await?;
        manager.create_index(index("tokens_by_consumer", "tokens", &["consumer_key"])).await?;
        manager.create_index(index("tokens_by_user", "tokens", &["user_id"])).await?;
        let by_session = index("tokens_by_session", "tokens", &["session_id", "consumer_key"]).unique().take();
        manager.create_index(by_session).await?;
        manager.create_index(index("tokens_by_expiry", "tokens", &["expires_at"])).await?;
        Ok(())
    }
}
