//! Requests that are refused before any signature is looked at (RFC 5849 sections 3.1 to 3.3 and 3.5).

use super::case::Case;
use super::cause::Cause;
use crate::error::{Code, Refusal};
use crate::oauth1::percent::{self, Plus};
use crate::oauth1::{Location, limits};

/// What is known about a refusal beyond its word; nothing if the refusal is not about syntax.
pub(super) fn causes(case: &Case<'_>, refusal: &Refusal) -> Vec<Cause> {
    if matches!(
        refusal.code,
        Code::SignatureInvalid | Code::TimestampRefused | Code::BodyHashRequired | Code::BodyHashMismatch
    ) {
        return Vec::new();
    }
    let known: Vec<Cause> = CHECKS.iter().filter_map(|check| check(case)).collect();
    if known.is_empty() {
        return vec![Cause::new(refusal.code.word(), sentence(&refusal.detail))];
    }
    known
}

const CHECKS: &[fn(&Case<'_>) -> Option<Cause>] =
    &[scheme, several_headers, places, escapes, signature_method, timestamp, nonce, body_hash_with_form];

fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

fn scheme(case: &Case<'_>) -> Option<Cause> {
    let value = String::from_utf8_lossy(case.capture.all("authorization").next()?).into_owned();
    let scheme = value.split_ascii_whitespace().next().unwrap_or("").to_owned();
    let signed = case.signature.is_some() || case.parameters.iter().any(|p| p.is_protocol());
    let unsigned = !signed && !scheme.eq_ignore_ascii_case("OAuth");
    // What follows another scheme may be a password or a token: it is not shown.
    unsigned.then(|| {
        Cause::new("authorization_scheme", "The Authorization header is of another scheme than OAuth.")
            .found(if value.trim() == scheme { String::new() } else { scheme })
            .expected("OAuth")
    })
}

fn several_headers(case: &Case<'_>) -> Option<Cause> {
    let count = case.capture.all("authorization").count();
    let detail = "There is more than one Authorization header: which of them counts would be a guess.";
    (count > 1).then(|| Cause::new("authorization_twice", detail).found(count.to_string()).expected("1"))
}

/// Section 3.5: one and only one place.
fn places(case: &Case<'_>) -> Option<Cause> {
    let stands = |place| case.parameters.iter().any(|p| p.location == place && p.is_protocol());
    let places = [(Location::Header, "header"), (Location::Query, "query"), (Location::Body, "body")];
    let found: Vec<&str> = places.into_iter().filter(|(place, _)| stands(*place)).map(|(_, word)| word).collect();
    let detail = "OAuth parameters stand in more than one place (RFC 5849 section 3.5 allows one).";
    (found.len() > 1).then(|| Cause::new("two_places", detail).found(found.join(", ")))
}

fn escapes(case: &Case<'_>) -> Option<Cause> {
    let broken = |text: &str| percent::decode(text.as_bytes(), Plus::IsSpace).is_err();
    let bad = case.parameters.iter().find(|p| broken(&p.raw.0) || broken(&p.raw.1))?;
    let detail = "A parameter holds a % without two hexadecimal digits, or is not UTF-8 after decoding.";
    Some(Cause::new("bad_escape", detail).found(&bad.raw.0))
}

fn signature_method(case: &Case<'_>) -> Option<Cause> {
    let name = case.value("oauth_signature_method")?;
    let (code, detail) = match (name, case.algorithm()) {
        ("PLAINTEXT", _) => (
            "plaintext_used",
            "PLAINTEXT sends the secrets themselves and protects nothing of the request: sign with HMAC-SHA256.",
        ),
        (name, Some(method)) if name == method.name() => return None,
        (_, Some(_)) => ("signature_method_case", "The name of the signature method is case-sensitive."),
        (_, None) => ("signature_method_unknown", "This signature method is not spoken here."),
    };
    let expected = case.algorithm().map_or("HMAC-SHA256, HMAC-SHA512 or HMAC-SHA1", |method| method.name());
    Some(Cause::new(code, detail).found(name).expected(expected))
}

/// Section 3.3: seconds since 1970, a positive integer.
fn timestamp(case: &Case<'_>) -> Option<Cause> {
    let text = case.value("oauth_timestamp")?;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let (code, detail) = match text.len() {
        13 if digits => ("timestamp_milliseconds", "The timestamp counts milliseconds: divide it by 1000."),
        16 if digits => ("timestamp_microseconds", "The timestamp counts microseconds: divide it by 1000000."),
        1..=limits::TIMESTAMP_DIGITS if digits && !text.starts_with('0') => return None,
        _ if text.parse::<f64>().is_ok_and(|number| number.fract() != 0.0) => {
            ("timestamp_fraction", "The timestamp has a fraction: whole seconds are wanted.")
        }
        _ => ("timestamp_malformed", "The timestamp is not the number of seconds since 1970, in digits alone."),
    };
    Some(Cause::new(code, detail).found(text).expected("seconds since 1970, 10 digits at present"))
}

fn nonce(case: &Case<'_>) -> Option<Cause> {
    let text = case.value("oauth_nonce")?;
    let well_formed =
        (1..=limits::NONCE_BYTES).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
    let detail = format!("The nonce must be 1 to {} printable ASCII characters.", limits::NONCE_BYTES);
    (!well_formed).then(|| Cause::new("nonce_malformed", detail).found(text))
}

/// The draft: a body hash must not be sent with a form, whose parameters are signed themselves.
fn body_hash_with_form(case: &Case<'_>) -> Option<Cause> {
    let both = case.is_form() && case.value("oauth_body_hash").is_some();
    let detail = "oauth_body_hash is sent with a form, whose parameters are signed themselves: leave it out, or send the \
                  right Content-Type if the body is no form.";
    both.then(|| Cause::new("body_hash_with_form", detail))
}
