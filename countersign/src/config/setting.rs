//! How values are written: one type, one kind of setting.

mod database;

pub(crate) use database::{Database, Migrate, Patience};

use super::raw::Raw;
use crate::duration;
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use shared::id::ConsumerKey;
use shared::oauth1::BaseUrl;
use shared::secret::Secret;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// A type that a setting can have.
pub(super) trait Setting: Sized {
    /// How it is written, for people.
    const KIND: &'static str;
    /// True if it is, or may hold, a secret: nothing prints that, and it can be read from a file of its own.
    const SECRET: bool = false;

    /// True if this value holds a secret.
    fn is_secret(_: &Raw) -> bool {
        Self::SECRET
    }

    /// Reads it. The words of an error hold nothing of a secret.
    fn read(raw: &Raw, folder: &Path) -> Result<Self, String>;

    /// As it is shown; empty for nothing.
    fn show(&self) -> String;
}

impl<T: Setting> Setting for Option<T> {
    const KIND: &'static str = T::KIND;
    const SECRET: bool = T::SECRET;

    fn read(raw: &Raw, folder: &Path) -> Result<Self, String> {
        if let Raw::Nothing = raw { Ok(None) } else { T::read(raw, folder).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
}

/// What stands for a secret.
pub(super) const MASK: &str = "********";

/// What a list of its kind is called.
pub(super) trait Item: Setting {
    /// For people.
    const LIST: &'static str;
}

impl<T: Item> Setting for Vec<T> {
    const KIND: &'static str = T::LIST;
    const SECRET: bool = T::SECRET;

    fn read(raw: &Raw, folder: &Path) -> Result<Self, String> {
        let items = raw.list()?.into_iter().enumerate();
        items
            .map(|(index, item)| {
                let item = T::read(&Raw::Loose(item.into()), folder);
                item.map_err(|words| format!("number {} of the list: {words}", index + 1))
            })
            .collect()
    }

    fn show(&self) -> String {
        self.iter().map(T::show).collect::<Vec<_>>().join(", ")
    }
}

/// A whole number within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<const LEAST: i64, const MOST: i64>(i64);

impl<const LEAST: i64, const MOST: i64> Number<LEAST, MOST> {
    /// As the type that is wanted; the bounds of the table see to it that it fits.
    pub(crate) fn get<T: TryFrom<i64> + Default>(self) -> T {
        T::try_from(self.0).unwrap_or_default()
    }
}

impl<const LEAST: i64, const MOST: i64> Setting for Number<LEAST, MOST> {
    const KIND: &'static str = "whole number";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        match raw.number()? {
            number if (LEAST..=MOST).contains(&number) => Ok(Self(number)),
            number => Err(format!("must be between {LEAST} and {MOST}, and is {number}")),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A duration: at least a second, at most ten years.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) Duration);

impl Setting for Span {
    const KIND: &'static str = "duration";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let time = match raw {
            Raw::Number(seconds) => duration::read(&seconds.to_string())?,
            other => duration::read(other.text()?)?,
        };
        if (1..=315_360_000).contains(&time.as_secs()) { Ok(Self(time)) } else { Err("must be 1s to 3650d".into()) }
    }

    fn show(&self) -> String {
        duration::show(self.0)
    }
}

impl Setting for SocketAddr {
    const KIND: &'static str = "address and port";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        text.parse().map_err(|_| format!("`{text}` is not an address and a port such as 127.0.0.1:8000 or [::1]:8000"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for BaseUrl {
    const KIND: &'static str = "URL";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        let url = Self::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
        let http = ["http://", "https://"].iter().any(|scheme| url.as_str().starts_with(scheme));
        http.then_some(url).ok_or_else(|| format!("`{text}` must begin with http:// or https://"))
    }

    fn show(&self) -> String {
        self.as_str().into()
    }
}

impl Item for BaseUrl {
    const LIST: &'static str = "list of URLs";
}

/// A URL that people open.
#[derive(Clone, Debug)]
pub(crate) struct WebUrl(pub(crate) String);

impl Setting for WebUrl {
    const KIND: &'static str = "URL";

    fn read(raw: &Raw, folder: &Path) -> Result<Self, String> {
        BaseUrl::read(raw, folder)?;
        Ok(Self(raw.text()?.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A path of URLs.
#[derive(Clone, Debug)]
pub(crate) struct BasePath(pub(crate) String);

impl Setting for BasePath {
    const KIND: &'static str = "path of a URL";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'/');
        if !text.starts_with('/') || !text.bytes().all(plain) || text.contains("//") {
            return Err(format!("`{text}` is not a path such as / or /accounts/"));
        }
        Ok(Self(text.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Setting for frontend::Network {
    const KIND: &'static str = "network";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        text.parse().map_err(|error| format!("`{text}`: {error}"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Item for frontend::Network {
    const LIST: &'static str = "list of networks";
}

impl Setting for PathBuf {
    const KIND: &'static str = "path";

    fn read(raw: &Raw, folder: &Path) -> Result<Self, String> {
        match raw.text()? {
            "" => Err("must not be empty".into()),
            text => Ok(folder.join(text)),
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        match raw.text()?.trim() {
            "" => Err("must not be empty".into()),
            text if text.len() > 64 || text.chars().any(char::is_control) => {
                Err("must have at most 64 bytes and no control characters".into())
            }
            text => Ok(text.into()),
        }
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for ConsumerKey {
    const KIND: &'static str = "text";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        raw.text()?.parse().map_err(|error| format!("not a consumer key: {error}"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Secret {
    const KIND: &'static str = "secret";
    const SECRET: bool = true;

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        match raw.text()? {
            "" => Err("must not be empty".into()),
            text => Ok(Self::new(text)),
        }
    }

    fn show(&self) -> String {
        MASK.into()
    }
}

/// A Fernet key: 32 bytes in URL-safe Base64.
#[derive(Clone, Debug)]
pub(crate) struct SealKey(pub(crate) Secret);

impl Setting for SealKey {
    const KIND: &'static str = "secret";
    const SECRET: bool = true;

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        match URL_SAFE.decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(Secret::new(text))),
            _ => Err("not a Fernet key (32 bytes in URL-safe Base64)".into()),
        }
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl Item for SealKey {
    const LIST: &'static str = "list of secrets";
}

/// What is logged.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(pub(crate) String);

impl Setting for LogFilter {
    const KIND: &'static str = "text";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        EnvFilter::try_new(text).map_err(|error| format!("`{text}`: {error}"))?;
        Ok(Self(text.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Setting for LogFormat {
    const KIND: &'static str = "`text` or `json`";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        match raw.text()? {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("`{other}` is neither `text` nor `json`")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Json => "json".into(),
        }
    }
}
