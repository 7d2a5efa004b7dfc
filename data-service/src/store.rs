//! The store: the only room that knows sea-orm.
//!
//! [`Store`] hands out [`Tx`]; queries are functions over a connection, one file per table. Rows never leave this
//! room. SQLite has one writer, so writes go through one connection and take the write lock at once
//! (`BEGIN IMMEDIATE`), while reads have connections of their own.

pub(crate) mod consumers;
pub mod credentials;
pub(crate) mod devices;
mod entity;
pub(crate) mod events;
pub(crate) mod instances;
pub(crate) mod marks;
pub(crate) mod profiles;
pub(crate) mod sealed;
pub(crate) mod session_data;
pub(crate) mod sessions;
pub(crate) mod setup_links;
pub(crate) mod sweep;
pub(crate) mod throttles;
pub(crate) mod tokens;
pub(crate) mod users;

use crate::error::{Error, Fault, Result};
use migrations::{Migrator, MigratorTrait};
pub(crate) use sea_orm::ConnectionTrait;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqlErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sealed::Seal;
pub use sealed::SealError;
use shared::secret::Secret;
use std::time::Duration;

/// Connections to read, one to write, and the seal.
#[derive(Debug)]
pub(crate) struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    pub(crate) seal: Seal,
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL this version can use.
    #[error("database.url must begin with sqlite: in this version, and {0:?} does not")]
    Unsupported(String),
    /// The sealing keys.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database says no.
    #[error("the database cannot be opened: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema is not the one this version knows.
    #[error("the database has a step that this version does not know ({0}): it belongs to a newer Countersign")]
    Newer(String),
}

impl From<DbErr> for OpenError {
    fn from(error: DbErr) -> Self {
        Self::Database(Box::new(error))
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Fault(Fault::Store(Box::new(error)))
    }
}

impl Store {
    /// Opens the database, creating the file if it is not there, and brings its schema up to date.
    pub(crate) async fn open(url: &str, keys: &[Secret]) -> Result<Self, OpenError> {
        let seal = Seal::new(keys)?;
        let path = url.strip_prefix("sqlite:").ok_or_else(|| OpenError::Unsupported(url.to_owned()))?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        let url = format!("sqlite://{path}?mode=rwc");
        let write = Database::connect(options(&url, 1)).await?;
        let read = Database::connect(options(&url, 4)).await?;
        let store = Self { read, write, seal };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        if let Some(unknown) = unknown_step(&self.write).await? {
            return Err(OpenError::Newer(unknown));
        }
        Ok(Migrator::up(&self.write, None).await?)
    }

    /// A connection for reading.
    pub(crate) fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Begins a transaction that may write. Waits for the write lock.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx(self.write.begin_with_options(options).await?))
    }

    /// True if the store answers.
    pub(crate) async fn answers(&self) -> bool {
        self.read.ping().await.is_ok()
    }

    /// Closes all connections, writing the log back into the database file.
    pub(crate) async fn close(&self) {
        let _ = self.read.clone().close().await;
        let _ = self.write.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = self.write.clone().close().await;
    }
}

/// A transaction. Dropped without [`Tx::commit`], it never was.
pub(crate) struct Tx(DatabaseTransaction);

impl Tx {
    /// The connection inside.
    pub(crate) fn on(&self) -> &DatabaseTransaction {
        &self.0
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                // An acknowledged change survives a power cut.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(5))
                .optimize_on_close(true, None)
        });
    options
}

/// A step in the database that is not among ours.
async fn unknown_step(connection: &DatabaseConnection) -> Result<Option<String>, OpenError> {
    use sea_orm::Statement;
    let table = "SELECT name FROM sqlite_master WHERE name = 'seaql_migrations'";
    if connection.query_one_raw(Statement::from_string(connection.get_database_backend(), table)).await?.is_none() {
        return Ok(None);
    }
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let rows = Statement::from_string(connection.get_database_backend(), "SELECT version FROM seaql_migrations");
    for row in connection.query_all_raw(rows).await? {
        let step: String = row.try_get("", "version")?;
        if !known.contains(&step) {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// True if an insert or update failed because something must be unique.
pub(crate) fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// A JSON text column that was written by us.
fn parse<T: serde::de::DeserializeOwned>(column: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Fault::Damaged(column).into())
}

/// A value as JSON text.
fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A text column that was written by us from a type that parses.
fn known<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Fault::Damaged(column).into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A store in a folder of its own.
    pub(crate) async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/test.db", folder.path().display());
        (folder, Store::open(&url, &[sealed::new_key()]).await.unwrap())
    }

    #[tokio::test]
    async fn a_schema_from_the_future_is_refused() {
        let (folder, store) = store().await;
        let sql = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 0)";
        store.write.execute_unprepared(sql).await.unwrap();
        store.close().await;
        let url = format!("sqlite:{}/test.db", folder.path().display());
        let error = Store::open(&url, &[sealed::new_key()]).await.unwrap_err();
        assert!(matches!(&error, OpenError::Newer(step) if step == "m9999_tomorrow"), "{error}");
    }

    #[tokio::test]
    async fn other_databases_are_refused_in_words() {
        let error = Store::open("postgres://localhost/x", &[sealed::new_key()]).await.unwrap_err();
        assert!(error.to_string().contains("sqlite:"), "{error}");
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_never_was() {
        let (_folder, store) = store().await;
        let tx = store.begin().await.unwrap();
        marks::set(tx.on(), "x", "1").await.unwrap();
        drop(tx);
        assert_eq!(marks::get(store.read(), "x").await.unwrap(), None);
    }
}
