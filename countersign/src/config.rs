//! The configuration: one file, every key also a variable.
//!
//! The table below is the only place that knows the keys. From it follow what is read, `config show`,
//! `config check`, the commented file that `init` writes and `docs/configuration.md`.
//!
//! To add a key: one line in the table, and where it is used. Its type says how it is written ([`setting`]).
//!
//! It lives in the executable because one file covers the data service and the frontend, and the frontend must not
//! know the data service.

pub mod commands;
pub(crate) mod document;
mod layers;
mod origin;
mod problem;
mod raw;
mod reader;
mod setting;
mod show;
#[cfg(test)]
mod tests;
mod typed;
mod variables;
mod warnings;

pub(crate) use layers::{FILE, Override};
pub(crate) use problem::Problems;
pub(crate) use show::Shown;
pub(crate) use typed::reachable;

use reader::Reader;
pub(crate) use setting::Database;
use setting::{BasePath, LogFilter, LogFormat, Migrate, Number, Patience, SealKey, Setting, Span, WebUrl};
use shared::id::ConsumerKey;
use shared::oauth1::BaseUrl;
use shared::secret::Secret;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What holds when nothing is said.
pub(crate) enum Fallback {
    /// This text.
    Text(&'static str),
    /// Nothing, or what the words say.
    Nothing(&'static str),
    /// What the function makes of the keys above it; the words say it for people.
    Made(fn(&Reader) -> String, &'static str),
}

/// A key, as the table has it.
pub(crate) struct Key {
    /// `section.key`.
    pub(crate) name: &'static str,
    /// How its value is written.
    pub(crate) kind: &'static str,
    /// What holds when nothing is said.
    pub(crate) fallback: Fallback,
    /// A few sentences.
    pub(crate) about: &'static str,
    /// True if it may hold a secret: nothing prints that, and it can be read from a file of its own.
    pub(crate) secret: bool,
    /// True if a value does hold one.
    is_secret: fn(&raw::Raw) -> bool,
}

macro_rules! keys {
    ($($(#[doc = $about:literal])+ $field:ident: $type:ty = $name:literal, $fallback:expr;)+) => {
        /// The configuration, checked.
        #[derive(Clone, Debug)]
        pub(crate) struct Config {
            $($(#[doc = $about])+ pub(crate) $field: $type,)+
            /// The folder that relative paths start from: where the file is.
            pub(crate) folder: PathBuf,
            /// Each key with its value and where it came from.
            pub(crate) shown: Vec<Shown>,
        }

        /// Every key.
        pub(crate) static TABLE: &[Key] = &[$(Key {
            name: $name,
            kind: <$type as Setting>::KIND,
            fallback: $fallback,
            about: concat!($($about),+),
            secret: <$type as Setting>::SECRET,
            is_secret: <$type as Setting>::is_secret,
        },)+];

        impl Config {
            /// Reads every key; all problems at once.
            fn build(mut reader: Reader) -> Result<Self, Problems> {
                $(let $field = reader.take::<$type>($name);)+
                let (folder, shown, problems) = reader.close();
                match ($($field,)+) {
                    ($(Some($field),)+) if problems.is_empty() => Ok(Self { $($field,)+ folder, shown }),
                    _ => Err(problems),
                }
            }
        }
    };
}

keys! {
    /// Where everything is kept: `sqlite:PATH`, or a PostgreSQL. A relative path starts at the folder of this file.
    /// TLS is asked for in the URL, as in `postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full&sslrootcert=ca.pem`.
    database_url: Database = "database.url", Fallback::Text("sqlite:countersign.db");
    /// Connections to PostgreSQL that one process may hold: one writes, the others read.
    database_connections: Number<2, 1000> = "database.connections", Fallback::Text("10");
    /// What is done about a schema that is not up to date: `auto` brings it up to date at the start, `check` refuses
    /// to start until `countersign migrate` was run.
    database_migrate: Migrate = "database.migrate", Fallback::Text("auto");
    /// How long the database may be away, at the start or later, before a service ends with exit code 129. `never`
    /// waits, `0` ends at once.
    give_up_after: Patience = "dependencies.give_up_after", Fallback::Text("never");
    /// Where the data service listens. Port 0 takes a free one.
    data_service_listen: SocketAddr = "data_service.listen", Fallback::Text("127.0.0.1:8000");
    /// The URLs under which services reach the data service: these are what they sign. The first is the one that
    /// is printed. Behind a proxy these are the proxy's.
    public_urls: Vec<BaseUrl> = "data_service.public_urls", Fallback::Nothing("the bound address");
    /// Threads that answer requests.
    data_service_workers: Number<1, 1024> = "data_service.workers", Fallback::Made(|_| cores().to_string(), "the number of cores");
    /// Bytes that the body of a request may have.
    body_limit_bytes: Number<1024, 1_073_741_824> = "data_service.body_limit_bytes", Fallback::Text("1048576");
    /// The folder in which used nonces are remembered. One process at a time. It belongs on a local disk.
    replay_folder: PathBuf = "data_service.replay_folder",
        Fallback::Made(typed::replay_folder, "beside the database: `countersign.replay` for `countersign.db`");
    /// The name of this instance in receipts.
    instance: String = "data_service.instance", Fallback::Made(|_| host(), "the name of the machine");
    /// Milliseconds for which credentials in memory are believed after the last event was asked for. An instance that
    /// hears nothing for longer asks the database about every request.
    trust_for: Number<100, 60_000> = "data_service.trust_for_millis", Fallback::Text("1000");
    /// Milliseconds for which `/readyz` says 503 before a service that was told to stop takes no more requests: longer
    /// than the proxy in front takes to notice.
    drain_for: Number<0, 600_000> = "data_service.drain_for_millis",
        Fallback::Made(typed::drain_for, "2000 on PostgreSQL, 0 on SQLite");
    /// Where the frontend listens. Port 0 takes a free one.
    frontend_listen: SocketAddr = "frontend.listen", Fallback::Text("127.0.0.1:4444");
    /// What people type into their browser, such as `https://example.com`. Decides about `Secure` cookies.
    public_url: Option<WebUrl> = "frontend.public_url", Fallback::Nothing("the bound address");
    /// The path under which all pages lie, such as `/accounts/` behind a proxy.
    base_path: BasePath = "frontend.base_path", Fallback::Text("/");
    /// Where the frontend finds the data service: one of `data_service.public_urls`, or the address it listens on.
    data_service_url: Option<BaseUrl> = "frontend.data_service_url", Fallback::Nothing("the data service's own");
    /// The frontend's consumer key.
    consumer_key: Option<ConsumerKey> = "frontend.consumer_key", Fallback::Nothing("made by `up` or `init`");
    /// The frontend's consumer secret.
    consumer_secret: Option<Secret> = "frontend.consumer_secret", Fallback::Nothing("made by `up` or `init`");
    /// Proxies whose `X-Forwarded-For` is believed: addresses, or networks such as `10.0.0.0/8`.
    trusted_proxies: Vec<frontend::Network> = "frontend.trusted_proxies", Fallback::Nothing("none");
    /// Threads that answer requests.
    frontend_workers: Number<1, 1024> = "frontend.workers", Fallback::Made(|_| cores().to_string(), "the number of cores");
    /// Fernet keys that seal consumer and token secrets in the database. The first seals, all open.
    seal_keys: Vec<SealKey> = "seal.keys", Fallback::Nothing("made by `up` or `init`");
    /// A session ends when nobody has used it for this long.
    session_idle: Span = "sessions.idle", Fallback::Text("12h");
    /// A session ends after this long, whatever is done.
    session_absolute: Span = "sessions.absolute", Fallback::Text("7d");
    /// The idle limit in a browser that is to be remembered.
    session_remember_idle: Span = "sessions.remember_idle", Fallback::Text("30d");
    /// The absolute limit in a browser that is to be remembered.
    session_remember_absolute: Span = "sessions.remember_absolute", Fallback::Text("180d");
    /// The idle limit of visitors who have not signed in.
    session_anonymous_idle: Span = "sessions.anonymous_idle", Fallback::Text("24h");
    /// Sessions a user may have at once. With one more, the oldest ends.
    sessions_per_user: Number<1, 10_000> = "sessions.per_user", Fallback::Text("100");
    /// How long events are kept.
    events_keep: Span = "events.keep", Fallback::Text("30d");
    /// Threads that hash passwords, at low priority. One core is left to the rest.
    hashing_threads: Number<1, 1024> = "passwords.hashing_threads",
        Fallback::Made(|_| cores().saturating_sub(1).max(1).to_string(), "the number of cores less one, at least 1");
    /// Logins that may wait for a hashing thread. What is over is answered 503 at once.
    hashing_queue: Number<1, 65_536> = "passwords.queue", Fallback::Text("32");
    /// KiB of memory that hashing a password takes (Argon2id).
    password_memory: Number<8, 4_194_304> = "passwords.memory_kib", Fallback::Text("19456");
    /// Passes over that memory.
    password_passes: Number<1, 100> = "passwords.passes", Fallback::Text("2");
    /// `error`, `warn`, `info`, `debug` or `trace`; or directives such as `info,data_service=debug`. The variable
    /// `RUST_LOG` goes before it.
    log_level: LogFilter = "log.level", Fallback::Text("info");
    /// `text` for people, `json` for programs: one object a line.
    log_format: LogFormat = "log.format", Fallback::Text("text");
}

impl Config {
    /// Reads the file and the environment, and puts what the command line says above both.
    pub(crate) fn load(file: &Path, overrides: &[Override]) -> Result<Self, Problems> {
        Self::build(layers::read(file, std::env::vars_os(), overrides))
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(1024)
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "main".into() } else { name.to_owned() }
}
