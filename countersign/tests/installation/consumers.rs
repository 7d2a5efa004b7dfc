//! Services let in, rotated and cut off, beside a running service.

use crate::place::{Place, Up, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;

/// Registers a service and keeps its credentials in a file.
fn register(place: &Place, service: &str, more: &[&str]) -> (String, String) {
    let text = place.ok(&[&["consumer", "add", "--service", service, "--json"], more].concat());
    let file = format!("{service}.json");
    fs::write(place.folder().join(&file), &text).unwrap();
    let made: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(made.as_object().unwrap().len(), 4, "{made}");
    (made["key"].as_str().unwrap().to_owned(), file)
}

/// True if a request with these credentials is heard; otherwise the answer.
fn heard(place: &Place, up: &Up, credentials: &str) -> Result<(), String> {
    let url = format!("{}/echo", up.data_service);
    let output = place.output(&["request", "GET", &url, "--credentials", credentials]);
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    Err(String::from_utf8(words).unwrap())
}

#[test]
fn a_service_is_let_in_and_cut_off() {
    let place = Place::new();
    let up = place.up();
    let (key, file) = register(&place, "blog", &["--label", "The blog"]);
    heard(&place, &up, &file).unwrap();
    let show = place.ok(&["consumer", "show", &key]);
    assert!(show.contains("The blog") && show.contains("users.me.#") && !show.contains("cs_"), "{show}");
    let receipt = place.json(&["consumer", "revoke", &key]);
    let instance = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(receipt["confirmed"][0]["instance"], instance.trim(), "{receipt}");
    assert_eq!(receipt["silent"], serde_json::json!([]));
    let words = heard(&place, &up, &file).unwrap_err();
    assert!(words.contains("consumer_revoked"), "{words}");
    let again = place.ok(&["consumer", "revoke", &key]);
    assert!(
        again.contains("is revoked") && again.contains(instance.trim()) && again.contains("confirmed at"),
        "{again}"
    );
    let list = place.ok(&["consumer", "list"]);
    assert!(list.lines().any(|line| line.starts_with(&key) && line.contains("revoked")), "{list}");
    assert!(place.fails(&["consumer", "rotate", &key], 1).contains("(conflict)"));
    assert!(place.fails(&["consumer", "show", "nobody"], 1).contains("(not_found)"));
    assert!(place.fails(&["consumer", "revoke", "nobody", "--yes"], 1).contains("(not_found)"));
}

#[test]
fn two_secrets_work_until_the_overlap_is_over() {
    let place = Place::new();
    let up = place.up();
    let (key, old) = register(&place, "blog", &[]);
    let rotated = place.json(&["consumer", "rotate", &key, "--overlap", "1h"]);
    assert_eq!(rotated["receipt"]["confirmed"].as_array().unwrap().len(), 1, "{rotated}");
    assert_eq!(rotated["secrets"].as_array().unwrap().len(), 2);
    fs::write(place.folder().join("new.json"), rotated.to_string()).unwrap();
    heard(&place, &up, &old).unwrap();
    heard(&place, &up, "new.json").unwrap();
    let words = place.ok(&["consumer", "rotate", &key, "--overlap", "0"]);
    assert!(words.contains("export COUNTERSIGN_CONSUMER_SECRET=cs_") && words.contains("has ended"), "{words}");
    for file in [old.as_str(), "new.json"] {
        assert!(heard(&place, &up, file).unwrap_err().contains("signature_invalid"));
    }
}

#[test]
fn an_instance_that_does_not_answer_is_named() {
    let place = Place::new();
    let up = place.up();
    let (key, file) = register(&place, "blog", &[]);
    heard(&place, &up, &file).unwrap();
    let (receipt, words) = until("it was stopped while it did not hold the database", || {
        up.signal(Signal::STOP);
        let output = place.output(&["consumer", "revoke", &key, "--wait", "1s", "--json"]);
        assert_eq!(output.status.code(), Some(1));
        let receipt = serde_json::from_slice::<Value>(&output.stdout);
        if receipt.is_err() {
            up.signal(Signal::CONT);
        }
        Some((receipt.ok()?, String::from_utf8(output.stderr).unwrap()))
    });
    let silent = receipt["silent"][0].as_str().unwrap();
    assert!(words.contains("not confirmed by") && words.contains(silent), "{words}");
    up.signal(Signal::CONT);
    assert!(heard(&place, &up, &file).unwrap_err().contains("consumer_revoked"), "it is revoked all the same");
    assert_eq!(up.stop().code(), Some(0));
}

#[test]
fn without_a_running_service_nobody_has_to_hear() {
    let place = Place::made();
    let (key, _) = register(&place, "blog", &[]);
    let impact = place.ok(&["consumer", "impact", &key]);
    assert!(impact.contains("0 live tokens") && impact.contains("never"), "{impact}");
    let words = place.ok(&["consumer", "revoke", &key]);
    assert!(words.contains("No instance is running"), "{words}");
}

#[test]
fn a_consumer_is_what_was_asked_for() {
    let place = Place::made();
    let more = [
        "--access",
        "users.*.read",
        "--access",
        "authenticate",
        "--method",
        "HMAC-SHA512",
        "--body-hash",
        "optional",
        "--location",
        "query",
        "--location",
        "header",
    ];
    let (key, _) = register(&place, "shop", &more);
    let consumer = place.json(&["consumer", "show", &key]);
    assert_eq!(consumer["access"], serde_json::json!(["users.*.read", "authenticate"]));
    assert_eq!(consumer["signature_methods"], serde_json::json!(["HMAC-SHA512"]));
    assert_eq!(consumer["body_hash"], "optional");
    assert_eq!(consumer["locations"], serde_json::json!(["query", "header"]));
    assert!(place.ok(&["consumer", "show", &key]).contains("query, header"));
    let people = place.ok(&["consumer", "add", "--service", "wiki"]);
    assert!(people.contains("export COUNTERSIGN_CONSUMER_KEY=wiki-"), "{people}");
}

#[test]
fn wrong_usage_is_told_apart_from_a_refusal() {
    let place = Place::made();
    for args in [
        &["consumer", "add"][..],
        &["consumer", "add", "--service", "Blog"],
        &["consumer", "add", "--service", "blog", "--method", "PLAINTEXT"],
        &["consumer", "add", "--service", "blog", "--body-hash", "maybe"],
        &["consumer", "rotate", "x", "--overlap", "soon"],
        &["consumer", "list", "--dir", "var", "--config", "var/countersign.toml"],
        &["nonsense"],
    ] {
        place.fails(args, 2);
    }
    assert!(place.fails(&["consumer", "add", "--service", "blog", "--access", "a..b"], 1).contains("(invalid)"));
}
