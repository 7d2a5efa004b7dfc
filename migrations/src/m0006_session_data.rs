//! A session may belong to nobody yet, knows when it was used, and carries data: one row for each namespace.

use crate::columns::*;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// All of it or nothing, on SQLite too: half a rebuild would be no schema at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DbBackend::Sqlite => rebuild(manager).await?,
            _ => alter(manager).await?,
        }
        // Finds the sessions that ended by themselves and are still to be cleared away.
        manager.create_index(index("sessions_by_state", "sessions", &["ended_at", "expires_at"])).await?;
        let data = table("session_data")
            .col(text("session_id"))
            .col(text("namespace"))
            .col(text("document"))
            .primary_key(Index::create().col(Alias::new("session_id")).col(Alias::new("namespace")))
            .foreign_key(&mut belongs_to(("session_data", "session_id"), ("sessions", "id")))
            .take();
        manager.create_table(data).await?;
        // The last event that is no longer kept. Whoever asks for events from before it is told so.
        let swept = "INSERT INTO marks (name, value) \
                     SELECT 'events_swept', CAST(COALESCE(MIN(sequence), 1) - 1 AS TEXT) FROM events";
        manager.get_connection().execute_unprepared(swept).await?;
        Ok(())
    }
}

/// PostgreSQL changes columns in place.
async fn alter(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let sql = "ALTER TABLE sessions ALTER COLUMN user_id DROP NOT NULL, \
               ADD COLUMN remembered BIGINT NOT NULL DEFAULT 0, \
               ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0, \
               ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0";
    let filled = "UPDATE sessions SET last_used_at = created_at, ends_at = expires_at";
    for sql in [sql, filled] {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// SQLite cannot take a `NOT NULL` away, so the table is made anew; and the tokens with it, because their foreign key
/// follows the table when it is renamed, and because dropping the sessions would take their tokens along.
async fn rebuild(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(|_| ());
    let indexes = ["sessions_by_user", "sessions_by_expiry", "tokens_by_consumer", "tokens_by_user"];
    for index in indexes.into_iter().chain(["tokens_by_session", "tokens_by_expiry"]) {
        run(&format!("DROP INDEX {index}")).await?;
    }
    run("ALTER TABLE tokens RENAME TO tokens_before").await?;
    run("ALTER TABLE sessions RENAME TO sessions_before").await?;
    let sessions = table("sessions")
        .col(text("id").primary_key())
        .col(text("secret_hash").unique_key())
        .col(text_or_null("user_id"))
        .col(number("remembered"))
        .col(number("created_at"))
        .col(number("last_used_at"))
        .col(number("expires_at"))
        .col(number("ends_at"))
        .col(number_or_null("ended_at"))
        .col(number("version"))
        .foreign_key(&mut belongs_to(("sessions", "user_id"), ("users", "id")))
        .take();
    manager.create_table(sessions).await?;
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
    run("INSERT INTO sessions (id, secret_hash, user_id, remembered, created_at, last_used_at, expires_at, ends_at, \
         ended_at, version) SELECT id, secret_hash, user_id, 0, created_at, created_at, expires_at, expires_at, \
         ended_at, version FROM sessions_before")
    .await?;
    let columns = "token, consumer_key, user_id, session_id, sealed, created_at, expires_at, last_used_at, revoked_at";
    run(&format!("INSERT INTO tokens ({columns}) SELECT {columns} FROM tokens_before")).await?;
    run("DROP TABLE tokens_before").await?;
    run("DROP TABLE sessions_before").await?;
    manager.create_index(index("sessions_by_user", "sessions", &["user_id"])).await?;
    manager.create_index(index("sessions_by_expiry", "sessions", &["expires_at"])).await?;
    manager.create_index(index("tokens_by_consumer", "tokens", &["consumer_key"])).await?;
    manager.create_index(index("tokens_by_user", "tokens", &["user_id"])).await?;
    let by_session = index("tokens_by_session", "tokens", &["session_id", "consumer_key"]).unique().take();
    manager.create_index(by_session).await?;
    manager.create_index(index("tokens_by_expiry", "tokens", &["expires_at"])).await
}
