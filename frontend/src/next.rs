//! Where to go after the login: a place on this site, whatever the address bar was made to say.

use crate::site::BasePath;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Bytes of a `next`; longer ones are nobody's bookmark.
const MOST_BYTES: usize = 2048;

/// How often a text may be decoded and still change before it is refused.
const MOST_LAYERS: usize = 3;

/// A path on this site, query and fragment included, or nothing: then it means the base path. Open redirects are
/// impossible because there is no other way to make one than [`Next::parse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Next(Option<String>);

impl Next {
    /// Takes a text if it is, and stays after any decoding, a path on this site.
    pub(crate) fn parse(text: &str) -> Self {
        Self(is_local(text).then(|| text.to_owned()))
    }

    /// Where to go.
    pub(crate) fn or_base<'a>(&'a self, base: &'a BasePath) -> &'a str {
        self.0.as_deref().unwrap_or(base.as_str())
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

/// Some proxies and some services decode a path once more than they should, so every layer must be harmless.
fn is_local(text: &str) -> bool {
    if text.len() > MOST_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    let mut layer = Cow::Borrowed(text.as_bytes());
    for _ in 0..=MOST_LAYERS {
        if !is_path(&layer) {
            return false;
        }
        let decoded = decoded(&layer);
        if decoded == *layer {
            return true;
        }
        layer = Cow::Owned(decoded);
    }
    false
}

/// Begins with exactly one slash, holds no backslash, which browsers read as a slash, no control character, which
/// they drop, and no empty or dotted part, which could bring two slashes to the front.
fn is_path(text: &[u8]) -> bool {
    let path = text.split(|&b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
    let dotted = |part: &[u8]| part == b"." || part == b"..";
    path.starts_with(b"/")
        && !path.windows(2).any(|two| two == b"//")
        && !path.split(|&b| b == b'/').any(dotted)
        && !text.iter().any(|&b| b == b'\\' || b.is_ascii_control())
}

/// One layer of percent-encoding taken off; what is no escape stays, as it does in browsers.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |b: Option<&u8>| char::from(*b?).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let escape = |rest: &[u8]| Some(digit(rest.first())? << 4 | digit(rest.get(1))?);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let byte = if *first == b'%' { escape(tail) } else { None };
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_on_this_site_are_kept() {
        let base = BasePath::parse("/accounts/").unwrap();
        for good in [
            "/",
            "/blog/",
            "/a?b=c&d=%C3%A9",
            "/a#b",
            "/search?q=http://example.com//x",
            "/caf%C3%A9",
            "/100%",
            "/a%20b",
        ] {
            assert_eq!(Next::parse(good).or_base(&base), good);
        }
    }

    #[test]
    fn everything_else_leads_home() {
        let base = BasePath::parse("/accounts/").unwrap();
        let long = format!("/{}", "x".repeat(MOST_BYTES));
        for bad in [
            "",
            "blog",
            "http://evil.example",
            "https:evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " /a",
            "/a b",
            "/%2Fevil.example",
            "/%2f/evil.example",
            "/%5Cevil.example",
            "/%5cevil.example",
            "/%09/evil.example",
            "/%0d%0aX: y",
            "%2F%2Fevil.example",
            "/%252Fevil.example",
            "/%25252Fevil.example",
            "/%2525252525252Fevil.example",
            "/./evil",
            "/..//evil.example",
            "/.//evil.example",
            "/a/../b",
            "/%2e%2e//evil.example",
            "/a//b",
            "javascript:alert(1)",
            "data:text/html,x",
            "/é",
            "/%00",
            "/a?b=\\",
            "/\u{7f}",
            &long,
        ] {
            assert_eq!(Next::parse(bad).or_base(&base), "/accounts/", "{bad:?}");
        }
    }
}
