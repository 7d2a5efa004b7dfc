//! Reading a SQLite file on the calling thread.
//!
//! sea-orm asks SQLite on a thread of its own, and going there and back costs several times what a look-up by key does.
//! What a request waits for again and again is read here instead: single statements that find their rows by keys, on
//! connections that can only read. Each sees what was committed before it began, and nothing stays open behind it. The
//! same way goes what every start does ([`mod@write`] is for the row of the instance), so that a service wakes sea-orm up
//! with the first command that wants it.
//!
//! Whatever goes wrong here is no answer. Then sea-orm is asked the same, which waits where waiting helps and says what
//! is wrong.

mod write;

use super::Store;
use crate::clock;
use crate::error::Result;
use rusqlite::{Connection, OpenFlags, Row};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A row that can be read either way.
pub(super) trait Columns: FromQueryResult {
    /// Takes it from a row that was read directly, by the places of its columns.
    fn take(row: &Row<'_>) -> rusqlite::Result<Self>;
}

/// A row with a single number, named `number`.
#[derive(Debug, FromQueryResult)]
pub(super) struct Number {
    pub(super) number: i64,
}

impl Columns for Number {
    fn take(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { number: row.get(0)? })
    }
}

/// A row with a single text, named `text`.
#[derive(Debug, FromQueryResult)]
pub(super) struct Text {
    pub(super) text: String,
}

impl Columns for Text {
    fn take(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { text: row.get(0)? })
    }
}

/// There is no answer: ask sea-orm.
#[derive(Debug)]
pub(super) struct NoAnswer;

impl From<rusqlite::Error> for NoAnswer {
    fn from(_: rusqlite::Error) -> Self {
        Self
    }
}

/// Milliseconds after which it is looked again whether the file is still the same. A connection that is open stays with the
/// one it has meanwhile, and so do those that sea-orm has open.
const LOOKS_EVERY: u64 = 100;

/// A file, and connections to it that nobody uses at the moment.
#[derive(Debug)]
pub(super) struct Direct {
    path: PathBuf,
    /// Which file that was when the store was opened. Another one in its place is another database.
    file: (u64, u64),
    /// When that was looked at last, on [`clock::coarse_millis`].
    looked: AtomicU64,
    /// One for each thread that ever read at the same time as others; `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
    /// The one that writes signs of life, once it has.
    writing: Mutex<Option<Connection>>,
}

impl Direct {
    /// Nothing is opened yet. `None` if there is no such file: a database may be in memory.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let (idle, looked) = (Mutex::new(Some(Vec::new())), AtomicU64::new(0));
        Some(Self { path: path.to_owned(), file: identity(path)?, looked, idle, writing: Mutex::default() })
    }

    /// The first row of a statement whose parameters are `?1`, `?2` and so on.
    pub(super) fn one<T: Columns>(&self, sql: &str, values: &[&str]) -> Result<Option<T>, NoAnswer> {
        let connection = self.take()?;
        let found = first(&connection, sql, values)?;
        // One that has failed is not given back.
        if let Some(idle) = &mut *self.idle() {
            idle.push(connection);
        }
        Ok(found)
    }

    fn take(&self) -> Result<Connection, NoAnswer> {
        let connection = self.idle().as_mut().ok_or(NoAnswer)?.pop();
        let now = clock::coarse_millis();
        if now.saturating_sub(self.looked.load(Ordering::Relaxed)) >= LOOKS_EVERY {
            if identity(&self.path) != Some(self.file) {
                return Err(NoAnswer);
            }
            self.looked.store(now, Ordering::Relaxed);
        }
        connection.map_or_else(|| self.open(OpenFlags::SQLITE_OPEN_READ_ONLY), Ok)
    }

    fn open(&self, how: OpenFlags) -> Result<Connection, NoAnswer> {
        // Without SQLITE_OPEN_URI: the path is a path, whatever characters it has.
        let connection = Connection::open_with_flags(&self.path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        // A worker never sleeps here.
        connection.busy_timeout(Duration::ZERO)?;
        // It may have been replaced since it was looked at.
        if identity(&self.path) == Some(self.file) { Ok(connection) } else { Err(NoAnswer) }
    }

    /// Closes all connections, for good.
    pub(super) fn close(&self) {
        *self.idle() = None;
        *self.writing() = None;
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first<T: Columns>(connection: &Connection, sql: &str, values: &[&str]) -> rusqlite::Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    // Dropping the rows resets the statement, which ends what it read in: checkpoints wait for nobody here.
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    rows.next()?.map(T::take).transpose()
}

/// Device and number of a file.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Store {
    /// The first row of a statement, if it can be read on this thread. Parameters are `$1`, `$2` and so on, in this order in
    /// the text.
    pub(super) fn one_at_once<T: Columns>(&self, sql: &str, values: &[&str]) -> Result<Option<T>, NoAnswer> {
        self.direct.as_ref().ok_or(NoAnswer)?.one(sql, values)
    }

    /// The same, the shortest way that gives an answer.
    pub(super) async fn one<T: Columns>(&self, sql: &str, values: &[&str]) -> Result<Option<T>> {
        if let Ok(found) = self.one_at_once(sql, values) {
            return Ok(found);
        }
        let values = values.iter().map(|&value| value.into());
        let statement = Statement::from_sql_and_values(self.read.get_database_backend(), sql, values);
        Ok(T::find_by_statement(statement).one(&self.read).await?)
    }
}

#[cfg(test)]
mod tests;
