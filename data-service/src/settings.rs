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
    /// How long a session lasts.
    pub session_lifetime: Duration,
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
