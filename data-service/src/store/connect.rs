//! From `database.url` to connections.
//!
//! Both engines get the same shape: one connection that writes, and several that read. On SQLite that is how the
//! engine works. On PostgreSQL writers of all instances wait for one another anyway ([`Store::begin`]); with one
//! connection to wait on, they never take the connections that readers need.
//!
//! [`Store::begin`]: super::Store::begin

use super::OpenError;
use super::reach::Reach;
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector,
};
use shared::secret::Secret;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for a connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);
/// Connections that read from SQLite.
const SQLITE_READERS: u32 = 4;
/// What may stand behind the `?` of a PostgreSQL URL. Anything else is probably a mistake, and a mistake about TLS must
/// not go unnoticed.
const PARAMETERS: [&str; 8] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name", "options", "statement-cache-capacity"];
/// Those that name files.
const FILES: [&str; 3] = ["sslrootcert", "sslcert", "sslkey"];
/// What each connection is told. A request gives up waiting for a lock before its client does, and an instance that
/// stands still in the middle of a transaction loses it before the others give up. The rule of one writer needs each
/// statement to see what was committed before it began.
const SETTINGS: [(&str, &str); 5] = [
    // What was acknowledged is on disk, whatever the server does for others.
    ("synchronous_commit", "on"),
    ("lock_timeout", "8s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("default_transaction_isolation", "read committed"),
    ("client_encoding", "UTF8"),
];

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// One process serves from it.
    Sqlite,
    /// Any number of instances serve from it.
    Postgres,
}

/// Where everything is kept.
pub(super) enum Place {
    /// A file.
    Sqlite(String),
    /// A server.
    Postgres(Box<PgConnectOptions>),
}

impl Place {
    /// Reads a URL. The words of an error hold nothing of it but its scheme.
    pub(super) fn parse(url: &Secret) -> Result<Self, OpenError> {
        let text = url.expose();
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Self::Sqlite(path.split('?').next().unwrap_or(path).to_owned()));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            return Err(OpenError::Unsupported(scheme.to_owned()));
        }
        postgres(text).map(|options| Self::Postgres(Box::new(options)))
    }

    /// Which engine it is.
    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// The file, as SQLite is going to name it: in the URL, some of its characters may be written as `%3F`.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let Self::Sqlite(path) = self else { return None };
        Some(named(path).ok()?.get_filename().to_owned())
    }

    /// Connections to read, and the one that writes. Nothing is connected before it is needed; only a file that is not
    /// there is made at once.
    pub(super) async fn connect(
        &self,
        connections: u32,
        reach: &Arc<Reach>,
    ) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
        match self {
            Self::Sqlite(path) => {
                let options = sqlite(path)?;
                let pool = |most| {
                    SqlitePoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE).test_before_acquire(false)
                };
                let write = match options.get_filename().exists() {
                    true => pool(1).connect_lazy_with(options.clone()),
                    false => pool(1).connect_with(options.clone()).await.map_err(unconnected)?,
                };
                let read = pool(SQLITE_READERS).connect_lazy_with(options);
                let connector = SqlxSqliteConnector::from_sqlx_sqlite_pool;
                Ok((connector(read), connector(write)))
            }
            Self::Postgres(options) => {
                let pool = |most| {
                    let pool = pool(most, reach).connect_lazy_with((**options).clone());
                    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
                };
                Ok((pool(connections.saturating_sub(1).max(1)), pool(1)))
            }
        }
    }
}

impl Place {
    /// One connection that changes nothing; `None` for a file that is not there.
    pub(super) async fn connect_to_look(&self) -> Result<Option<DatabaseConnection>, OpenError> {
        match self {
            Self::Sqlite(_) if !self.file().is_some_and(|file| file.exists()) => Ok(None),
            Self::Sqlite(path) => {
                let mut options = ConnectOptions::new(format!("sqlite://{path}?mode=ro"));
                options.max_connections(1).sqlx_logging(false);
                Ok(Some(Database::connect(options).await?))
            }
            Self::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE);
                let pool = pool.connect_lazy_with((**options).clone());
                Ok(Some(SqlxPostgresConnector::from_sqlx_postgres_pool(pool)))
            }
        }
    }
}

/// What is broken is noticed when it is used: a question before each use would cost as much again. But a connection
/// from before the last trouble is neither used again nor kept.
fn pool(most: u32, reach: &Arc<Reach>) -> PgPoolOptions {
    let (taken, given_back) = (Arc::clone(reach), Arc::clone(reach));
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(move |_, facts| Box::pin(std::future::ready(Ok(taken.is_sound(facts.age)))))
        .after_release(move |_, facts| Box::pin(std::future::ready(Ok(given_back.is_sound(facts.age)))))
}

fn postgres(url: &str) -> Result<PgConnectOptions, OpenError> {
    let parameters = url.split_once('?').map_or("", |(_, query)| query).split('#').next().unwrap_or("");
    let names =
        || parameters.split('&').filter(|part| !part.is_empty()).map(|part| part.split('=').next().unwrap_or(part));
    if let Some(unknown) = names().find(|name| !PARAMETERS.contains(name)) {
        // Whoever has a question mark in the password would see the rest of it here.
        let plain = unknown.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
        return Err(OpenError::Parameter(if plain { unknown.to_owned() } else { "?".into() }));
    }
    for (name, file) in parameters.split('&').filter_map(|part| part.split_once('=')) {
        let file = file.replace("%2F", "/");
        if FILES.contains(&name) && !file.contains('%') && !std::path::Path::new(&file).exists() {
            return Err(OpenError::Url(format!("{name}: there is no file {file}")));
        }
    }
    let options: PgConnectOptions =
        url.parse().map_err(|error: sea_orm::sqlx::Error| OpenError::Url(error.to_string()))?;
    // As PostgreSQL's own library has it: who names a certificate wants it looked at.
    let looks = names().any(|name| name == "sslrootcert") && matches!(options.get_ssl_mode(), PgSslMode::Require);
    let options = if looks { options.ssl_mode(PgSslMode::VerifyCa) } else { options };
    let named = names().any(|name| name == "application_name");
    let options = if named { options } else { options.application_name("countersign") };
    Ok(options.options(SETTINGS).disable_statement_logging())
}

/// True if PostgreSQL could not take a text: it knows no NUL.
pub(super) fn is_no_text(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "22021")
}

/// The file that a path in a URL names.
fn named(path: &str) -> Result<SqliteConnectOptions, DbErr> {
    format!("sqlite://{path}?mode=rwc").parse().map_err(unconnected)
}

fn sqlite(path: &str) -> Result<SqliteConnectOptions, DbErr> {
    let options = named(path)?
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged change survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .optimize_on_close(true, None);
    Ok(options.disable_statement_logging())
}

fn unconnected(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Place::parse(&Secret::new(url)).err().unwrap().to_string()
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_in_words_that_hold_nothing_of_it() {
        for (url, words) in [
            ("mysql://ada:hunter2@localhost/x", "\"mysql\""),
            ("hunter2", "database.url"),
            ("postgres://ada:hunter2@localhost/x?ssl_mode=require", "ssl_mode"),
            ("postgres://ada:hunter2@localhost/x?sslmode=sometimes", "sometimes"),
            ("postgres://ada:hunter2@localhost:port/x", "port"),
            ("postgres://ada:a?hunter2@localhost/x", "%3F"),
            ("postgres://ada:hunter2@localhost/x?sslmode=verify-full&sslrootcert=%2Fno%2Fca.pem", "/no/ca.pem"),
        ] {
            let said = refused(url);
            assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn who_names_a_certificate_wants_it_looked_at() {
        let mode = |url: &str| postgres(url).unwrap().get_ssl_mode();
        assert!(matches!(mode("postgres://h/x?sslmode=require"), PgSslMode::Require));
        assert!(matches!(mode("postgres://h/x?sslmode=require&sslrootcert=/dev/null"), PgSslMode::VerifyCa));
        assert!(matches!(mode("postgresql://h/x?sslmode=verify-full"), PgSslMode::VerifyFull));
    }
}
