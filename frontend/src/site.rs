//! The settings after they were looked at: what every page knows about its place in the world.

use crate::address::Network;
use crate::csrf::Key;
use crate::pages::assets;
use crate::settings::{Error, Settings};
use std::net::SocketAddr;
use url::{Host, Url};

/// The path under which everything lies. Begins and ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BasePath(String);

impl BasePath {
    /// Takes `/accounts` for `/accounts/`, and nothing that would mean something else in a URL or a cookie.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let inner = text.strip_prefix('/').ok_or_else(|| Error::setting("base_path", "must begin with a slash"))?;
        if inner.is_empty() {
            return Ok(Self("/".into()));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
        let fine = |part: &str| part.bytes().all(plain) && part.bytes().any(|b| b != b'.');
        if !inner.split('/').all(fine) {
            return Err(Error::setting("base_path", "may hold only letters, digits and - _ . ~ between its slashes"));
        }
        Ok(Self(format!("/{inner}/")))
    }

    /// The path itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A path below it: `login` becomes `/accounts/login`.
    pub(crate) fn at(&self, page: &str) -> String {
        [self.as_str(), page].concat()
    }

    /// Without the slash at the end; `None` at the root.
    pub(crate) fn bare(&self) -> Option<&str> {
        self.0.strip_suffix('/').filter(|path| !path.is_empty())
    }
}

/// What the frame of every page needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The base path.
    pub(crate) base: String,
    /// The path of the style sheet.
    pub(crate) style: String,
    /// The path of the icon.
    pub(crate) mark: String,
}

/// What every page knows about its place in the world.
#[derive(Debug)]
pub(crate) struct Site {
    /// The path under which everything lies.
    pub(crate) base: BasePath,
    /// What is in a browser's `Origin` when a form of ours is sent.
    pub(crate) origin: String,
    /// True if the origin is a configured one, and not merely the address that is bound.
    pub(crate) is_public: bool,
    /// True if people come by https.
    pub(crate) https: bool,
    /// True if cookies carry `Secure`.
    pub(crate) secure: bool,
    /// Signs and checks form tokens.
    pub(crate) csrf: Key,
    /// Peers whose `X-Forwarded-For` is believed.
    pub(crate) proxies: Vec<Network>,
    /// For the templates.
    pub(crate) frame: Frame,
}

impl Site {
    /// Checks the settings. `bound` is the address that people come to if there is no public URL.
    pub(crate) fn new(settings: &Settings, bound: SocketAddr) -> Result<Self, Error> {
        let base = BasePath::parse(&settings.base_path)?;
        let public = match &settings.public_url {
            Some(text) => public_url(text, &base)?,
            None => parse("listen", &format!("http://{bound}/"))?,
        };
        let https = public.scheme() == "https";
        let secure = https || !is_loopback(&public);
        if secure && !https {
            tracing::warn!(
                public_url = %public,
                "browsers keep no login over plain http beyond this machine: put https in front and set public_url"
            );
        }
        let frame = Frame {
            base: base.as_str().into(),
            style: base.at(&assets::STYLE.path()),
            mark: base.at(&assets::MARK.path()),
        };
        Ok(Self {
            origin: public.origin().ascii_serialization(),
            is_public: settings.public_url.is_some(),
            https,
            secure,
            csrf: Key::derive(&settings.consumer.secret),
            proxies: settings.trusted_proxies.clone(),
            frame,
            base,
        })
    }

    /// A path as a whole URL. Stays a path if nobody has said where people come to.
    pub(crate) fn absolute(&self, path: String) -> String {
        if self.is_public { [self.origin.as_str(), &path].concat() } else { path }
    }
}

fn parse(key: &'static str, text: &str) -> Result<Url, Error> {
    Url::parse(text).map_err(|e| Error::setting(key, format!("`{text}` is no URL: {e}")))
}

fn public_url(text: &str, base: &BasePath) -> Result<Url, Error> {
    let wrong = |why: &str| Err(Error::setting("public_url", why));
    let url = parse("public_url", text)?;
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return wrong("must hold no name, password, query or fragment");
    }
    if url.path() != "/" && BasePath::parse(url.path()).ok().as_ref() != Some(base) {
        return wrong("its path must be empty or the same as base_path");
    }
    Ok(url)
}

/// Browsers accept `Secure` cookies over http from nowhere, or at best from loopback: there it is left away.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::oauth1::Credentials;

    fn site(public_url: Option<&str>, base_path: &str) -> Result<Site, Error> {
        let mut settings = Settings::new("http://127.0.0.1:8000", Credentials::new("k", "s"));
        settings.public_url = public_url.map(Into::into);
        settings.base_path = base_path.into();
        Site::new(&settings, SocketAddr::from(([127, 0, 0, 1], 4444)))
    }

    #[test]
    fn base_paths_are_tidied_or_refused() {
        for (text, wanted) in
            [("/", "/"), ("/accounts", "/accounts/"), ("/accounts/", "/accounts/"), ("/a/b/", "/a/b/")]
        {
            assert_eq!(BasePath::parse(text).unwrap().as_str(), wanted);
        }
        for text in ["", "accounts", "//", "/a//b/", "/../", "/a/./", "/a b/", "/a;b/", "/a?b/", "/%2e/"] {
            assert!(BasePath::parse(text).is_err(), "{text}");
        }
        assert_eq!(BasePath::parse("/").unwrap().bare(), None);
        assert_eq!(BasePath::parse("/accounts/").unwrap().bare(), Some("/accounts"));
    }

    #[test]
    fn cookies_are_secure_except_on_loopback_http() {
        for (url, secure) in [
            (None, false),
            (Some("http://localhost:4444"), false),
            (Some("http://127.8.9.1/"), false),
            (Some("http://[::1]:4444"), false),
            (Some("https://localhost"), true),
            (Some("https://example.com"), true),
            (Some("http://example.com"), true),
            (Some("http://localhost.example.com"), true),
            (Some("http://10.0.0.1"), true),
        ] {
            assert_eq!(site(url, "/").unwrap().secure, secure, "{url:?}");
        }
    }

    #[test]
    fn the_public_url_may_repeat_the_base_path_and_nothing_else() {
        assert_eq!(site(Some("https://Example.com:443/accounts"), "/accounts/").unwrap().origin, "https://example.com");
        for bad in
            ["example.com", "ftp://example.com", "https://u@example.com", "https://example.com/?a", "https://e/b"]
        {
            assert!(site(Some(bad), "/accounts/").is_err(), "{bad}");
        }
    }
}
