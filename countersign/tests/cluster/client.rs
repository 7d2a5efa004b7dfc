//! A client that signs, and sends what it has signed to whichever instance it likes.

use crate::installation::{Instance, URL};
use serde_json::{Value, json};
use shared::oauth1::{Credentials, SignBody, Signer, ToSign};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub json: Value,
}

impl Answer {
    /// The problem's code, or `ok`.
    pub fn code(&self) -> &str {
        if (200..300).contains(&self.status) { "ok" } else { self.json["code"].as_str().unwrap_or("no code") }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head: head.to_ascii_lowercase(), json: serde_json::from_str(body).unwrap_or(Value::Null) })
    }
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, authorization: Option<&str>, body: Option<&Value>, keep: bool) -> Vec<u8> {
    let connection = if keep { "" } else { "Connection: close\r\n" };
    let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let body = body.map(Value::to_string).unwrap_or_default();
    let about = match body.is_empty() {
        true => String::new(),
        false => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: cluster.test\r\n{connection}{header}{about}\r\n{body}").into_bytes()
}

/// Sends a request and waits for the answer; `None` if there was none.
pub fn exchange(to: SocketAddr, method: &str, path: &str, auth: Option<&str>, body: Option<&Value>) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    stream.write_all(&request(method, path, auth, body, false)).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Answer::read(&answer)
}

static NONCE: AtomicU64 = AtomicU64::new(0);

/// A consumer, alone or for a user.
#[derive(Clone)]
pub struct Client {
    signer: Signer,
}

impl Client {
    pub fn new(key: &str, secret: &str) -> Self {
        Self { signer: Signer::new(Credentials::new(key, secret), None) }
    }

    /// From the answer that shows its secret.
    pub fn of(made: &Value) -> Self {
        Self::new(made["key"].as_str().unwrap(), made["secret"].as_str().unwrap())
    }

    /// With a token of its own.
    pub fn acting(&self, token: &str, secret: &str) -> Self {
        Self { signer: Signer::new(self.signer.consumer.clone(), Some(Credentials::new(token, secret))) }
    }

    /// The token, if it has one.
    pub fn token(&self) -> Option<&str> {
        self.signer.token.as_ref().map(|token| token.key.as_str())
    }

    pub fn key(&self) -> &str {
        &self.signer.consumer.key
    }

    pub fn sign(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let nonce = format!("n{}", NONCE.fetch_add(1, Ordering::Relaxed));
        let (url, bytes) = (format!("{URL}{path}"), body.map(|body| body.to_string().into_bytes()));
        let body = bytes.as_deref().map_or(SignBody::None, SignBody::Other);
        self.signer.authorization(&ToSign { method, url: &url, body, nonce: &nonce, timestamp }).unwrap()
    }

    /// Signs and sends.
    pub fn send(&self, to: &Instance, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        self.send_to(to.address, method, path, body)
    }

    pub fn send_to(&self, to: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        exchange(to, method, path, Some(&self.sign(method, path, body)), body)
    }

    pub fn get(&self, to: &Instance, path: &str) -> Answer {
        self.send(to, "GET", path, None).unwrap_or_else(|| panic!("no answer from {}: {}", to.name, to.said()))
    }

    /// Registers a service over HTTP; `None` if that went wrong.
    pub fn register(&self, to: SocketAddr, service: &str, access: &[&str]) -> Option<Self> {
        let body = json!({ "service": service, "access": access });
        let answer = self.send_to(to, "POST", "/consumers", Some(&body))?;
        (answer.status == 201).then(|| Self::of(&answer.json))
    }
}
