//! The operator's commands: the same commands as over HTTP, carried out on the store directly. They work with and
//! without a running service, and running instances hear of them at once.

pub mod consumer;
pub mod session;
pub mod token;
pub mod user;

mod password;
mod receipt;
pub(crate) mod table;
mod when;

use crate::config::Config;
use crate::failure::Failure;
use crate::place::Place;
use crate::{logging, output, system};
use data_service::Operator;
use serde::Serialize;
use serde::de::{DeserializeOwned, value::StrDeserializer};
use shared::command::{Page, User};
use std::time::Duration;

/// What every operator's command can be told.
#[derive(clap::Args)]
pub struct Common {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Common {
    /// The configuration. Also starts the log.
    fn load(&self) -> Result<Config, Failure> {
        logging::of_a_command();
        self.place.load()
    }

    /// Opens the store, does something and closes it.
    fn operate<T>(&self, task: impl AsyncFnOnce(&Operator) -> Result<T, Failure>) -> Result<T, Failure> {
        within(&self.load()?, None, task)
    }

    /// Prints JSON, or what people read.
    fn print(&self, value: &impl Serialize, people: impl FnOnce() -> String) -> Result<(), Failure> {
        output::line(if self.json { json(value)? } else { people() });
        Ok(())
    }
}

/// Opens the store of a configuration, does something and closes it. `wait` is how long a change waits for the
/// instances to confirm it.
fn within<T>(
    config: &Config,
    wait: Option<Duration>,
    task: impl AsyncFnOnce(&Operator) -> Result<T, Failure>,
) -> Result<T, Failure> {
    system::block_on(async {
        let operator = open_waiting(config, wait).await?;
        let outcome = task(&operator).await;
        operator.close().await?;
        outcome
    })
}

/// The store of an installation, entered by the operator's key. A database that is away is waited for, but not long.
pub async fn open(config: &Config) -> Result<Operator, Failure> {
    open_waiting(config, None).await
}

/// The same, waiting as long as a service would.
pub async fn open_patiently(config: &Config) -> Result<Operator, Failure> {
    let settings = config.data_service()?;
    let opened = Operator::open_within(&settings, settings.database.give_up_after).await;
    opened.map_err(|error| not_opened(config, &error))
}

async fn open_waiting(config: &Config, wait: Option<Duration>) -> Result<Operator, Failure> {
    let mut settings = config.data_service()?;
    settings.receipt_wait = wait.unwrap_or(settings.receipt_wait);
    Operator::open(&settings).await.map_err(|error| not_opened(config, &error))
}

/// Which database it is, and what is the matter with it.
pub fn not_opened(config: &Config, error: &data_service::OpenError) -> Failure {
    let words = format_args!("{}: {error}", config.database_url.shown()).to_string();
    if error.is_away() { Failure::away(words) } else { Failure::refused(words) }
}

/// One line of JSON.
fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::refused)
}

/// A user by name or e-mail address.
async fn find(operator: &Operator, login: &str) -> Result<User, Failure> {
    let found = operator.user(login).await?;
    found.ok_or_else(|| Failure::refused(format_args!("there is no user {login} (not_found)")))
}

/// All items of a list, page by page.
async fn all<T>(mut page: impl AsyncFnMut(Option<String>) -> data_service::Result<Page<T>>) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let Page { items: more, next } = page(after).await?;
        items.extend(more);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(items),
        }
    }
}

/// One of the words a type knows, as on the wire.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text: StrDeserializer<'_, serde::de::value::Error> = serde::de::IntoDeserializer::into_deserializer(text);
    T::deserialize(text).map_err(|error| error.to_string())
}
