//! The schema: what steps it has, and bringing it up to date.
//!
//! All missing steps are one transaction under the writer's lock. However many processes start together, one of them
//! migrates and the others find it done; and a step that fails leaves the database as it was.

use super::connect::{Engine, Place};
use super::direct::{Number, Text};
use super::reach::Reach;
use super::{OpenError, Store};
use crate::settings::{Database, Migrate};
use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait, Statement};
use std::time::Duration;

/// The steps that are there, in one text.
const APPLIED: &str = "SELECT group_concat(version, ' ') AS text FROM seaql_migrations";
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

/// What the schema of a database lacks. Nothing is changed: not even a file is made.
pub(crate) async fn look(database: &Database) -> Result<Plan, OpenError> {
    let place = Place::parse(&database.url)?;
    Reach::new(&place).look().await?;
    let Some(connection) = place.connect_to_look().await? else {
        let pending = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        return Ok(Plan { applied: Vec::new(), pending });
    };
    let found = plan(&connection).await;
    connection.close().await?;
    found
}

/// Brings the schema of a database up to date, and answers what was done.
pub(crate) async fn bring_up_to_date(database: &Database) -> Result<Plan, OpenError> {
    let before = look(database).await?;
    // Steps seal nothing, so any key will do.
    let store = Store::at(database, &[super::sealed::new_key()]).await?;
    let outcome = store.prepare(Migrate::Auto).await;
    store.close().await;
    outcome.map(|()| before)
}

/// Brings the schema up to date, or only looks, as `how` says.
pub(super) async fn prepare(store: &Store, how: Migrate) -> Result<(), OpenError> {
    let applied = match seen(store) {
        Some(applied) => applied,
        None => applied(store.alone()).await?,
    };
    let plan = compare(applied)?;
    match (plan.pending.first(), how) {
        (None, _) => Ok(()),
        (Some(first), Migrate::Check) => Err(OpenError::Older { first: first.clone(), count: plan.pending.len() }),
        (Some(_), Migrate::Auto) => migrate(store).await,
    }
}

/// The steps that are there, if a look into the file tells.
fn seen(store: &Store) -> Option<Vec<String>> {
    let applied = store.direct.as_ref()?.one::<Text>(APPLIED, &[]).ok()??;
    Some(applied.text.split(' ').map(str::to_owned).collect())
}

/// What there is and what is missing.
async fn plan(on: &impl ConnectionTrait) -> Result<Plan, OpenError> {
    compare(applied(on).await?)
}

/// What is missing. A step that is not among ours is from a newer version.
fn compare(applied: Vec<String>) -> Result<Plan, OpenError> {
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    if let Some(unknown) = applied.iter().find(|step| !known.contains(step)) {
        return Err(OpenError::Newer(unknown.clone()));
    }
    Ok(Plan { pending: known.into_iter().filter(|step| !applied.contains(step)).collect(), applied })
}

/// True if every step that this version knows is there. More do no harm: a newer version adds before it takes away.
pub(super) async fn is_current(store: &Store) -> bool {
    let known: Vec<String> = Migrator::migrations().iter().map(|step| format!("'{}'", step.name())).collect();
    let sql = format!("SELECT count(*) AS number FROM seaql_migrations WHERE version IN ({})", known.join(", "));
    let there = store.one::<Number>(&sql, &[]).await;
    there.is_ok_and(|there| there.is_some_and(|there| usize::try_from(there.number) == Ok(known.len())))
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
            // Without the bound that other statements have: the other process may be at it for a while.
            tx.inner().execute_unprepared(super::WRITER).await?;
            // A step must not hold up the readers of other instances for long: rather it fails, and is tried again.
            tx.execute_unprepared("SET LOCAL lock_timeout = '8s'").await?;
            tx
        }
    };
    // Somebody else may have been faster, and of another version.
    if !plan(&tx).await?.pending.is_empty()
        && let Err(error) = Migrator::up(tx.inner(), None).await
    {
        // Either a step is wrong, or the database went away, and then it may be tried again.
        store.reach.look().await?;
        return Err(OpenError::Migration(Box::new(error)));
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

#[cfg(test)]
mod tests {
    use super::super::sealed;
    use super::super::tests::database;
    use super::*;
    use testbed::Ground;

    async fn open(database: &Database) -> Result<Store, OpenError> {
        Store::open(database, &[sealed::new_key()]).await
    }

    async fn sql(database: &Database, statement: &str) {
        let store = Store::at(database, &[sealed::new_key()]).await.unwrap();
        store.write.execute_unprepared(statement).await.unwrap();
        store.close().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn however_many_start_together_one_migrates_and_all_are_served() {
        let ground = Ground::empty();
        let mut starts = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let database = database(&ground);
            starts.spawn(async move { open(&database).await.unwrap().answers().await });
        }
        while let Some(answers) = starts.join_next().await {
            assert!(answers.unwrap());
        }
        let plan = look(&database(&ground)).await.unwrap();
        assert_eq!((plan.applied.len(), plan.pending.len()), (Migrator::migrations().len(), 0));
    }

    #[tokio::test]
    async fn a_step_that_fails_leaves_the_database_as_it_was() {
        let ground = Ground::empty();
        let database = database(&ground);
        // In the way of a late step.
        sql(&database, "CREATE TABLE devices (x INTEGER)").await;
        let error = open(&database).await.unwrap_err();
        assert!(matches!(error, OpenError::Migration(_)), "{error}");
        let plan = look(&database).await.unwrap();
        assert_eq!((plan.applied.len(), plan.pending.len()), (0, Migrator::migrations().len()));
        // The tables of the steps before it are not there either.
        sql(&database, "CREATE TABLE users (x INTEGER)").await;
        sql(&database, "DROP TABLE users").await;
        sql(&database, "DROP TABLE devices").await;
        assert!(open(&database).await.unwrap().answers().await);
    }

    #[tokio::test]
    async fn who_may_not_migrate_refuses_an_older_schema_and_says_what_helps() {
        let ground = Ground::empty();
        let mut database = database(&ground);
        database.migrate = Migrate::Check;
        let words = open(&database).await.unwrap_err().to_string();
        assert!(words.contains("countersign migrate") && words.contains("m0001_users"), "{words}");
        let done = bring_up_to_date(&database).await.unwrap();
        assert_eq!(done.pending.len(), Migrator::migrations().len());
        let store = open(&database).await.unwrap();
        assert!(store.answers().await);
        // A backup of long ago was put back while this runs.
        store.write.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE 'm0005%'").await.unwrap();
        assert!(!store.answers().await);
        assert!(matches!(open(&database).await.unwrap_err(), OpenError::Older { count: 1, .. }));
    }

    #[tokio::test]
    async fn a_plan_changes_nothing() {
        let ground = Ground::empty();
        let database = database(&ground);
        let plan = look(&database).await.unwrap();
        assert_eq!((plan.applied.len(), plan.pending.len()), (0, Migrator::migrations().len()));
        assert!(std::fs::read_dir(ground.path()).unwrap().next().is_none(), "not even a file was made");
        assert_eq!(look(&database).await.unwrap(), plan);
    }
}
