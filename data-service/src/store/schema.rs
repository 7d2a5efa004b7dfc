//! The schema: what steps it has, and bringing it up to date.
//!
//! All missing steps are one transaction under the writer's lock. However many processes start together, one of them
//! migrates and the others find it done; and a step that fails leaves the database as it was.

use super::connect::Engine;
use super::{OpenError, Store};
use crate::settings::Migrate;
use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait, Statement};
use std::time::Duration;

/// How long a process waits while another one migrates.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a schema lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps that are there.
    pub applied: Vec<String>,
    /// Steps to come, in order.
    pub pending: Vec<String>,
}

/// Brings the schema up to date, or only looks, as `how` says.
pub(super) async fn prepare(store: &Store, how: Migrate) -> Result<(), OpenError> {
    let plan = plan(&store.read).await?;
    match (plan.pending.first(), how) {
        (None, _) => Ok(()),
        (Some(first), Migrate::Check) => Err(OpenError::Older { first: first.clone(), count: plan.pending.len() }),
        (Some(_), Migrate::Auto) => migrate(store).await,
    }
}

/// What there is and what is missing. A step that is not among ours is from a newer version.
pub(super) async fn plan(on: &impl ConnectionTrait) -> Result<Plan, OpenError> {
    let applied = applied(on).await?;
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    if let Some(unknown) = applied.iter().find(|step| !known.contains(step)) {
        return Err(OpenError::Newer(unknown.clone()));
    }
    Ok(Plan { pending: known.into_iter().filter(|step| !applied.contains(step)).collect(), applied })
}

/// True if every step that this version knows is there. More do no harm: a newer version adds before it takes away.
pub(super) async fn is_current(on: &impl ConnectionTrait) -> bool {
    let known = Migrator::migrations();
    applied(on).await.is_ok_and(|applied| known.iter().all(|step| applied.iter().any(|there| there == step.name())))
}

async fn migrate(store: &Store) -> Result<(), OpenError> {
    let tx = match store.engine {
        Engine::Sqlite => {
            let patience = format!("PRAGMA busy_timeout = {}", PATIENCE.as_millis());
            store.write.execute_unprepared(&patience).await?;
            store.begin_bare().await?
        }
        Engine::Postgres => {
            let tx = store.begin_bare().await?;
            tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {}", PATIENCE.as_millis())).await?;
            super::take_lock(&tx).await?;
            // A step must not hold up the readers of other instances for long: rather it fails, and is tried again.
            tx.execute_unprepared("SET LOCAL lock_timeout = '8s'").await?;
            tx
        }
    };
    // Somebody else may have been faster, and of another version.
    if !plan(&tx).await?.pending.is_empty() {
        Migrator::up(&tx, None).await.map_err(|error| OpenError::Migration(Box::new(error)))?;
    }
    tx.commit().await?;
    if store.engine == Engine::Sqlite {
        store.write.execute_unprepared("PRAGMA busy_timeout = 5000").await?;
    }
    Ok(())
}

async fn applied(on: &impl ConnectionTrait) -> Result<Vec<String>, OpenError> {
    let backend = on.get_database_backend();
    let there = match backend {
        sea_orm::DbBackend::Postgres => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
        _ => "SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'",
    };
    if on.query_one_raw(Statement::from_string(backend, there)).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows = Statement::from_string(backend, "SELECT version FROM seaql_migrations ORDER BY version");
    let rows = on.query_all_raw(rows).await?;
    Ok(rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?)
}
