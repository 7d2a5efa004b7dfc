//! The store: the only room that knows sea-orm.
//!
//! [`Store`] hands out [`Tx`]; queries are functions over a connection, one file per table. Rows never leave this
//! room.
//!
//! One rule makes every transaction safe, on both engines: there is one writer at a time. SQLite has but one, and takes
//! its lock at once (`BEGIN IMMEDIATE`); on PostgreSQL each transaction begins with an advisory lock that all
//! instances share. What a transaction reads cannot change under it, and events are committed in the order of their
//! sequence numbers. Reads have connections of their own and wait for nobody.

mod connect;
pub(crate) mod consumers;
pub mod credentials;
pub(crate) mod devices;
mod direct;
pub(crate) mod ear;
mod entity;
pub(crate) mod events;
pub(crate) mod instances;
pub(crate) mod marks;
pub(crate) mod nonces;
#[cfg(test)]
pub(crate) mod plans;
pub(crate) mod profiles;
pub(crate) mod reach;
pub(crate) mod schema;
pub(crate) mod sealed;
pub(crate) mod session_data;
pub(crate) mod session_views;
pub(crate) mod sessions;
pub(crate) mod setup_links;
pub(crate) mod sweep;
pub(crate) mod throttles;
mod token_id;
pub(crate) mod tokens;
pub(crate) mod users;

use crate::error::{Error, Fault, Result};
use crate::settings::{Database, Migrate};
pub(crate) use connect::Engine;
use connect::Place;
use credentials::Commons;
use direct::Direct;
use reach::{Bounded, Reach, Unreachable};
pub(crate) use sea_orm::ConnectionTrait;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqlErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sealed::Seal;
pub use sealed::SealError;
use shared::error::{Code, Refusal};
use shared::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// The lock of the one writer on PostgreSQL: any number that nobody else is likely to use in the same database.
const WRITER: &str = "SELECT pg_advisory_xact_lock(7163384624398131571)";

/// How long a transaction may take to begin: a little more than waiting for the connection.
const BEGIN: Duration = Duration::from_secs(6);

/// Connections to read, one to write, and the seal.
#[derive(Debug)]
pub(crate) struct Store {
    engine: Engine,
    reach: Arc<Reach>,
    read: Bounded<DatabaseConnection>,
    write: Bounded<DatabaseConnection>,
    /// The short way to what is asked most, on SQLite.
    direct: Option<Direct>,
    pub(crate) seal: Seal,
    /// What tokens have in common.
    commons: Commons,
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL this version can use.
    #[error("database.url must begin with sqlite: or postgres://, and not with {0:?}")]
    Unsupported(String),
    /// Not a URL at all.
    #[error("database.url: {0}")]
    Url(String),
    /// A parameter of the URL that means nothing.
    #[error(
        "database.url: there is no parameter {0:?}; TLS is asked for by sslmode and sslrootcert, and a ? in a password is written %3F"
    )]
    Parameter(String),
    /// The sealing keys.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The server is not there, or not yet.
    #[error("the database cannot be reached: {0}")]
    Away(String),
    /// The server is there and says no, or is not the one it should be.
    #[error("the database server does not let us in: {0}")]
    Refused(String),
    /// The database says no.
    #[error("the database cannot be opened: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema is not the one this version knows.
    #[error("the database has a step that this version does not know ({0}): it belongs to a newer Countersign")]
    Newer(String),
    /// The schema is not up to date, and this process may not change it.
    #[error(
        "the database lacks {count} steps, the first is {first}: run `countersign migrate`, or set database.migrate \
         to \"auto\""
    )]
    Older {
        /// The first step that is missing.
        first: String,
        /// How many are.
        count: usize,
    },
    /// A step could not be done.
    #[error("the schema could not be brought up to date, and is as it was before: {0}")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OpenError {
    /// True if it may help to wait.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl From<DbErr> for OpenError {
    fn from(error: DbErr) -> Self {
        if reach::is_away(&error) { Self::Away(error.to_string()) } else { Self::Database(Box::new(error)) }
    }
}

impl From<Unreachable> for OpenError {
    fn from(found: Unreachable) -> Self {
        match found {
            Unreachable::Away(words) => Self::Away(words),
            Unreachable::Refused(words) => Self::Refused(words),
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if reach::is_away(&error) {
            return Self::Fault(Fault::Away(Box::new(error)));
        }
        if connect::is_no_text(&error) {
            return Refusal::new(Code::Invalid, "a text holds a character that cannot be stored").into();
        }
        Self::Fault(Fault::Store(Box::new(error)))
    }
}

impl Store {
    /// Opens the database, creating the file if it is not there, and brings its schema up to date if it may.
    #[cfg(test)]
    pub(crate) async fn open(database: &Database, keys: &[Secret]) -> Result<Self, OpenError> {
        let store = Self::at(database, keys).await?;
        store.prepare(database.migrate).await?;
        Ok(store)
    }

    /// The store of a database. A file that is not there is made; otherwise nothing is opened or asked for yet.
    pub(crate) async fn at(database: &Database, keys: &[Secret]) -> Result<Self, OpenError> {
        let seal = Seal::new(keys)?;
        let place = Place::parse(&database.url)?;
        let reach = Arc::new(Reach::new(&place));
        let (read, write) = place.connect(database.connections, &reach).await?;
        let (read, write) = (Bounded::reader(read, &reach), Bounded::reader(write, &reach));
        let direct = place.file().and_then(|file| Direct::at(&file));
        Ok(Self { engine: place.engine(), reach, read, write, direct, seal, commons: Commons::default() })
    }

    /// Looks whether the database is there, and brings its schema up to date, or only looks, as `how` says.
    pub(crate) async fn prepare(&self, how: Migrate) -> Result<(), OpenError> {
        self.reach.look().await?;
        schema::prepare(self, how).await
    }

    /// Looks whether the database is there again; until then everything is refused at once.
    pub(crate) async fn look(&self) -> Result<(), OpenError> {
        Ok(self.reach.look().await?)
    }

    /// True while it is known that the database cannot be reached.
    pub(crate) fn is_away(&self) -> bool {
        self.reach.is_away()
    }

    /// Which database it is.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// A connection for reading.
    pub(crate) fn read(&self) -> &Bounded<DatabaseConnection> {
        &self.read
    }

    /// A connection for one statement that changes something and rests on nothing that was read before: it needs no
    /// transaction, and on PostgreSQL it waits for no other writer.
    pub(crate) fn alone(&self) -> &Bounded<DatabaseConnection> {
        match self.engine {
            Engine::Sqlite => &self.write,
            Engine::Postgres => &self.read,
        }
    }

    /// Begins a transaction that may write. Waits until no other writer is under way, in this process or another.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let tx = self.begin_bare().await?;
        if self.engine == Engine::Postgres {
            take_lock(&tx).await?;
        }
        Ok(Tx(tx))
    }

    /// Begins a transaction. Nothing has happened before it began, so it may be tried twice.
    async fn begin_bare(&self) -> Result<Bounded<DatabaseTransaction>, DbErr> {
        let begin = || {
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            self.reach.within(BEGIN, self.write.inner().begin_with_options(options))
        };
        let tx = match begin().await {
            Err(error) if self.engine == Engine::Postgres && reach::is_broken(&error) => begin().await?,
            outcome => outcome?,
        };
        Ok(Bounded::transaction(tx, &self.reach))
    }

    /// True if the store answers and has every step of the schema.
    pub(crate) async fn answers(&self) -> bool {
        schema::is_current(self).await
    }

    /// Closes all connections, writing the log back into the database file.
    pub(crate) async fn close(&self) {
        if let Some(direct) = &self.direct {
            direct.close();
        }
        let _ = self.read.inner().clone().close().await;
        if self.engine == Engine::Sqlite {
            let _ = self.write.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        }
        let _ = self.write.inner().clone().close().await;
    }
}

/// A transaction. Dropped without [`Tx::commit`], it never was.
pub(crate) struct Tx(Bounded<DatabaseTransaction>);

impl Tx {
    /// The connection inside.
    pub(crate) fn on(&self) -> &Bounded<DatabaseTransaction> {
        &self.0
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

/// Waits for the lock of the one writer; the end of the transaction gives it back.
async fn take_lock(tx: &Bounded<DatabaseTransaction>) -> Result<(), DbErr> {
    tx.execute_unprepared(WRITER).await.map(drop)
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
    use testbed::Ground;

    /// Where a test keeps its data.
    pub(crate) fn database(ground: &Ground) -> Database {
        Database::at(ground.url("test.db"))
    }

    /// A store of its own, on the engine that the environment names.
    pub(crate) async fn store() -> (Ground, Store) {
        let ground = Ground::new();
        let store = Store::open(&database(&ground), &[sealed::new_key()]).await.unwrap();
        (ground, store)
    }

    #[tokio::test]
    async fn a_schema_from_the_future_is_refused() {
        let (ground, store) = store().await;
        let sql = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 0)";
        store.write.execute_unprepared(sql).await.unwrap();
        assert!(store.answers().await, "whoever runs already goes on: new steps only add");
        store.close().await;
        let error = Store::open(&database(&ground), &[sealed::new_key()]).await.unwrap_err();
        assert!(matches!(&error, OpenError::Newer(step) if step == "m9999_tomorrow"), "{error}");
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_never_was() {
        let (_ground, store) = store().await;
        let tx = store.begin().await.unwrap();
        marks::set(tx.on(), "x", "1").await.unwrap();
        drop(tx);
        assert_eq!(marks::get(store.read(), "x").await.unwrap(), None);
    }
}
