//! What tests stand on: a folder and a database of their own, and PostgreSQL servers of their own.
//!
//! Which engine a test runs on is said by the environment: with `COUNTERSIGN_TEST_POSTGRES=postgres://…`, the URL of a
//! server, each [`Ground`] has a database there; without, it has an SQLite file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and has its own clock"
)]

mod certificates;
mod database;
mod server;

pub use certificates::Authority;
pub use database::{Database, number, run};
pub use server::{FAST, Postgres, Stop};

use std::path::Path;
use tempfile::TempDir;

/// The variable that names a server.
pub const SERVER: &str = "COUNTERSIGN_TEST_POSTGRES";

/// A folder and a database for one test; both are gone at its end.
#[derive(Debug)]
pub struct Ground {
    folder: TempDir,
    database: Option<Database>,
}

impl Ground {
    /// A new one, on the engine that the environment names.
    pub fn new() -> Self {
        let server = std::env::var(SERVER).ok().filter(|server| !server.is_empty());
        let database = server.map(|server| Database::with_schema(&server));
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    /// One whose database has nothing in it yet.
    pub fn empty() -> Self {
        let server = std::env::var(SERVER).ok().filter(|server| !server.is_empty());
        Self { folder: tempfile::tempdir().unwrap(), database: server.map(|server| Database::empty(&server)) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database. On SQLite it is this file in the folder.
    pub fn url(&self, file: &str) -> String {
        match &self.database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", self.path().join(file).display()),
        }
    }

    /// Writes everything that lies in the database to a file in the folder, if it does not lie there anyway.
    pub fn dump(&self) {
        if let Some(database) = &self.database {
            std::fs::write(self.path().join("dump"), database.text()).unwrap();
        }
    }

    /// Carries out statements in a database on PostgreSQL.
    pub fn run(&self, statements: &[&str]) {
        self.database.as_ref().expect("PostgreSQL").run(statements);
    }

    /// True if the database is on PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.database.is_some()
    }
}

impl Default for Ground {
    fn default() -> Self {
        Self::new()
    }
}
