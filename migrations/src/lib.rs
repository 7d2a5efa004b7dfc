//! The ground: the schema, one step per file, the same on SQLite and PostgreSQL.
//!
//! A step that has landed is never edited; a change is a new step, which first adds and only later takes away, so
//! that two versions can run side by side. Times are milliseconds since the epoch; ids are UUIDs as text; lists are
//! JSON text.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod columns;
mod m0001_users;
mod m0002_consumers;
mod m0003_sessions_and_tokens;
mod m0004_events_and_instances;
mod m0005_logins;
mod m0006_session_data;
mod m0007_instances_and_nonces;
mod m0009_drained_consumers;
mod m0010_swept_by_age;

/// All steps in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_users::Migration),
            Box::new(m0002_consumers::Migration),
            Box::new(m0003_sessions_and_tokens::Migration),
            Box::new(m0004_events_and_instances::Migration),
            Box::new(m0005_logins::Migration),
            Box::new(m0006_session_data::Migration),
            Box::new(m0007_instances_and_nonces::Migration),
            Box::new(m0009_drained_consumers::Migration),
            Box::new(m0010_swept_by_age::Migration),
        ]
    }
}
