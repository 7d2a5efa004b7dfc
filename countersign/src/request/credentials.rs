//! Whose signature it is.

use crate::failure::Failure;
use crate::input;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::oauth1::Credentials;
use shared::secret::Secret;

/// Where the credentials come from.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// A file with what `countersign consumer add --json` prints, and perhaps "token" and "token_secret"; the
    /// environment does not count then
    #[arg(long, value_name = "FILE")]
    credentials: Option<String>,
    /// A file with what `countersign token add --json` prints
    #[arg(long, value_name = "FILE")]
    token: Option<String>,
}

#[derive(Deserialize)]
struct ConsumerFile {
    key: String,
    secret: Secret,
    token: Option<String>,
    token_secret: Option<Secret>,
}

#[derive(Deserialize)]
struct TokenFile {
    token: String,
    secret: Secret,
}

/// A consumer, and a token if the request is made for a user.
type Pair = (Credentials, Option<Credentials>);

impl Args {
    /// Reads them.
    pub fn read(&self) -> Result<Pair, Failure> {
        let (consumer, token) = match &self.credentials {
            Some(path) => from_file(path)?,
            None => from_environment(self.token.is_none())?,
        };
        let Some(path) = &self.token else { return Ok((consumer, token)) };
        let file: TokenFile = json(path)?;
        Ok((consumer, Some(Credentials { key: file.token, secret: file.secret })))
    }
}

fn from_file(path: &str) -> Result<Pair, Failure> {
    let file: ConsumerFile = json(path)?;
    let token = file.token.filter(|token| !token.is_empty());
    let token = token.map(|key| Credentials { key, secret: file.token_secret.unwrap_or_default() });
    Ok((Credentials { key: file.key, secret: file.secret }, token))
}

fn from_environment(with_token: bool) -> Result<Pair, Failure> {
    let needed = |name: &str| {
        let missing = || Failure::usage(format_args!("no consumer: set {name}, or give --credentials FILE"));
        input::secret(name)?.filter(|text| !text.is_empty()).ok_or_else(missing)
    };
    let key = needed("COUNTERSIGN_CONSUMER_KEY")?.expose().into();
    let consumer = Credentials { key, secret: needed("COUNTERSIGN_CONSUMER_SECRET")? };
    let token = if with_token { input::secret("COUNTERSIGN_TOKEN")? } else { None };
    let token = match token.filter(|token| !token.is_empty()) {
        Some(token) => {
            let secret = input::secret("COUNTERSIGN_TOKEN_SECRET")?.unwrap_or_default();
            Some(Credentials { key: token.expose().into(), secret })
        }
        None => None,
    };
    Ok((consumer, token))
}

/// The first JSON value of a file: `--count` makes `token add` print several lines.
fn json<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    let bytes = input::file(path)?;
    let first = serde_json::Deserializer::from_slice(&bytes).into_iter().next();
    let wrong = |why: &str| Failure::usage(format_args!("{path} holds no credentials: {why}"));
    // The position is told and not the text, which may be a secret.
    let found = first.ok_or_else(|| wrong("it is empty"))?;
    found.map_err(|error| wrong(&format!("line {}, column {}", error.line(), error.column())))
}
