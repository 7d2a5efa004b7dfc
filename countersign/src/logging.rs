//! The log: standard error, one line an event. What is secret never gets here.

use crate::config::Config;
use std::io::{self, IsTerminal as _};
use tracing_subscriber::EnvFilter;

/// What libraries say below a warning is about themselves, and sqlx warns of each statement that had to wait, which in a
/// flood is one line for each. Whoever wants to hear it names them.
const QUIET: &str = "sea_orm=warn,sea_orm_migration=warn,sqlx=error,actix_server=warn,actix_http=warn";

/// A service's log, beginning with what is probably not meant.
pub fn of_a_service(config: &Config, warnings: &[String]) {
    start(&config.log_level.0, config.log_is_json());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// An operator's command speaks for itself; only what is wrong is logged.
pub fn of_a_command() {
    start("warn", false);
}

fn start(level: &str, json: bool) {
    let level = std::env::var("RUST_LOG").ok().filter(|level| !level.is_empty()).unwrap_or_else(|| level.to_owned());
    let filter = EnvFilter::new(format!("{QUIET},{level}"));
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(color);
    // Somebody may have started one already; then that one it is.
    let _ = if json { log.json().flatten_event(true).try_init() } else { log.try_init() };
}
