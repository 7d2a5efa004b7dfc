//! Consumers that are given no new tokens.

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drained = Table::alter().table(Alias::new("consumers")).add_column(number_or_null("drained_at")).take();
        manager.alter_table(drained).await
    }
}
