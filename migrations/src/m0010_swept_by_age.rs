//! What is swept away is found by its age, and what a user has that lives by the user, however much lies beside it.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = |name: &'static str| Expr::col(Alias::new(name));
        // Only tokens that were revoked: one that lives costs nothing here. With both columns, they can be counted in it.
        let revoked = index("tokens_by_revocation", "tokens", &["revoked_at", "expires_at"])
            .and_where(column("revoked_at").is_not_null())
            .take();
        manager.create_index(revoked).await?;
        // Only sessions that live and are somebody's: a login asks for them, beside a month of such as have ended.
        let alive = index("sessions_alive_by_user", "sessions", &["user_id"])
            .and_where(column("ended_at").is_null())
            .and_where(column("user_id").is_not_null())
            .take();
        manager.create_index(alive).await?;
        manager.create_index(index("devices_by_age", "devices", &["last_used_at"])).await
    }
}
