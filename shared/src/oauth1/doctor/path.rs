//! The path (RFC 5849 section 3.4.1.2: as sent), and what proxies and clients make of it.

use super::case::{Case, decode};
use super::cause::Cause;
use super::encoding::{lower_hex, upper_hex};
use super::origin;
use super::signed::Signed;
use super::variant::{Part, Variant};
use crate::oauth1::base_url;
use crate::oauth1::percent::{self, Plus};

/// Where proxies and frameworks leave the target they were given.
const ORIGINAL_TARGETS: [&str; 5] =
    ["x-original-uri", "x-rewrite-url", "x-original-url", "x-forwarded-uri", "x-envoy-original-path"];

/// Prefixes that proxies are often told to take off.
const PREFIXES: [&str; 12] = [
    "/api",
    "/v1",
    "/v2",
    "/api/v1",
    "/api/v2",
    "/rest",
    "/accounts",
    "/auth",
    "/oauth",
    "/countersign",
    "/data-service",
    "/data",
];

pub(super) fn variants(case: &Case<'_>) -> Vec<Variant> {
    let honest = case.honest().path;
    let mut variants: Vec<Variant> = ROWS.iter().filter_map(|row| respelled(row, &honest)).collect();
    variants.extend(with_query(case, &honest));
    variants.extend(moved(case, &honest));
    variants
}

/// What to say about a client that signed another path.
pub(super) fn cause(case: &Case<'_>, variant: &Variant, expected: &Signed, found: &Signed) -> Cause {
    let advice = if variant.code == "path_prefix" { origin::advice(case, found) } else { String::new() };
    let (was, is) = (expected.url(), found.url());
    let detail = format!("The client signed {is}, the server expected {was}. {}{advice}", variant.words);
    Cause::new(variant.code, detail).found(is).expected(was)
}

type Row = (&'static str, &'static str, fn(&str) -> String);

/// Special cases before general ones.
const ROWS: &[Row] = &[
    ("path_empty", "The empty path is signed as / (RFC 5849 section 3.4.1.2).", |path| {
        if path == "/" { String::new() } else { path.to_owned() }
    }),
    (
        "path_slash",
        "A slash at the end makes another URL: client, proxy or framework must leave it as it is.",
        |path| path.strip_suffix('/').map_or_else(|| format!("{path}/"), Into::into),
    ),
    ("path_decoded", "The path was percent-decoded on one side: it is signed exactly as it is sent.", |path| {
        decode(path, Plus::IsPlus)
    }),
    ("path_hex_case", "%2f and %2F differ in a path: it is signed exactly as it is sent.", upper_hex),
    ("path_hex_case", "%2f and %2F differ in a path: it is signed exactly as it is sent.", lower_hex),
    (
        "path_encoded_again",
        "The path was percent-encoded once more on one side: it is signed exactly as it is sent.",
        |path| segments(path, |segment| percent::encode(segment.as_bytes()).into_owned()),
    ),
    (
        "path_encoded_again",
        "Characters of the path were percent-encoded on one side only: it is signed exactly as it is sent.",
        |path| segments(path, |segment| percent::encode(decode(segment, Plus::IsPlus).as_bytes()).into_owned()),
    ),
    ("path_slashes_merged", "Double slashes were merged on one side (nginx: merge_slashes off leaves them).", merged),
    (
        "path_dots",
        "The segments . and .. were resolved on one side: the path is signed exactly as it is sent.",
        without_dots,
    ),
    ("path_semicolon", "What follows a ; in the path was cut off on one side: it belongs to the path.", |path| {
        segments(path, |segment| segment.split(';').next().unwrap_or("").to_owned())
    }),
];

fn respelled(&(code, words, respell): &Row, honest: &str) -> Option<Variant> {
    let path = respell(honest);
    (path != honest).then(|| guess(code, words, path))
}

fn guess(code: &'static str, words: &str, path: String) -> Variant {
    Variant::new(Part::Path, code, words, move |signed| signed.path.clone_from(&path))
}

/// The URL with its query in the place of the base string URI.
fn with_query(case: &Case<'_>, honest: &str) -> Option<Variant> {
    let query = case.capture.query.as_ref()?;
    let words = "The query does not belong into the base string URI: its parameters are signed with the others (RFC \
                 5849 section 3.4.1.2).";
    Some(guess("url_with_query", words, format!("{honest}?{query}")))
}

/// The path with a prefix more or less.
fn moved(case: &Case<'_>, honest: &str) -> Vec<Variant> {
    let mut variants = Vec::new();
    let path = case.capture.path.as_str();
    if path != honest && path.starts_with('/') {
        let words = "The base URL's own path stands in the request already.";
        variants.push(guess("path_prefix", words, path.into()));
    }
    for name in ORIGINAL_TARGETS {
        let Some(target) = case.capture.header(name) else { continue };
        let path =
            base_url::split(target).map_or_else(|_| target.split('?').next().unwrap_or(target), |parts| parts.path);
        variants.push(guess(
            "path_prefix",
            &format!("A proxy rewrites the path; {name} has the original."),
            path.into(),
        ));
    }
    if let Some(prefix) = case.capture.header("x-forwarded-prefix") {
        let prefix = prefix.trim_end_matches('/');
        let words = format!("A proxy takes {prefix} off the path, as X-Forwarded-Prefix says.");
        variants.push(guess("path_prefix", &words, [prefix, honest].concat()));
    }
    for (at, _) in honest.match_indices('/').skip(1).take(4) {
        let (prefix, rest) = honest.split_at_checked(at).unwrap_or((honest, ""));
        let words = format!("A proxy puts {prefix} before the path, or the client leaves it out.");
        variants.push(guess("path_prefix", &words, rest.into()));
    }
    for prefix in PREFIXES {
        let words = format!("A proxy takes {prefix} off the path.");
        variants.push(guess("path_prefix", &words, [prefix, honest].concat()));
    }
    variants
}

fn segments(path: &str, change: fn(&str) -> String) -> String {
    path.split('/').map(change).collect::<Vec<_>>().join("/")
}

fn merged(path: &str) -> String {
    let mut out = path.to_owned();
    while out.contains("//") {
        out = out.replace("//", "/");
    }
    out
}

/// RFC 3986 section 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => _ = kept.pop(),
            other => kept.push(other),
        }
    }
    let end = if path.ends_with("/.") || path.ends_with("/..") { "/" } else { "" };
    let out = ["/", &kept.join("/"), end].concat();
    if out == "//" { "/".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes() {
        for (path, wanted) in
            [("/a/./b/../c", "/a/c"), ("/a/..", "/"), ("/a/b/.", "/a/b/"), ("/../a", "/a"), ("/a//b", "/a//b")]
        {
            assert_eq!(without_dots(path), wanted, "{path}");
        }
        assert_eq!(merged("//a///b/"), "/a/b/");
    }
}
