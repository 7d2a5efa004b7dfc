//! The body hash (draft-eaton-oauth-bodyhash-00): what was hashed, if it was not the body that came.

use super::capture::bytes;
use super::case::Case;
use super::cause::Cause;
use super::{json, written};
use crate::oauth1::BodyHashAlgorithm;
use std::borrow::Cow;

/// Everything that is wrong with the body hash; nothing if it fits.
pub(super) fn causes(case: &Case<'_>) -> Vec<Cause> {
    let body = case.capture.body.as_slice();
    match case.value("oauth_body_hash") {
        _ if case.is_form() => Vec::new(),
        None if body.is_empty() => Vec::new(),
        None => vec![missing(body)],
        Some(sent) => unfit(case, sent, body),
    }
}

fn missing(body: &[u8]) -> Cause {
    let detail = format!(
        "The body ({}) is no form, so the signature protects it only by oauth_body_hash, which is not sent. For a client \
         that cannot send it, the consumer may be registered with body_hash = optional.",
        bytes(body.len())
    );
    Cause::new("body_hash_required", detail).expected(BodyHashAlgorithm::Sha256.hash(body))
}

fn unfit(case: &Case<'_>, sent: &str, body: &[u8]) -> Vec<Cause> {
    let Some(written) = written::read("body_hash", sent) else {
        let detail = "oauth_body_hash is not the Base64 of a SHA-1, SHA-256 or SHA-512 hash.";
        return vec![Cause::new("body_hash_malformed", detail).found(sent)];
    };
    let algorithm = match written.bytes.len() {
        20 => BodyHashAlgorithm::Sha1,
        32 => BodyHashAlgorithm::Sha256,
        _ => BodyHashAlgorithm::Sha512,
    };
    let mut causes: Vec<Cause> = written.cause.into_iter().collect();
    let is_hash_of = |other: &[u8]| written::read("", &algorithm.hash(other)).is_some_and(|w| w.bytes == written.bytes);
    if !is_hash_of(body) {
        let (code, words) = others(body)
            .into_iter()
            .find(|(_, _, other)| is_hash_of(other))
            .map_or(("body_changed", Cow::from(changed(case))), |(code, words, _)| (code, words));
        let detail = format!(
            "The body hash does not fit: the body has {} and the hash {}, and {sent} was signed. {words}",
            bytes(body.len()),
            algorithm.hash(body)
        );
        causes.push(Cause::new(code, detail).found(sent).expected(algorithm.hash(body)));
    }
    causes
}

fn changed(case: &Case<'_>) -> String {
    let coded = case.capture.header("content-encoding").map(|coding| {
        format!(" Content-Encoding is {coding}: the bytes that are sent are hashed, not what they decode to.")
    });
    let words = "The body was changed after it was signed, or something else was hashed.";
    [words, coded.as_deref().unwrap_or("")].concat()
}

/// Larger documents are not written anew.
const LARGEST_JSON: usize = 256 * 1024;

type Other<'a> = (&'static str, Cow<'static, str>, Cow<'a, [u8]>);

/// Bodies that may have been hashed in the place of this one.
fn others(body: &[u8]) -> Vec<Other<'_>> {
    let mut others: Vec<Other<'_>> = PLACEHOLDERS
        .iter()
        .map(|&(words, text)| ("body_hash_of_nothing", Cow::from(words), Cow::from(text.as_bytes())))
        .collect();
    let newline = "The hash is of the body without the newline or blanks at its end, or with one more.";
    others.push(("body_newline", newline.into(), body.trim_ascii_end().into()));
    others.push(("body_newline", newline.into(), body.trim_ascii().into()));
    others.extend(["\n", "\r\n"].map(|end| ("body_newline", newline.into(), [body, end.as_bytes()].concat().into())));
    let Ok(text) = std::str::from_utf8(body) else { return others };
    let unix = text.replace("\r\n", "\n");
    let line_ends = "The hash is of the body with other line ends (CRLF or LF).";
    others.push(("body_line_ends", line_ends.into(), unix.replace('\n', "\r\n").into_bytes().into()));
    others.push(("body_line_ends", line_ends.into(), unix.into_bytes().into()));
    let mark = "The hash is of the body with a byte order mark more or less.";
    others.push(("body_byte_order_mark", mark.into(), ["\u{feff}", text].concat().into_bytes().into()));
    others.push(("body_byte_order_mark", mark.into(), text.trim_start_matches('\u{feff}').as_bytes().into()));
    let latin1: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    let charset = "The hash is of the body in another character set (Latin-1): what is sent is hashed.";
    others.extend(latin1.ok().map(|latin1| ("body_charset", charset.into(), latin1.into())));
    let json = if text.len() <= LARGEST_JSON { json::respelled(text) } else { Vec::new() };
    for (layout, other) in json {
        let words = format!("The hash is of the same JSON {layout}: sign the very text that is sent.");
        others.push(("body_json_respelled", words.clone().into(), [&other, "\n"].concat().into_bytes().into()));
        others.push(("body_json_respelled", words.into(), other.into_bytes().into()));
    }
    others
}

const PLACEHOLDERS: &[(&str, &str)] = &[
    ("The hash is that of an empty body: the client hashed before it had the body.", ""),
    ("The hash is that of {}: the client hashed before it had the body.", "{}"),
    ("The hash is that of []: the client hashed before it had the body.", "[]"),
    ("The hash is that of the word null: the client hashed before it had the body.", "null"),
    ("The hash is that of the word undefined: the client hashed before it had the body.", "undefined"),
    ("The hash is that of [object Object]: the client hashed an object, not its JSON.", "[object Object]"),
];
