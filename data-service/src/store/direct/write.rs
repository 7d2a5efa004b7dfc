//! Writing the row of this instance on the calling thread.
//!
//! A sign of life says that a process lives. Whether it outlives a power cut is no question, for the process does not; so
//! nobody waits for the disk here. It must not take anything else with it, though: what others commit to the same log is
//! as lasting as ever, because the flush that ends their commit flushes the whole file.
//!
//! SQLite flushes the header of a log before the first frame behind it. That keeps frames of an older log, which still
//! lie in the file, from being taken for new ones. In an empty file there are none: there, and only there, the header
//! waits for the flush of the next commit too.

use super::{Direct, NoAnswer, identity};
use crate::store::Store;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ToSql, TransactionBehavior};
use std::sync::{MutexGuard, PoisonError};

/// A statement and its parameters, `$1`, `$2` and so on, in this order in the text.
pub(in crate::store) type Change<'a> = (&'a str, &'a [&'a dyn ToSql]);

impl Direct {
    /// Carries out all of it or nothing.
    fn write(&self, changes: &[Change<'_>]) -> Result<(), NoAnswer> {
        let mut kept = self.writing();
        if self.idle().is_none() || identity(&self.path) != Some(self.file) {
            return Err(NoAnswer);
        }
        // One that has failed is not kept.
        let connection = match kept.take() {
            Some(mut connection) => {
                carry_out(&mut connection, changes, || true)?;
                connection
            }
            None => self.write_first(changes)?.0,
        };
        *kept = Some(connection);
        Ok(())
    }

    /// The same on a new connection. Answers too whether the log's header had to be flushed.
    fn write_first(&self, changes: &[Change<'_>]) -> Result<(Connection, bool), NoAnswer> {
        let mut connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Whoever closes the store writes the log back; a connection that failed in the middle must not.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // sea-orm gives a file its log.
        if connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))? != "wal" {
            return Err(NoAnswer);
        }
        connection.pragma_update(None, "synchronous", "OFF")?;
        let done = carry_out(&mut connection, changes, || self.log_is_empty());
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let waits = !done?;
        if waits {
            carry_out(&mut connection, changes, || true)?;
        }
        Ok((connection, waits))
    }

    /// True if the log is there and there is nothing in it.
    fn log_is_empty(&self) -> bool {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).is_ok_and(|log| log.len() == 0)
    }

    pub(super) fn writing(&self) -> MutexGuard<'_, Option<Connection>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out changes in one transaction, if they still `may` be once it holds the lock of the one writer.
fn carry_out(
    connection: &mut Connection,
    changes: &[Change<'_>],
    may: impl FnOnce() -> bool,
) -> rusqlite::Result<bool> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !may() {
        return Ok(false);
    }
    for (sql, values) in changes {
        tx.prepare_cached(sql)?.execute(*values)?;
    }
    tx.commit()?;
    Ok(true)
}

impl Store {
    /// Carries out changes that need not outlive a power cut, in one transaction, without waiting for anybody. False if
    /// sea-orm has to do it. They may have been carried out all the same: they must be such as may be done twice.
    pub(in crate::store) fn wrote_at_once(&self, changes: &[Change<'_>]) -> bool {
        self.direct.as_ref().is_some_and(|direct| direct.write(changes).is_ok())
    }
}

#[cfg(test)]
mod tests;
