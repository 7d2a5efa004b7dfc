//! What several instances on one database share: the names they go by, how long they trust their memory, and the nonces that were used. (On SQLite there
//! is one instance, which keeps its nonces in a folder of its own; there the table stays empty.)

use crate::columns::*;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = Table::alter().table(Alias::new("instances")).add_column(text("name").default("")).take();
        manager.alter_table(name).await?;
        let trust = Table::alter().table(Alias::new("instances")).add_column(number("trusts_until").default(0)).take();
        manager.alter_table(trust).await?;
        // In this order: what is looked for and what is removed lies together by its second.
        let mut key = Index::create().col(Alias::new("second")).col(Alias::new("fingerprint")).take();
        let nonces = table("nonces").col(number("second")).col(number("fingerprint")).primary_key(&mut key).take();
        manager.create_table(nonces).await?;
        // No nonce was ever used here. Without this mark some may have been lost.
        let new = "INSERT INTO marks (name, value) VALUES ('nonces_server', 'new')";
        manager.get_connection().execute_unprepared(new).await?;
        Ok(())
    }
}
