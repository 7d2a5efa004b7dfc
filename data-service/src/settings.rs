//! What the data service has to be told. The executable reads it from file and environment.

mod zeromq;

pub use zeromq::{Address, Curve, CurvePublicKey, ZeroMq, new_curve_key};

use shared::oauth1::BaseUrl;
use shared::secret::Secret;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything the data service needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH`.
    pub database_url: String,
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
    /// The ZeroMQ door and the events that are published.
    pub zeromq: ZeroMq,
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
