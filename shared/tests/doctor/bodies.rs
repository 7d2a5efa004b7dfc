//! The body, its hash and its framing.

use super::client::{Client, hex};
use super::{check, codes, diagnose};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const MISMATCH: &str = "body_hash_mismatch";

fn text() -> Client {
    Client::post("text/plain", "one\ntwo\n")
}

fn hashes(client: &mut Client, text: &str) {
    client.hashed = Some(text.into());
}

#[test]
fn hashes_of_something_else() {
    check(&[
        ("body_changed", MISMATCH, Client::json, |c| c.body = b"{}".to_vec()),
        ("body_changed", MISMATCH, text, |c| {
            c.headers.push("Content-Encoding: gzip".into());
            hashes(c, "what the body decodes to");
        }),
        ("body_hash_of_nothing", MISMATCH, Client::json, |c| hashes(c, "")),
        ("body_hash_of_nothing", MISMATCH, Client::json, |c| hashes(c, "null")),
        ("body_newline", MISMATCH, text, |c| hashes(c, "one\ntwo")),
        ("body_newline", MISMATCH, text, |c| hashes(c, "one\ntwo\n\n")),
        ("body_newline", MISMATCH, Client::json, |c| hashes(c, "{\"name\": \"caf\u{e9}/1\", \"list\": [1, {}]}\n")),
        ("body_line_ends", MISMATCH, text, |c| hashes(c, "one\r\ntwo\r\n")),
        ("body_line_ends", MISMATCH, text, |c| {
            c.body = b"one\r\ntwo\r\n".to_vec();
            hashes(c, "one\ntwo\n");
        }),
        ("body_byte_order_mark", MISMATCH, text, |c| hashes(c, "\u{feff}one\ntwo\n")),
        ("body_charset", MISMATCH, Client::json, |c| {
            c.hashed = Some(b"{\"name\": \"caf\xe9/1\", \"list\": [1, {}]}".to_vec());
        }),
        ("body_json_respelled", MISMATCH, Client::json, |c| hashes(c, "{\"name\":\"caf\u{e9}/1\",\"list\":[1,{}]}")),
        ("body_json_respelled", MISMATCH, Client::json, |c| {
            hashes(c, "{\"name\": \"caf\\u00e9/1\", \"list\": [1, {}]}")
        }),
        ("body_json_respelled", MISMATCH, Client::json, |c| hashes(c, "{\"name\":\"caf\u{e9}\\/1\",\"list\":[1,{}]}")),
        ("body_json_respelled", MISMATCH, Client::json, |c| hashes(c, "{\"list\":[1,{}],\"name\":\"caf\u{e9}/1\"}")),
        ("body_json_respelled", MISMATCH, Client::json, |c| {
            hashes(c, "{\n  \"name\": \"caf\u{e9}/1\",\n  \"list\": [\n    1,\n    {}\n  ]\n}\n");
        }),
        ("body_hash_hex", MISMATCH, Client::json, |c| c.write_body_hash = hex),
        (
            "body_hash_url_safe",
            MISMATCH,
            || Client::post("text/plain", "0"),
            |c| c.write_body_hash = |h| URL_SAFE_NO_PAD.encode(h),
        ),
        ("body_hash_malformed", MISMATCH, Client::json, |c| c.write_body_hash = |_| "md5".into()),
        ("body_hash_required", "body_hash_required", Client::json, |c| c.hashed = None),
    ]);
}

#[test]
fn a_changed_body_is_described() {
    let mut client = Client::json();
    client.body = b"{}".to_vec();
    let (_, diagnosis) = diagnose(client);
    let cause = &diagnosis.causes[0];
    assert_eq!(cause.expected.as_deref(), Some("RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="));
    assert!(cause.detail.contains("2 bytes") && cause.detail.contains(cause.found.as_deref().unwrap()), "{cause:?}");
}

#[test]
fn framing() {
    check(&[
        ("body_incomplete", MISMATCH, Client::json, |c| c.capture = |text| text[..text.len() - 4].into()),
        ("body_too_long", "ok", Client::json, |c| c.capture = |text| text + "more"),
        ("chunks_not_found", "ok", Client::json, |c| {
            c.capture = |text| text.replace("Content-Length: 36", "Transfer-Encoding: chunked");
        }),
    ]);
    let mut chunked = Client::json();
    chunked.capture = |text| {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let head = head.replace("Content-Length: 36", "Transfer-Encoding: chunked");
        let (one, two) = body.split_at(10);
        format!("{head}\r\n\r\na\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", two.len())
    };
    let (_, diagnosis) = diagnose(chunked);
    assert_eq!((codes(&diagnosis), diagnosis.verdict.as_str()), (vec![], "ok"));
}

#[test]
fn a_hash_of_another_kind_is_only_noted() {
    for (method, hash) in [("HMAC-SHA256", "HMAC-SHA1"), ("HMAC-SHA1", "HMAC-SHA256"), ("HMAC-SHA512", "HMAC-SHA1")] {
        let mut client = Client::json();
        client.signs_with(method);
        client.body_hash = hash;
        let (_, diagnosis) = diagnose(client);
        assert_eq!((codes(&diagnosis), diagnosis.verdict.as_str()), (vec!["body_hash_algorithm"], "ok"));
        assert!(diagnosis.causes[0].note);
    }
}
