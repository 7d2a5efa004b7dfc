//! How the database is named, and what is done when it is away.

use super::{MASK, Raw, Setting};
use shared::secret::Secret;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// A database.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server. The URL may hold a password.
    Postgres(Box<Server>),
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The URL, for who connects.
    pub(crate) url: Secret,
    /// The URL without its password, for everybody else.
    shown: String,
    /// True if what goes over the wire can be read there.
    pub(crate) in_the_open: bool,
}

impl Database {
    /// The URL, for who connects.
    pub(crate) fn url(&self) -> Secret {
        match self {
            Self::Sqlite(path) => Secret::new(format!("sqlite:{}", path.display())),
            Self::Postgres(server) => server.url.clone(),
        }
    }

    /// The URL without its password, for everybody else.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(server) => server.shown.clone(),
        }
    }
}

impl Setting for Database {
    const KIND: &'static str = "`sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`";
    const SECRET: bool = true;

    fn is_secret(raw: &Raw) -> bool {
        let url = raw.text().ok().filter(|text| text.starts_with("postgres")).and_then(|text| Url::parse(text).ok());
        url.is_some_and(|url| url.password().is_some())
    }

    fn read(raw: &Raw, folder: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return server(text, folder).map(|server| Self::Postgres(Box::new(server)));
        }
        let path = text.strip_prefix("sqlite:").ok_or("must begin with sqlite: or postgres://")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains([':', '?', '#', '%']) {
            return Err(format!("`{text}` names no file: sqlite:countersign.db, or sqlite:/var/lib/countersign.db"));
        }
        let path = folder.join(path);
        // The path goes on as the text of a URL.
        path.to_str().ok_or("the path must be UTF-8")?;
        Ok(Self::Sqlite(path))
    }

    fn show(&self) -> String {
        self.shown()
    }
}

/// The words of its errors hold nothing of the URL: a password may stand anywhere in one that is badly written.
fn server(text: &str, folder: &Path) -> Result<Server, String> {
    let mut url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if url.path().trim_start_matches('/').is_empty() {
        return Err("names no database: postgres://USER:PASSWORD@HOST/NAME".into());
    }
    if url.fragment().is_some() {
        return Err("has a `#`: in a password that is written %23".into());
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !pairs.is_empty() {
        // Certificates and keys are files, and relative ones start where all of them do.
        let is_file = |name: &str| matches!(name, "sslrootcert" | "sslcert" | "sslkey");
        let absolute = |value: String| folder.join(value).display().to_string();
        let pairs = pairs.iter().cloned().map(|(name, value)| {
            let value = if is_file(&name) { absolute(value) } else { value };
            (name, value)
        });
        let pairs: Vec<_> = pairs.collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    let of = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let near = match url.host_str() {
        None | Some("") => true,
        Some(host) => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
    };
    let socket = of("host").starts_with('/');
    let verified = matches!(of("sslmode"), "require" | "verify-ca" | "verify-full");
    let full = Secret::new(url.as_str());
    if url.password().is_some() {
        url.set_password(Some(MASK)).map_err(|()| "has a password and no host")?;
    }
    Ok(Server { url: full, shown: url.to_string(), in_the_open: !near && !socket && !verified })
}

/// What is done about a schema that is not up to date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migrate(pub(crate) data_service::Migrate);

impl Setting for Migrate {
    const KIND: &'static str = "`auto` or `check`";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        match raw.text()? {
            "auto" => Ok(Self(data_service::Migrate::Auto)),
            "check" => Ok(Self(data_service::Migrate::Check)),
            other => Err(format!("`{other}` is neither `auto` nor `check`")),
        }
    }

    fn show(&self) -> String {
        match self.0 {
            data_service::Migrate::Auto => "auto".into(),
            data_service::Migrate::Check => "check".into(),
        }
    }
}

/// A time after which something is given up, or never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub(crate) Option<Duration>);

impl Setting for Patience {
    const KIND: &'static str = "`never`, or a time such as `30s`, `5m`";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = match raw {
            Raw::Number(number) => number.to_string(),
            raw => raw.text()?.trim().to_owned(),
        };
        if text == "never" {
            return Ok(Self(None));
        }
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds = match text.get(digits.len()..) {
            Some("s" | "") => 1,
            Some("m") => 60,
            Some("h") => 3600,
            _ => 0,
        };
        let number =
            digits.parse::<u32>().ok().filter(|number| seconds > 0 && (*number == 0 || text.len() > digits.len()));
        match number {
            Some(number) => Ok(Self(Some(Duration::from_secs(u64::from(number) * seconds)))),
            None => Err(format!("`{text}` is neither `never` nor a time such as 0, 30s, 5m or 1h")),
        }
    }

    fn show(&self) -> String {
        match self.0.map(|time| time.as_secs()) {
            None => "never".into(),
            Some(0) => "0".into(),
            Some(seconds) => format!("{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Database, String> {
        Database::read(&Raw::Loose(url.into()), Path::new("/etc/countersign"))
    }

    #[test]
    fn a_password_is_used_and_never_shown() {
        let database =
            read("postgres://ada:hunter2@db.example.com/accounts?sslmode=verify-full&sslrootcert=ca.pem").unwrap();
        assert_eq!(
            database.url().expose(),
            "postgres://ada:hunter2@db.example.com/accounts?sslmode=verify-full&sslrootcert=%2Fetc%2Fcountersign%2Fca.pem"
        );
        let shown = database.show();
        assert!(shown.starts_with("postgres://ada:********@db.example.com/accounts?"), "{shown}");
        assert!(!format!("{database:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_badly_written_is_refused_in_words_without_a_password() {
        for url in [
            "postgres://ada:hunter2@localhost",
            "postgres://ada:hunter2@local host/x",
            "postgres://ada:hun#ter2@localhost/x",
            "postgresql://ada:hunter2@localhost:port/x",
            "mysql://ada:hunter2@localhost/x",
        ] {
            let words = read(url).unwrap_err();
            assert!(!words.contains("hunter2") && !words.contains("ter2"), "{words}");
        }
    }

    #[test]
    fn only_what_holds_a_password_is_a_secret() {
        for (url, secret) in [
            ("sqlite:x.db", false),
            ("postgres://ada@localhost/x", false),
            ("postgres://ada:hunter2@localhost/x", true),
        ] {
            assert_eq!(Database::is_secret(&Raw::Loose(url.into())), secret, "{url}");
        }
    }

    #[test]
    fn what_crosses_the_network_in_the_open_is_known() {
        for (url, open) in [
            ("postgres://localhost/x", false),
            ("postgres://db/x", true),
            ("postgres://db/x?sslmode=prefer", true),
            ("postgres://db/x?sslmode=require", false),
            ("postgres:///x?host=/run/postgresql", false),
        ] {
            let Database::Postgres(server) = read(url).unwrap() else { panic!("{url}") };
            assert_eq!(server.in_the_open, open, "{url}");
        }
    }

    #[test]
    fn patience() {
        let read = |raw: &Raw| Patience::read(raw, Path::new("/")).map(|patience| patience.show());
        for (text, shown) in
            [("never", "never"), ("0", "0"), ("0s", "0"), ("30s", "30s"), ("5m", "300s"), ("1h", "3600s")]
        {
            assert_eq!(read(&Raw::Loose(text.into())).unwrap(), shown);
        }
        assert_eq!(read(&Raw::Number(0)).unwrap(), "0");
        for text in ["30", "-1", "-1s", "1d", "s", "", "1.5s", "always", "ſs"] {
            assert!(read(&Raw::Loose(text.into())).is_err(), "{text}");
        }
    }
}
