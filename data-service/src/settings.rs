//! What the data service has to be told. The executable reads it from file and environment.

use shared::oauth1::BaseUrl;
use shared::secret::Secret;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the data service needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything is kept.
    pub database: Database,
    /// The folder in which used nonces are remembered. One process at a time.
    pub replay_folder: PathBuf,
    /// Fernet keys: the first seals, all open.
    pub seal_keys: Vec<Secret>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The public base URLs that clients sign; empty means the bound address.
    pub public_urls: Vec<BaseUrl>,
    /// Threads that serve HTTP.
    pub workers: usize,
    /// Bytes a request body may have.
    pub body_limit: usize,
    /// Threads that hash passwords, at low priority.
    pub hashing_threads: usize,
    /// Logins that may wait for a hashing thread; what is over is answered 503 at once.
    pub hashing_queue: usize,
    /// What a password hash costs.
    pub password_cost: PasswordCost,
    /// How long sessions last, and how many a user may have.
    pub sessions: SessionLimits,
    /// How long events are kept.
    pub events_keep: Duration,
    /// How long a revocation waits for instances to confirm.
    pub receipt_wait: Duration,
    /// The name of this instance in receipts.
    pub instance: String,
    /// How long credentials in memory are believed after the events were last read.
    pub trust_for: Duration,
    /// How long the service says that it is about to stop before it does.
    pub drain_for: Duration,
}

/// Where everything is kept.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`. A secret: it may hold a password.
    pub url: Secret,
    /// Connections to PostgreSQL that one process may hold: one writes, the others read.
    pub connections: u32,
    /// What is done about a schema that is not up to date.
    pub migrate: Migrate,
    /// How long a database may be away before the process ends; `None` is for ever.
    pub give_up_after: Option<Duration>,
}

impl Database {
    /// One with the usual settings.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: Secret::new(url), connections: 10, migrate: Migrate::Auto, give_up_after: None }
    }
}

/// What is done about a schema that is not up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Migrate {
    /// It is brought up to date.
    #[default]
    Auto,
    /// It is refused.
    Check,
}

/// How long sessions last, and how many a user may have. A session ends when nobody has used it for its idle limit,
/// and at its absolute limit whatever is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Idle limit of a user's session.
    pub idle: Duration,
    /// Absolute limit.
    pub absolute: Duration,
    /// Idle limit in a browser that is remembered.
    pub remember_idle: Duration,
    /// Absolute limit in a browser that is remembered.
    pub remember_absolute: Duration,
    /// Idle limit of a visitor who has not signed in.
    pub anonymous_idle: Duration,
    /// Sessions a user may have at once: with one more, the oldest ends.
    pub per_user: u64,
}

impl Default for SessionLimits {
    /// A working day, a week; a month, half a year.
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            idle: hours(12),
            absolute: hours(7 * 24),
            remember_idle: hours(30 * 24),
            remember_absolute: hours(180 * 24),
            anonymous_idle: hours(24),
            per_user: 100,
        }
    }
}

/// The cost of an Argon2id hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// OWASP's recommendation: 19 MiB and two passes.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}
