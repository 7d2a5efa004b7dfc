//! Whether the database can be reached.
//!
//! A request must not wait for a server that is away. So the first one whose connection breaks looks whether a new
//! connection can be made, while the others wait for what it finds. If none can, the store is *away*: everything is
//! refused at once, until [`Reach::look`], asked again and again by who keeps watch, has found the server. If one can,
//! only the connection was broken: what reads is done once more, and connections from before the trouble are not used
//! again.
//!
//! SQLite is never away: there, all of this does nothing.

use super::connect::{ACQUIRE, Place};
use crate::clock::Stopwatch;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a new connection may take.
const LOOK: Duration = Duration::from_secs(3);
/// What the store says while it is away.
const AWAY: &str = "the database cannot be reached";
/// States of PostgreSQL in which it takes no connection, or has taken one back: it starts, stops, is full, or has
/// ended a transaction that stood still.
const NOT_NOW: [&str; 7] = ["57P01", "57P02", "57P03", "53300", "25P03", "25P04", "08"];

/// Why a look has found nothing.
#[derive(Clone, Debug)]
pub(super) enum Unreachable {
    /// Nobody is there, or not yet: it may come.
    Away(String),
    /// The server says no, or its certificate is not trusted: waiting does not help.
    Refused(String),
}

/// Whether the database can be reached.
#[derive(Debug)]
pub(crate) struct Reach {
    /// Where it is; `None` on SQLite.
    server: Option<Box<PgConnectOptions>>,
    away: AtomicBool,
    looking: Mutex<()>,
    /// Looks that were finished.
    looks: AtomicU64,
    stopwatch: Stopwatch,
    /// When a connection broke last; 0 for never.
    trouble: AtomicU64,
}

impl Reach {
    pub(super) fn new(place: &Place) -> Self {
        let server = match place {
            Place::Sqlite(_) => None,
            Place::Postgres(options) => Some(options.clone()),
        };
        Self {
            server,
            away: AtomicBool::new(false),
            looking: Mutex::default(),
            looks: AtomicU64::new(0),
            stopwatch: Stopwatch::start(),
            trouble: AtomicU64::new(0),
        }
    }

    /// True while it is known that the database cannot be reached.
    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    /// Looks whether a connection can be made.
    pub(super) async fn look(&self) -> Result<(), Unreachable> {
        let _alone = self.looking.lock().await;
        self.look_alone().await
    }

    async fn look_alone(&self) -> Result<(), Unreachable> {
        let Some(server) = &self.server else { return Ok(()) };
        let found = match timeout(LOOK, server.connect()).await {
            Ok(Ok(connection)) => {
                // It is not needed any more, and whoever waits here waits for the answer alone.
                drop(timeout(LOOK, connection.close()).await);
                Ok(())
            }
            Ok(Err(error)) => Err(unreachable(&error)),
            Err(_) => Err(Unreachable::Away(format!("no answer within {} seconds", LOOK.as_secs()))),
        };
        self.away.store(found.is_err(), Ordering::Release);
        self.looks.fetch_add(1, Ordering::Release);
        found
    }

    /// A connection broke. Looks whether the database can be reached, unless somebody else just did: then what they
    /// found holds. Answers the error to go on with.
    async fn lost(&self, error: DbErr) -> DbErr {
        // That none could be had is no fault of those that are in use.
        if !matches!(error, DbErr::ConnectionAcquire(_)) {
            self.trouble.store(self.stopwatch.millis().max(1), Ordering::Release);
        }
        let seen = self.looks.load(Ordering::Acquire);
        let _alone = self.looking.lock().await;
        if self.looks.load(Ordering::Acquire) == seen {
            // What is found out here is told by `is_away`; why, by the look of who keeps watch.
            let _ = self.look_alone().await;
        }
        if self.is_away() { away() } else { error }
    }

    /// True if a connection of this age was made since a connection broke last.
    pub(super) fn is_sound(&self, age: Duration) -> bool {
        match self.trouble.load(Ordering::Acquire) {
            0 => true,
            trouble => age < Duration::from_millis(self.stopwatch.millis().saturating_sub(trouble)),
        }
    }

    /// Carries out something on the database within a time.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        if self.server.is_none() {
            return work.await;
        }
        if self.is_away() {
            return Err(away());
        }
        let error = match timeout(limit, work).await {
            Ok(Err(error)) if is_lost(&error) => error,
            Ok(outcome) => return outcome,
            Err(_) => DbErr::Custom(format!("the database did not answer within {} seconds", limit.as_secs())),
        };
        Err(self.lost(error).await)
    }
}

/// A connection or a transaction whose answers do not take for ever.
#[derive(Debug)]
pub(crate) struct Bounded<C> {
    inner: C,
    reach: Arc<Reach>,
    limit: Duration,
    /// True if what only reads may be done again on another connection.
    repeats: bool,
}

impl<C> Bounded<C> {
    /// For what stands alone, statement by statement.
    pub(super) fn reader(inner: C, reach: &Arc<Reach>) -> Self {
        // A little more than a connection may take to be had.
        Self { inner, reach: Arc::clone(reach), limit: ACQUIRE + Duration::from_secs(1), repeats: true }
    }

    /// For a transaction: each statement may take a while, none is done again.
    pub(super) fn transaction(inner: C, reach: &Arc<Reach>) -> Self {
        Self { inner, reach: Arc::clone(reach), limit: Duration::from_secs(30), repeats: false }
    }

    /// What is inside.
    pub(super) fn inner(&self) -> &C {
        &self.inner
    }

    /// The same, to be changed.
    #[cfg(test)]
    pub(super) fn inner_mut(&mut self) -> &mut C {
        &mut self.inner
    }

    async fn ask<T, F>(&self, statement: Statement, ask: impl Fn(Statement) -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        if !self.repeats || self.reach.server.is_none() || !statement.sql.starts_with("SELECT") {
            return self.reach.within(self.limit, ask(statement)).await;
        }
        match self.reach.within(self.limit, ask(statement.clone())).await {
            Err(error) if is_broken(&error) => self.reach.within(self.limit, ask(statement)).await,
            outcome => outcome,
        }
    }
}

impl Bounded<DatabaseTransaction> {
    /// Makes it last. If this fails, nobody knows whether it did.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, reach, limit, .. } = self;
        reach.within(limit, inner.commit()).await
    }
}

#[async_trait]
impl<C: ConnectionTrait + Send> ConnectionTrait for Bounded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.reach.within(self.limit, self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.reach.within(self.limit, self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(statement, |statement| self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(statement, |statement| self.inner.query_all_raw(statement)).await
    }
}

fn away() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(AWAY.into()))
}

/// True if the database could not be reached, by its own account or by that of a look.
pub(super) fn is_away(error: &DbErr) -> bool {
    matches!(error, DbErr::Conn(RuntimeErr::Internal(words)) if words == AWAY)
}

/// True if it was only this connection that broke: another one may do.
pub(super) fn is_broken(error: &DbErr) -> bool {
    is_lost(error) && !matches!(error, DbErr::ConnectionAcquire(_))
}

/// True if a connection broke, or could not be had.
fn is_lost(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Database(_) => not_now(error),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
            _ => false,
        },
        _ => false,
    }
}

fn not_now(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| NOT_NOW.iter().any(|state| code.starts_with(state)))
}

fn unreachable(error: &sqlx::Error) -> Unreachable {
    let words = error.to_string();
    match error {
        // The TLS library tells of a certificate that it does not trust as of data it cannot read.
        sqlx::Error::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => Unreachable::Away(words),
        sqlx::Error::Database(_) if not_now(error) => Unreachable::Away(words),
        _ => Unreachable::Refused(words),
    }
}
