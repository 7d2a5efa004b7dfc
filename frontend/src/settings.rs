//! What the executable tells the frontend. Reading configuration files is not done here.

use crate::address::Network;
use shared::oauth1::Credentials;
use std::net::SocketAddr;
use std::time::Duration;

/// How one frontend is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free one; [`App::url`](crate::App::url) tells which.
    pub listen: SocketAddr,
    /// What people type into their browser, `https://example.com`: decides about `Secure` cookies and HSTS. `None`
    /// means the address that is bound. A path is allowed if it is `/` or the base path.
    pub public_url: Option<String>,
    /// The path under which everything lies: `/`, or `/accounts/` behind a proxy that shares its host with others.
    pub base_path: String,
    /// Where the data service answers, as it is signed: one of the data service's own public URLs.
    pub data_service_url: String,
    /// The frontend's own consumer key and secret.
    pub consumer: Credentials,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Threads that answer requests; at least one.
    pub workers: usize,
    /// How long running requests may take to finish after a shutdown.
    pub shutdown_timeout: Duration,
}

impl Settings {
    /// The defaults of a frontend on this machine, for a consumer of this data service.
    pub fn new(data_service_url: impl Into<String>, consumer: Credentials) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4444)),
            public_url: None,
            base_path: "/".into(),
            data_service_url: data_service_url.into(),
            consumer,
            trusted_proxies: Vec::new(),
            workers: 2,
            shutdown_timeout: Duration::from_secs(20),
        }
    }
}

/// Why a frontend does not start or stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that makes no sense; names the field of [`Settings`].
    #[error("{key}: {why}")]
    Setting {
        /// The field.
        key: &'static str,
        /// What is wrong with it, as a sentence.
        why: String,
    },
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP client could not be made; in practice no certificate authorities were found on this system.
    #[error("cannot make the client for the data service: {0}")]
    Client(String),
    /// The server broke off.
    #[error("the frontend's server failed: {0}")]
    Server(#[from] std::io::Error),
}

impl Error {
    /// A setting that makes no sense.
    pub(crate) fn setting(key: &'static str, why: impl Into<String>) -> Self {
        Self::Setting { key, why: why.into() }
    }
}
