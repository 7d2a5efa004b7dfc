//! `countersign explain` and `countersign request` as they are typed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

use serde_json::Value;
use shared::oauth1::{Credentials, SignBody, Signer, ToSign};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const SECRET: &str = "consumer secret & more";
const BASE: &str = "http://api.example.com:8000";

/// A captured request of a client that was given this URL.
fn captured(signed_url: &str) -> String {
    let signer = Signer::new(Credentials::new("blog", SECRET), Some(Credentials::new("tok", "token secret")));
    let authorization = signer
        .authorization(&ToSign {
            method: "POST",
            url: signed_url,
            body: SignBody::Other(b"{\"a\":1}"),
            nonce: "n",
            timestamp: 1_700_000_000,
        })
        .unwrap();
    format!(
        "POST /users?b=2&a=1%202 HTTP/1.1\r\nHost: api.example.com:8000\r\nContent-Type: application/json\r\n\
         Content-Length: 7\r\nAuthorization: {authorization}\r\n\r\n{{\"a\":1}}"
    )
}

/// A temporary folder with the request in it.
fn saved(request: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("request.txt");
    std::fs::write(&path, request).unwrap();
    (dir, path)
}

fn countersign(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().env("COUNTERSIGN_CONSUMER_SECRET", SECRET).env("COUNTERSIGN_TOKEN_SECRET", "token secret");
    command.args(args);
    command
}

fn explain(request: &str, more: &[&str]) -> Output {
    let (_dir, path) = saved(request);
    let args = [&["explain", "--base-url", BASE, "--request", path.to_str().unwrap()], more].concat();
    countersign(&args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_sound_request_is_accepted() {
    let output = explain(&captured(&format!("{BASE}/users?b=2&a=1%202")), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines[0], "Accepted.");
    let at = lines.iter().position(|line| line.starts_with("Base string")).unwrap();
    assert_eq!(
        &lines[at + 1..at + 5],
        ["  POST&", "  http%3A%2F%2Fapi.example.com%3A8000%2Fusers&", "  a%3D1%25202%26", "  b%3D2%26"]
    );
    let signature = |word: &str| lines.iter().find_map(|line| line.strip_prefix(word)).unwrap().trim().to_owned();
    assert_eq!(signature("Signature expected:"), signature("Signature sent:"));
}

#[test]
fn json_has_the_promised_fields() {
    let output = explain(&captured("https://api.example.com/users?b=2&a=1%202"), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let diagnosis = json(&output);
    assert_eq!(diagnosis["verdict"], "signature_invalid");
    assert_eq!(diagnosis["causes"][0]["code"], "scheme");
    assert_eq!(diagnosis["causes"][0]["found"], "https://api.example.com/users");
    assert!(
        diagnosis["base_string"].as_str().unwrap().starts_with("POST&http%3A%2F%2Fapi.example.com%3A8000%2Fusers&")
    );
    assert_eq!(diagnosis["signature"].as_str().unwrap().len(), 44);
    assert_eq!(diagnosis.as_object().unwrap().len(), 4);
    assert_eq!(text(&output.stdout).lines().count(), 1);
}

#[test]
fn causes_are_sentences() {
    let output = explain(&captured("https://api.example.com/users?b=2&a=1%202"), &[]);
    let prose = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(prose.starts_with("Refused: signature_invalid (401). The signature is not valid."), "{prose}");
    assert!(prose.contains("Set data_service.public_urls to https://api.example.com, if"), "{prose}");
    assert!(text(&output.stdout).lines().all(|line| line.len() <= 110), "{prose}");
    assert!(!prose.contains("consumer secret & more") && !prose.contains("token secret "), "{prose}");
}

#[test]
fn the_time_is_checked_if_it_is_given() {
    let good = captured(&format!("{BASE}/users?b=2&a=1%202"));
    for (at, code) in [("1700000010", 0), ("2023-11-14T22:13:30Z", 0), ("1700003600", 1), ("2023-11-14T23:13:20Z", 1)] {
        let output = explain(&good, &["--at", at, "--json"]);
        assert_eq!(output.status.code(), Some(code), "{at}");
        assert_eq!(json(&output)["verdict"], if code == 0 { "ok" } else { "timestamp_refused" }, "{at}");
    }
}

#[test]
fn the_request_may_come_from_standard_input() {
    let mut command = countersign(&["explain", "--base-url", BASE, "--request", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(captured(&format!("{BASE}/users?b=2&a=1%202")).as_bytes()).unwrap();
    assert_eq!(json(&child.wait_with_output().unwrap())["verdict"], "ok");
}

#[test]
fn secrets_come_from_files_and_may_be_absent() {
    let (dir, path) = saved(&captured(&format!("{BASE}/users?b=2&a=1%202")));
    let secret_file = dir.path().join("secret");
    std::fs::write(&secret_file, format!("{SECRET}\n")).unwrap();
    let args = ["explain", "--base-url", BASE, "--json", "--request", path.to_str().unwrap()];
    let mut from_file = countersign(&args);
    from_file.env_remove("COUNTERSIGN_CONSUMER_SECRET").env("COUNTERSIGN_CONSUMER_SECRET_FILE", &secret_file);
    assert_eq!(json(&from_file.output().unwrap())["verdict"], "ok");
    let unset = countersign(&args).env_clear().output().unwrap();
    assert_eq!((unset.status.code(), json(&unset)["causes"][0]["code"].as_str()), (Some(1), Some("unexplained")));
    let both = countersign(&args).env("COUNTERSIGN_CONSUMER_SECRET_FILE", &secret_file).output().unwrap();
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn wrong_usage_is_two() {
    let (_dir, path) = saved(&captured(BASE));
    let (_other, nonsense) = saved("nonsense\n");
    let (path, nonsense) = (path.to_str().unwrap(), nonsense.to_str().unwrap());
    for args in [
        vec!["explain"],
        vec!["explain", "--request", "/nowhere", "--base-url", BASE],
        vec!["explain", "--request", nonsense, "--base-url", BASE],
        vec!["explain", "--request", path, "--base-url", "api.example.com"],
        vec!["explain", "--request", path, "--base-url", BASE, "--at", "yesterday"],
        vec!["complain"],
    ] {
        let output = countersign(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (_dir, path) = saved(&captured(&format!("{BASE}/users?b=2&a=1%202")));
    let mut command = countersign(&["explain", "--base-url", BASE, "--request", path.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
