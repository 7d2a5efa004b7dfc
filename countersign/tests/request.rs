//! `countersign request` against a server that verifies with the doctor and answers what it is told to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

use shared::oauth1::doctor::{Diagnosis, explain};
use shared::secret::Secret;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};

const KEYS: [(&str, &str); 4] = [
    ("COUNTERSIGN_CONSUMER_KEY", "blog & co"),
    ("COUNTERSIGN_CONSUMER_SECRET", "consumer secret"),
    ("COUNTERSIGN_TOKEN", "tok"),
    ("COUNTERSIGN_TOKEN_SECRET", "token secret"),
];

fn countersign(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    // A proxy of the surroundings must not come between.
    command.env_clear().env("HTTP_PROXY", "http://127.0.0.1:1").envs(KEYS).arg("request").args(args);
    command
}

/// Answers one request, and gives the raw request back.
struct Server {
    base: String,
    thread: JoinHandle<Vec<u8>>,
}

impl Server {
    fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            request
        });
        Self { base, thread }
    }

    /// What a data service at this address would have said.
    fn diagnosis(self) -> (String, Diagnosis) {
        let raw = self.thread.join().unwrap();
        let diagnosis = diagnose(&raw, &self.base);
        (String::from_utf8(raw).unwrap(), diagnosis)
    }
}

fn diagnose(raw: &[u8], base: &str) -> Diagnosis {
    explain(raw, base, &Secret::new(KEYS[1].1), &Secret::new(KEYS[3].1), None).unwrap()
}

fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).unwrap();
        raw.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&raw);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        if body.len() >= length || count == 0 {
            return raw;
        }
    }
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nX-Seen: yes\r\n\r\n{body}", body.len())
}

fn ok() -> String {
    answer("200 OK", "application/json", "{\"b\":1,\"a\":2}")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_kind_of_request_is_signed_as_it_is_sent() {
    for (method, target, more) in [
        ("GET", "/users/me", vec![]),
        ("get", "/a/../b?x=1+2&y=%7e&\u{e9}=a b'|{}&tag[]=1#part", vec![]),
        ("POST", "/a%2fb;v=1", vec!["--json", "{\"name\": \"caf\u{e9}\"}"]),
        ("POST", "/f?x=1", vec!["--form", "a=1 2&", "--form", "b[]=\u{e9}", "--form", "b[]="]),
        ("PUT", "", vec!["--json", "[]", "--signature-method", "hmac-sha1", "--header", "X-A: 1", "-H", "X-A: 2"]),
        ("POST", "/", vec!["--json", "a=1&b=2", "-H", "content-type: application/x-www-form-urlencoded"]),
        ("DELETE", "/x", vec!["--signature-method", "HMAC-SHA512"]),
    ] {
        let server = Server::start(&ok());
        let url = format!("{}{target}", server.base);
        let output = countersign(&[&[method, &url], more.as_slice()].concat()).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "{\"b\":1,\"a\":2}"), "{output:?}");
        let (raw, diagnosis) = server.diagnosis();
        assert_eq!((diagnosis.verdict.as_str(), diagnosis.causes.len()), ("ok", 0), "{raw}\n{diagnosis:#?}");
    }
}

#[test]
fn a_dry_run_prints_what_explain_reads() {
    let url = "http://127.0.0.1:1/a?x=1%202";
    for more in [vec!["--json", "{\"a\":1}"], vec!["--form", "a=1 2"], vec![]] {
        let output = countersign(&[&["POST", url, "--dry-run"], more.as_slice()].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let diagnosis = diagnose(&output.stdout, "http://127.0.0.1:1");
        assert_eq!((diagnosis.verdict.as_str(), diagnosis.causes.len()), ("ok", 0), "{diagnosis:#?}");
        let request = text(&output.stdout);
        assert!(request.starts_with("POST /a?x=1%202 HTTP/1.1\r\nhost: 127.0.0.1:1\r\n"), "{request}");
    }
}

#[test]
fn a_problem_is_told_in_words() {
    let problem = r#"{"type":"urn:x","title":"The signature is not valid","status":401,"detail":"nothing fits","code":"signature_invalid","request_id":"r"}"#;
    let server = Server::start(&answer("401 Unauthorized", "application/problem+json", problem));
    let output = countersign(&["GET", &server.base, "--include"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout).to_ascii_lowercase();
    assert!(out.starts_with("http/1.1 401 unauthorized\r\n") && out.contains("\r\nx-seen: yes\r\n"), "{out}");
    assert!(text(&output.stdout).ends_with(problem));
    let err = text(&output.stderr);
    assert!(err.contains("signature_invalid (401). nothing fits") && err.contains("countersign explain"), "{err}");
}

#[test]
fn redirects_are_not_followed() {
    let server = Server::start("HTTP/1.1 303 See Other\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    let output = countersign(&["GET", &server.base]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("not followed: http://127.0.0.1:1/"), "{output:?}");
}

#[test]
fn nobody_there_is_a_failure_with_a_reason() {
    let output = countersign(&["GET", "http://127.0.0.1:1/"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no answer from http://127.0.0.1:1"), "{output:?}");
}

#[test]
fn credentials_come_from_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let consumer = write("consumer", r#"{"key":"k","secret":"consumer secret","service":"s","label":""}"#);
    let both = write("both", r#"{"key":"k","secret":"consumer secret","token":"t","token_secret":"token secret"}"#);
    let token = write("token", "{\"token\":\"t\",\"secret\":\"token secret\"}\n{\"token\":\"u\",\"secret\":\"v\"}\n");
    let secret = write("secret", "consumer secret\n");
    let url = "http://127.0.0.1:1/";
    let dry = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(diagnose(&output.stdout, url).verdict, "ok");
        text(&output.stdout).contains("oauth_token=")
    };
    assert!(!dry(&mut countersign(&["GET", url, "--dry-run", "--credentials", &consumer])));
    assert!(dry(&mut countersign(&["GET", url, "--dry-run", "--credentials", &both])));
    assert!(dry(&mut countersign(&["GET", url, "--dry-run", "--credentials", &consumer, "--token", &token])));
    assert!(dry(countersign(&["GET", url, "--dry-run", "--token", &token]).env_remove("COUNTERSIGN_TOKEN")));
    let mut by_file = countersign(&["GET", url, "--dry-run"]);
    by_file.env_remove("COUNTERSIGN_CONSUMER_SECRET").env("COUNTERSIGN_CONSUMER_SECRET_FILE", &secret);
    assert!(dry(&mut by_file));
}

#[test]
fn json_comes_from_a_file_or_standard_input() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("body.json");
    std::fs::write(&path, "{\"a\": 1}\n").unwrap();
    let url = "http://127.0.0.1:1/";
    let file = countersign(&["POST", url, "--dry-run", "--json", &format!("@{}", path.display())]).output().unwrap();
    let mut command = countersign(&["POST", url, "--dry-run", "--json", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"a\": 1}\n").unwrap();
    for output in [file, child.wait_with_output().unwrap()] {
        assert!(text(&output.stdout).ends_with("\r\n\r\n{\"a\": 1}\n"), "{output:?}");
        assert_eq!(diagnose(&output.stdout, url).verdict, "ok");
    }
}

#[test]
fn wrong_usage_is_two() {
    let url = "http://127.0.0.1:1/";
    let wrong = |output: Output| {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!text(&output.stderr).contains("consumer secret"), "{output:?}");
    };
    for args in [
        vec!["GET"],
        vec!["G E T", url],
        vec!["GET", "127.0.0.1/x"],
        vec!["GET", "ftp://127.0.0.1/x"],
        vec!["GET", "http://a:b@127.0.0.1/x"],
        vec!["GET", "http://127.0.0.1/?oauth_nonce=1"],
        vec!["GET", url, "--header", "nonsense"],
        vec!["GET", url, "--header", "Authorization: Bearer x"],
        vec!["GET", url, "--signature-method", "PLAINTEXT"],
        vec!["GET", url, "--form", "x"],
        vec!["GET", url, "--form", "x=1", "--json", "{}"],
        vec!["GET", url, "--json", "@/nowhere"],
        vec!["GET", url, "--credentials", "/nowhere"],
        vec!["GET", url, "--token", "/dev/null"],
    ] {
        wrong(countersign(&args).output().unwrap());
    }
    wrong(countersign(&["GET", url]).env_remove("COUNTERSIGN_CONSUMER_KEY").output().unwrap());
    wrong(countersign(&["GET", url]).env("COUNTERSIGN_CONSUMER_SECRET", "").output().unwrap());
}
