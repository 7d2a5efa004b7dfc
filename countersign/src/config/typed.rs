//! From the configuration to what the two services want to be told.

use super::Config;
use super::reader::Reader;
use super::setting::LogFormat;
use crate::failure::Failure;
use data_service::{PasswordCost, SessionLimits};
use shared::oauth1::{BaseUrl, Credentials};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// How long a change waits for the instances to confirm it.
const RECEIPT_WAIT: Duration = Duration::from_secs(10);

/// `countersign.replay` beside `countersign.db`, or beside the configuration where there is no such file.
pub(super) fn replay_folder(reader: &Reader) -> String {
    match reader.taken("database.url").strip_prefix("sqlite:") {
        Some(path) => Path::new(path).with_extension("replay").display().to_string(),
        None => "countersign.replay".into(),
    }
}

/// Where there is one instance, nobody could take over: it need not wait.
pub(super) fn drain_for(reader: &Reader) -> String {
    if reader.taken("database.url").starts_with("sqlite:") { "0".into() } else { "2000".into() }
}

impl Config {
    /// What the data service is told.
    pub(crate) fn data_service(&self) -> Result<data_service::Settings, Failure> {
        if self.seal_keys.is_empty() {
            return Err(Failure::config("seal.keys is not set: `countersign init` makes a key"));
        }
        Ok(data_service::Settings {
            database: self.database(),
            replay_folder: self.replay_folder.clone(),
            seal_keys: self.seal_keys.iter().map(|key| key.0.clone()).collect(),
            listen: self.data_service_listen,
            public_urls: self.public_urls.clone(),
            workers: self.data_service_workers.get(),
            body_limit: self.body_limit_bytes.get(),
            hashing_threads: self.hashing_threads.get(),
            hashing_queue: self.hashing_queue.get(),
            password_cost: PasswordCost { memory_kib: self.password_memory.get(), passes: self.password_passes.get() },
            sessions: SessionLimits {
                idle: self.session_idle.0,
                absolute: self.session_absolute.0,
                remember_idle: self.session_remember_idle.0,
                remember_absolute: self.session_remember_absolute.0,
                anonymous_idle: self.session_anonymous_idle.0,
                per_user: self.sessions_per_user.get(),
            },
            events_keep: self.events_keep.0,
            receipt_wait: RECEIPT_WAIT,
            instance: self.instance.clone(),
            trust_for: Duration::from_millis(self.trust_for.get()),
            drain_for: Duration::from_millis(self.drain_for.get()),
        })
    }

    /// Where everything is kept.
    pub(crate) fn database(&self) -> data_service::Database {
        data_service::Database {
            url: self.database_url.url(),
            connections: self.database_connections.get(),
            migrate: self.database_migrate.0,
            give_up_after: self.give_up_after.0,
        }
    }

    /// What the frontend is told; `found` is the data service that runs beside it.
    pub(crate) fn frontend(&self, found: Option<&str>) -> Result<frontend::Settings, Failure> {
        let (Some(key), Some(secret)) = (&self.consumer_key, &self.consumer_secret) else {
            let words = "frontend.consumer_key and frontend.consumer_secret are not both set: `countersign init` makes \
                         them, and so does `countersign consumer add --service frontend`";
            return Err(Failure::config(words));
        };
        let consumer = Credentials { key: key.to_string(), secret: secret.clone() };
        let mut settings = frontend::Settings::new(self.data_service_at(found), consumer);
        settings.listen = self.frontend_listen;
        settings.public_url = self.public_url.as_ref().map(|url| url.0.clone());
        settings.base_path.clone_from(&self.base_path.0);
        settings.trusted_proxies.clone_from(&self.trusted_proxies);
        settings.workers = self.frontend_workers.get();
        Ok(settings)
    }

    fn data_service_at(&self, found: Option<&str>) -> String {
        let said = self.data_service_url.as_ref().map(BaseUrl::as_str);
        let public = self.public_urls.first().map(BaseUrl::as_str);
        match said.or(found).or(public) {
            Some(url) => url.to_owned(),
            None => format!("http://{}", reachable(self.data_service_listen)),
        }
    }
}

impl Config {
    /// The data service as the frontend in the same process reaches it; `None` if only binding will tell the port.
    pub(crate) fn near_url(&self) -> Option<BaseUrl> {
        let listen = self.data_service_listen;
        if listen.port() == 0 { None } else { BaseUrl::parse(&format!("http://{}", reachable(listen))).ok() }
    }

    /// True if the log is for programs.
    pub(crate) fn log_is_json(&self) -> bool {
        self.log_format == LogFormat::Json
    }
}

/// An address that listens everywhere, as it is reached from here.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
