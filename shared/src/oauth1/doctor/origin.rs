//! Scheme, host and port (RFC 5849 section 3.4.1.2): what a proxy changes, and by what other name a client may know
//! this server.

use super::case::Case;
use super::cause::Cause;
use super::signed::Signed;
use super::variant::{Part, Variant};
use std::collections::HashSet;

/// Ports that servers and their proxies are found at.
const PORTS: [&str; 7] = ["80", "443", "3000", "4444", "8000", "8080", "8443"];

/// `scheme://host:port` in pieces, in the letter case in which it is signed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<String>,
}

impl Origin {
    fn read(text: &str) -> Self {
        let (scheme, authority) = text.split_once("://").unwrap_or(("http", text));
        let (host, port) = split_port(authority);
        Self { scheme: scheme.into(), host: host.into(), port: port.map(Into::into) }
    }

    fn text(&self) -> String {
        let port = self.port.as_ref().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.scheme, self.host)
    }

    fn differences(&self, other: &Self) -> usize {
        [self.scheme != other.scheme, self.host != other.host, self.port != other.port]
            .into_iter()
            .filter(|d| *d)
            .count()
    }

    /// True if the port is the scheme's own, which is not signed.
    fn has_default_port(&self) -> bool {
        matches!((self.scheme.as_str(), self.port.as_deref()), ("http", Some("80")) | ("https", Some("443")))
    }
}

/// Every combination of schemes, hosts and ports that could be meant, those that differ least first.
pub(super) fn variants(case: &Case<'_>) -> Vec<Variant> {
    let expected = Origin::read(&case.honest().origin);
    let names = names(case);
    let schemes = distinct(["http", "https", &expected.scheme]);
    let hosts = distinct(names.iter().map(|name| split_port(name).0).chain([expected.host.as_str()]));
    let ports = names.iter().filter_map(|name| split_port(name).1).chain(expected.port.as_deref());
    let ports = distinct(ports.chain(case.capture.header("x-forwarded-port")).chain(PORTS));
    let ports: Vec<Option<String>> = [None].into_iter().chain(ports.into_iter().map(Some)).collect();
    let mut origins = Vec::new();
    for scheme in &schemes {
        for host in &hosts {
            for port in &ports {
                origins.push(Origin { scheme: scheme.clone(), host: host.clone(), port: port.clone() });
            }
        }
    }
    origins.sort_by_key(|origin| origin.differences(&expected));
    let guess = |origin: Origin| {
        let text = origin.text();
        Variant::new(Part::Origin, "origin", "", move |signed| signed.origin.clone_from(&text))
    };
    origins.into_iter().map(guess).collect()
}

/// What to say about a client that signed another origin: one cause for each piece that differs, the URLs and the
/// advice with the first.
pub(super) fn causes(case: &Case<'_>, expected: &Signed, found: &Signed) -> Vec<Cause> {
    let (was, is) = (Origin::read(&expected.origin), Origin::read(&found.origin));
    let urls = format!("The client signed {}, the server expected {}. ", found.url(), expected.url());
    // What no configuration can mend is the client's to mend.
    let mendable = !is.has_default_port() && is.host == is.host.to_ascii_lowercase();
    let advice = if mendable { advice(case, found) } else { String::new() };
    let differences = [scheme(&was, &is), host(case, &was, &is), port(&was, &is)].into_iter().flatten();
    let cause = |(index, (code, words)): (usize, (&str, String))| {
        let detail = if index == 0 { [&urls, &words, &advice].map(String::as_str).concat() } else { words };
        Cause::new(code, detail).found(found.url()).expected(expected.url())
    };
    differences.enumerate().map(cause).collect()
}

type Difference = Option<(&'static str, String)>;

fn scheme(was: &Origin, is: &Origin) -> Difference {
    let words = match is.scheme.as_str() {
        "https" => "A proxy that ends TLS stands in front of the server.",
        _ => "The client was given the address without TLS, or signs it while a proxy or a redirect changes it.",
    };
    (was.scheme != is.scheme).then(|| ("scheme", words.into()))
}

fn host(case: &Case<'_>, was: &Origin, is: &Origin) -> Difference {
    if !was.host.eq_ignore_ascii_case(&is.host) {
        return Some(("host", format!("The client knows the server as {}{}.", is.host, source(case, &is.host))));
    }
    let words = "The client signs the host as it is written: it is signed in lower case (RFC 5849 section 3.4.1.2).";
    (was.host != is.host).then(|| ("host_case", words.into()))
}

fn port(was: &Origin, is: &Origin) -> Difference {
    let words = match &is.port {
        Some(port) if is.has_default_port() => {
            format!(
                "The client leaves the default port :{port} in the URL it signs (RFC 5849 section 3.4.1.2 drops it)."
            )
        }
        Some(port) => format!("The client signs port {port}, as in the address it was given."),
        None => "The client signs no port, as in the address it was given.".into(),
    };
    (was.port != is.port).then_some(("port", words))
}

/// What to configure so that the server expects what the client signs.
pub(super) fn advice(case: &Case<'_>, found: &Signed) -> String {
    match found.url().strip_suffix(case.capture.path.as_str()) {
        Some(public) => format!(" Set data_service.public_urls to {public}, if that is its public address."),
        None => String::new(),
    }
}

/// Where a host name that is not the expected one was seen.
fn source(case: &Case<'_>, host: &str) -> String {
    let seen = ["host", "x-forwarded-host", "x-original-host", "forwarded"].into_iter().find(|name| {
        case.capture.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(&host.to_ascii_lowercase()))
    });
    seen.map(|name| format!(", as the header {name} has it")).unwrap_or_default()
}

/// Every name this server may go by, with or without a port.
fn names(case: &Case<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    names.extend(case.capture.authority.clone());
    names.extend(case.base_text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest).to_owned()));
    for name in ["host", "x-forwarded-host", "x-original-host", "x-forwarded-server"] {
        let values = case.capture.header(name).into_iter().flat_map(|value| value.split(','));
        names.extend(values.map(|value| value.trim().to_owned()));
    }
    names.extend(case.capture.header("forwarded").into_iter().flat_map(forwarded_hosts));
    let lower = names.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
    let www = lower.iter().map(|name| match name.strip_prefix("www.") {
        Some(bare) => bare.to_owned(),
        None => format!("www.{name}"),
    });
    let www = www.collect::<Vec<_>>();
    names.splice(0..0, lower);
    names.extend(www);
    names.extend(["localhost", "127.0.0.1", "[::1]"].map(Into::into));
    names.retain(|name| !name.is_empty());
    names
}

/// The hosts of a `Forwarded` field (RFC 7239).
fn forwarded_hosts(value: &str) -> impl Iterator<Item = String> {
    value.split([',', ';']).filter_map(|pair| {
        let (name, host) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("host").then(|| host.trim().trim_matches('"').to_owned())
    })
}

/// The port stands after the last `]` of an IPv6 literal.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, (!port.is_empty()).then_some(port)),
        _ => (authority, None),
    }
}

/// Each text once, in order.
fn distinct<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(*text)).map(Into::into).collect()
}
