//! The base string URI (RFC 5849 section 3.4.1.2): what part of the URL is signed, and how it is written.

use super::percent;

/// Why a text is not usable as a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `scheme://authority…`.
    #[error("not an absolute URL such as https://api.example.com")]
    NotAbsolute,
    /// Name and password in the authority.
    #[error("a name or password in the URL is not allowed")]
    UserInfo,
    /// No host.
    #[error("the URL has no host")]
    NoHost,
    /// The port is no number.
    #[error("the port is not a number between 1 and 65535")]
    Port,
    /// A base URL with a query or a fragment.
    #[error("a base URL has no query and no fragment")]
    Query,
}

/// A URL cut into the pieces signing needs, without any normalisation but RFC 5849's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// As written, in any letter case.
    pub scheme: &'a str,
    /// Host and port as written.
    pub authority: &'a str,
    /// The path as written; may be empty.
    pub path: &'a str,
    /// The query without its `?`; `None` without one.
    pub query: Option<&'a str>,
}

/// Cuts an absolute URL. The fragment is dropped: it is never sent.
pub fn split(url: &str) -> Result<UrlParts<'_>, UrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::NotAbsolute)?;
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !scheme_ok {
        return Err(UrlError::NotAbsolute);
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(slash).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    Ok(UrlParts { scheme, authority, path, query })
}

/// A public base URL: scheme and authority in the form that is signed, and a path prefix that a proxy may have
/// taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    encoded: String,
}

impl BaseUrl {
    /// Parses and normalises: scheme and host in lower case, default and empty ports dropped, no slash at the end.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let parts = split(url)?;
        if parts.query.is_some() || url.contains('#') {
            return Err(UrlError::Query);
        }
        let mut text = origin(&parts)?;
        text.push_str(parts.path.trim_end_matches('/'));
        let encoded = percent::encode(text.as_bytes()).into_owned();
        Ok(Self { text, encoded })
    }

    /// The base string URI of a request for `path`, as sent: raw, never decoded or collapsed; `/` if empty.
    pub fn with_path(&self, path: &str) -> String {
        let path = if path.is_empty() { "/" } else { path };
        [self.text.as_str(), path].concat()
    }

    /// Appends the encoded base string URI to `out`.
    pub(crate) fn encode_with_path(&self, out: &mut String, path: &str) {
        out.push_str(&self.encoded);
        percent::encode_into(out, if path.is_empty() { b"/" } else { path.as_bytes() });
    }

    /// The normalised URL without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port, as they are signed.
    pub fn authority(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or("")
    }
}

/// Scheme and authority, normalised.
fn origin(parts: &UrlParts<'_>) -> Result<String, UrlError> {
    let scheme = parts.scheme.to_ascii_lowercase();
    let authority = parts.authority.to_ascii_lowercase();
    // The colon of a port stands after the last `]` of an IPv6 literal.
    let host_end = authority.rfind(']').map_or(0, |index| index + 1);
    let tail = authority.get(host_end..).unwrap_or("");
    let (host, port) = match tail.find(':') {
        Some(colon) => authority.split_at_checked(host_end + colon).unwrap_or((&authority, "")),
        None => (authority.as_str(), ""),
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let port = port.strip_prefix(':').unwrap_or("");
    if !port.is_empty() && !port.parse::<u16>().is_ok_and(|number| number > 0) {
        return Err(UrlError::Port);
    }
    let default = matches!((scheme.as_str(), port), (_, "") | ("http", "80") | ("https", "443"));
    let mut text = format!("{scheme}://{host}");
    if !default {
        text.push(':');
        text.push_str(port);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(url: &str) -> String {
        let parts = split(url).unwrap();
        BaseUrl::parse(&format!("{}://{}", parts.scheme, parts.authority)).unwrap().with_path(parts.path)
    }

    #[test]
    fn ports_hosts_and_paths_as_the_rfc_says() {
        for (url, wanted) in [
            ("HTTP://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
            ("https://www.example.net:8080/?q=1", "https://www.example.net:8080/"),
            ("https://example.com:443", "https://example.com/"),
            ("http://example.com:443/", "http://example.com:443/"),
            ("http://example.com:?x=1", "http://example.com/"),
            ("http://[2001:DB8::1]:80/a", "http://[2001:db8::1]/a"),
            ("http://[::1]:8080/a", "http://[::1]:8080/a"),
            ("http://example.com./a/./b/../c//d;v=1", "http://example.com./a/./b/../c//d;v=1"),
            ("zeromq://countersign/user.get", "zeromq://countersign/user.get"),
        ] {
            assert_eq!(normalised(url), wanted, "{url}");
        }
    }

    #[test]
    fn a_prefix_stays_before_the_path() {
        let base = BaseUrl::parse("https://Example.com/api/").unwrap();
        assert_eq!(base.with_path("/users"), "https://example.com/api/users");
        assert_eq!(base.authority(), "example.com");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for (url, error) in [
            ("example.com", UrlError::NotAbsolute),
            ("http://u:p@example.com", UrlError::UserInfo),
            ("http:///x", UrlError::NoHost),
            ("http://:80/", UrlError::NoHost),
            ("http://example.com:99999", UrlError::Port),
            ("http://example.com/?a", UrlError::Query),
        ] {
            assert_eq!(BaseUrl::parse(url), Err(error), "{url}");
        }
    }
}
