//! `kill -9`, started again, and everything that was promised still holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test may fail by panicking, and has its own clock"
)]

use serde_json::Value;
use shared::oauth1::{Credentials, SignBody, Signer, ToSign};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use testbed::Ground;

/// A folder, and on PostgreSQL a database.
struct Place(Ground);

impl Place {
    fn new() -> Self {
        Self(Ground::empty())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(words).arg("--dir").arg(self.0.path().join("var"));
        command.envs(self.0.is_postgres().then(|| ("COUNTERSIGN__DATABASE__URL", self.0.url(""))));
        command
    }
}

/// A running `countersign up` on a port that stays the same, so that a captured request stays valid.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(place: &Place, address: SocketAddr) -> Self {
        let child = place
            .command(&["up", "--frontend", "127.0.0.1:0", "--data-service", &address.to_string()])
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self { child, address };
        let begun = Instant::now();
        while running.send("GET", "/readyz", None) != Some(200) {
            assert!(begun.elapsed() < Duration::from_secs(20), "the service did not come up");
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }

    /// SIGKILL, by [`Drop`]: nothing is finished, nothing is written.
    fn kill(self) {}

    fn send(&self, method: &str, path: &str, authorization: Option<&str>) -> Option<u16> {
        send(self.address, method, path, authorization)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The status of the answer; `None` if there was none.
fn send(address: SocketAddr, method: &str, path: &str, authorization: Option<&str>) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn countersign(place: &Place, words: &[&str]) -> Value {
    let output = place.command(&[words, &["--json"]].concat()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{words:?}");
    BufReader::new(&output.stdout[..]).lines().next().map_or(Value::Null, |line| {
        serde_json::from_str(&line.unwrap()).unwrap_or_else(|_| serde_json::from_slice(&output.stdout).unwrap())
    })
}

static NONCE: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
struct Client {
    signer: Signer,
    address: SocketAddr,
}

impl Client {
    fn register(place: &Place, service: &str, address: SocketAddr) -> Self {
        let made = countersign(place, &["consumer", "add", "--service", service]);
        let credentials = Credentials::new(made["key"].as_str().unwrap(), made["secret"].as_str().unwrap());
        Self { signer: Signer::new(credentials, None), address }
    }

    fn sign(&self) -> String {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let nonce = format!("n{}", NONCE.fetch_add(1, Ordering::Relaxed));
        let url = format!("http://{}/echo", self.address);
        let request = ToSign { method: "GET", url: &url, body: SignBody::None, nonce: &nonce, timestamp };
        self.signer.authorization(&request).unwrap()
    }
}

/// Signs without pause from several connections until the service is gone; answers what was accepted.
fn accepted_until_killed(client: &Client, service: Running) -> Vec<String> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop, count) = (client.clone(), stop.clone(), count.clone());
            std::thread::spawn(move || {
                let mut accepted = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let header = client.sign();
                    if send(client.address, "GET", "/echo", Some(&header)) == Some(200) {
                        accepted.push(header);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                accepted
            })
        })
        .collect();
    let begun = Instant::now();
    while count.load(Ordering::Relaxed) < 100 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(2));
    }
    service.kill();
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn a_killed_process_revives_no_nonce_and_its_successor_serves_at_once() {
    let place = Place::new();
    let address = free_address();
    let mut service = Running::start(&place, address);
    let client = Client::register(&place, "blog", address);
    for round in 0..5 {
        let accepted = accepted_until_killed(&client, service);
        assert!(accepted.len() >= 100, "round {round}: {}", accepted.len());
        service = Running::start(&place, address);
        // Honest requests are served by the first answer on: no second of refusals after a plain crash.
        assert_eq!(service.send("GET", "/echo", Some(&client.sign())), Some(200), "round {round}");
        for header in &accepted {
            assert_eq!(service.send("GET", "/echo", Some(header)), Some(401), "round {round}: a replay was accepted");
        }
    }
    service.kill();
}

#[test]
fn a_revocation_outlives_a_crash_that_follows_it() {
    let place = Place::new();
    let address = free_address();
    let mut service = Running::start(&place, address);
    for round in 0..3 {
        let client = Client::register(&place, &format!("blog{round}"), address);
        assert_eq!(service.send("GET", "/echo", Some(&client.sign())), Some(200));
        // Those that were killed a moment ago are named as silent where instances share a database.
        let words = ["consumer", "revoke", &client.signer.consumer.key, "--json"];
        let output = place.command(&words).stderr(Stdio::inherit()).output().unwrap();
        let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
        let silent = if place.0.is_postgres() { round } else { 0 };
        assert_eq!(receipt["silent"].as_array().unwrap().len(), silent, "{receipt}");
        assert_eq!(output.status.success(), silent == 0, "{receipt}");
        assert_eq!(receipt["confirmed"].as_array().unwrap().len(), 1, "{receipt}");
        service.kill();
        service = Running::start(&place, address);
        assert_eq!(service.send("GET", "/echo", Some(&client.sign())), Some(401));
    }
    service.kill();
}

/// `countersign consumer revoke`, the command itself, while 50 connections sign.
#[test]
fn nothing_that_starts_after_the_command_returned_is_accepted() {
    let place = Place::new();
    let address = free_address();
    let service = Running::start(&place, address);
    let client = Client::register(&place, "blog", address);
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..50)
        .map(|_| {
            let (client, stop, count) = (client.clone(), stop.clone(), count.clone());
            std::thread::spawn(move || {
                let mut accepted = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    if send(client.address, "GET", "/echo", Some(&client.sign())) == Some(200) {
                        accepted.push(begun);
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                accepted
            })
        })
        .collect();
    let wait_for = |more: u64| {
        let (target, begun) = (count.load(Ordering::Relaxed) + more, Instant::now());
        while count.load(Ordering::Relaxed) < target && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    wait_for(500);
    let receipt = countersign(&place, &["consumer", "revoke", &client.signer.consumer.key]);
    let returned = Instant::now();
    wait_for(1000);
    stop.store(true, Ordering::Relaxed);
    let accepted: Vec<Instant> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(receipt["silent"], Value::Array(vec![]));
    assert!(accepted.len() >= 100, "{}", accepted.len());
    let late = accepted.iter().filter(|begun| **begun > returned).count();
    assert_eq!(late, 0, "accepted although begun after the command returned");
    service.kill();
}
