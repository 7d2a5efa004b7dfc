//! A real data service in a folder of its own, and people to talk to it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking, and no test uses all of it"
)]

use data_service::{App, Clock, Database, Operator, PasswordCost, SessionLimits, Settings, new_seal_key};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection};
use serde_json::Value;
use shared::command::{Command, CreateConsumer, CreateToken, CreateUser, User};
use shared::oauth1::{Credentials, SignBody, SignatureMethod, Signer, ToSign};
use shared::secret::Secret;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testbed::Ground;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A running data service.
pub struct House {
    pub url: String,
    pub clock: Clock,
    pub settings: Settings,
    pub ground: Ground,
    pub runtime: Runtime,
    pub operator: Operator,
    running: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

pub fn settings(ground: &Ground) -> Settings {
    Settings {
        database: Database::at(ground.url("countersign.db")),
        replay_folder: ground.path().join("countersign.replay"),
        seal_keys: vec![new_seal_key()],
        listen: "127.0.0.1:0".parse().unwrap(),
        public_urls: vec![],
        workers: 2,
        body_limit: 1024 * 1024,
        hashing_threads: 2,
        hashing_queue: 32,
        password_cost: PasswordCost { memory_kib: 64, passes: 1 },
        sessions: SessionLimits::default(),
        events_keep: Duration::from_secs(30 * 24 * 3600),
        receipt_wait: Duration::from_secs(10),
        instance: "one".into(),
        trust_for: Duration::from_secs(1),
        drain_for: Duration::ZERO,
    }
}

impl House {
    pub fn start() -> Self {
        Self::start_with(Clock::system(), |_| {})
    }

    pub fn start_with(clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let ground = Ground::new();
        let mut settings = settings(&ground);
        change(&mut settings);
        let runtime = Runtime::new().unwrap();
        let operator = runtime.block_on(Operator::open(&settings)).unwrap();
        let mut house = Self { url: String::new(), clock, settings, ground, runtime, operator, running: None };
        house.go();
        house
    }

    fn go(&mut self) {
        let app = self.runtime.block_on(App::bind(self.settings.clone(), self.clock.clone())).unwrap();
        self.url = app.url().to_owned();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = self.runtime.spawn(async { app.run(shutdown).await.unwrap() });
        self.running = Some(Running { stop, task });
        self.until("ready", || self.get("/readyz").status == 200);
    }

    pub fn stop(&mut self) {
        if let Some(Running { stop, task }) = self.running.take() {
            let _ = stop.send(());
            let ended = self.runtime.block_on(task);
            // A test that fails has said why; a second panic would only hide it.
            assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        self.go();
    }

    /// Waits until something is so, for at most ten seconds.
    pub fn until(&self, what: &str, so: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !so() {
            assert!(start.elapsed() < Duration::from_secs(10), "never came to be: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn consumer(&self, service: &str, access: &[&str]) -> Consumer {
        self.consumer_with(service, |command| {
            command.access = Some(shared::acl::AccessList::new(access.iter().copied()));
        })
    }

    pub fn consumer_with(&self, service: &str, change: impl FnOnce(&mut CreateConsumer)) -> Consumer {
        let mut command = CreateConsumer {
            service: service.parse().unwrap(),
            label: None,
            access: None,
            signature_methods: None,
            body_hash: None,
            locations: None,
        };
        change(&mut command);
        let made = self.runtime.block_on(self.operator.call(command)).unwrap();
        Consumer::new(&self.url, Credentials::new(made.consumer.key.as_str(), made.secret.expose()))
    }

    /// A consumer that may do everything.
    pub fn admin(&self) -> Consumer {
        self.consumer("admin", &["#"])
    }

    pub fn user(&self, name: &str, password: &str) -> User {
        let command = CreateUser {
            username: name.parse().unwrap(),
            email: Some(format!("{name}@example.com").parse().unwrap()),
            name: None,
            password: Some(Secret::new(password)),
            access: None,
        };
        self.runtime.block_on(self.operator.call(command)).unwrap()
    }

    pub fn administrator(&self, name: &str, password: &str) -> User {
        let user = self.user(name, password);
        let access = shared::acl::AccessList::administrator();
        let command = shared::command::SetAccess { id: shared::id::UserRef::Id(user.id), access };
        self.runtime.block_on(self.operator.call(command)).unwrap();
        user
    }

    /// The consumer with a token of a user.
    pub fn acting(&self, consumer: &Consumer, user: &User) -> Consumer {
        let command = CreateToken { user: user.id, consumer: consumer.key(), expires_in: None };
        let made = self.runtime.block_on(self.operator.call(command)).unwrap();
        consumer.with_token(made.token.as_str(), made.secret.expose())
    }

    /// A connection beside the service. It is one: what is begun in it is ended in it.
    pub async fn beside(&self) -> DatabaseConnection {
        let url = self.settings.database.url.expose().replacen("sqlite:", "sqlite://", 1);
        let mut options = ConnectOptions::new(url);
        options.max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// Runs SQL beside the service.
    pub fn sql(&self, statement: &str) {
        self.runtime.block_on(async {
            let connection = self.beside().await;
            connection.execute_unprepared(statement).await.unwrap();
            connection.close().await.unwrap();
        });
    }

    pub fn send(&self, request: &Raw) -> Answer {
        request.send(&self.url)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&Raw::new("GET", path))
    }
}

/// Another service on the same database, with a memory of nonces of its own.
pub struct Neighbour {
    pub url: String,
    running: Option<Running>,
    runtime: tokio::runtime::Handle,
}

impl House {
    pub fn neighbour(&self) -> Neighbour {
        let mut settings = self.settings.clone();
        settings.instance = "two".into();
        settings.replay_folder = self.ground.path().join("two.replay");
        // The first one's folder is not missed here.
        self.ground.run(&["DELETE FROM marks WHERE name = 'replay_folder'"]);
        let app = self.runtime.block_on(App::bind(settings, self.clock.clone())).unwrap();
        let url = app.url().to_owned();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = self.runtime.spawn(async { app.run(shutdown).await.unwrap() });
        self.until("the neighbour is ready", || Raw::new("GET", "/readyz").send(&url).status == 200);
        Neighbour { url, running: Some(Running { stop, task }), runtime: self.runtime.handle().clone() }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        if let Some(Running { stop, task }) = self.running.take() {
            let _ = stop.send(());
            let _ = self.runtime.block_on(task);
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A consumer, alone or acting for a user.
#[derive(Clone)]
pub struct Consumer {
    pub url: String,
    pub signer: Signer,
}

static NONCE: AtomicU64 = AtomicU64::new(1);

pub fn nonce() -> String {
    format!("n{}", NONCE.fetch_add(1, Ordering::Relaxed))
}

#[allow(clippy::disallowed_methods, reason = "the tests' own clock")]
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl Consumer {
    pub fn new(url: &str, credentials: Credentials) -> Self {
        Self { url: url.into(), signer: Signer::new(credentials, None) }
    }

    pub fn key(&self) -> shared::id::ConsumerKey {
        self.signer.consumer.key.parse().unwrap()
    }

    pub fn with_token(&self, token: &str, secret: &str) -> Self {
        let mut other = self.clone();
        other.signer.token = Some(Credentials::new(token, secret));
        other
    }

    pub fn with_method(&self, method: SignatureMethod) -> Self {
        let mut other = self.clone();
        other.signer.method = method;
        other
    }

    /// A signed request without a body.
    pub fn signed(&self, method: &str, path: &str) -> Raw {
        self.signed_at(method, path, SignBody::None, now(), &nonce())
    }

    /// A signed request with a JSON body.
    pub fn signed_json(&self, method: &str, path: &str, body: &Value) -> Raw {
        let bytes = body.to_string().into_bytes();
        let mut raw = self.signed_at(method, path, SignBody::Other(&bytes), now(), &nonce());
        raw.headers.push(("Content-Type".into(), "application/json".into()));
        raw.body = bytes;
        raw
    }

    pub fn signed_form(&self, method: &str, path: &str, form: &str) -> Raw {
        let mut raw = self.signed_at(method, path, SignBody::Form(form.as_bytes()), now(), &nonce());
        raw.headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        raw.body = form.as_bytes().to_vec();
        raw
    }

    pub fn signed_at(&self, method: &str, path: &str, body: SignBody<'_>, timestamp: u64, nonce: &str) -> Raw {
        let url = format!("{}{path}", self.url);
        let to_sign = ToSign { method, url: &url, body, nonce, timestamp };
        let header = self.signer.authorization(&to_sign).unwrap();
        Raw::new(method, path).header("Authorization", &header)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.signed("GET", path).send(&self.url)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.signed("DELETE", path).send(&self.url)
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.signed_json(method, path, body).send(&self.url)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &body)
    }

    /// Sends a command as the typed client would.
    pub fn call<C: Command>(&self, command: &C) -> Answer {
        let request = command.encode().unwrap();
        let (method, path) = (request.method.as_str(), request.path_and_query.as_str());
        let mut raw = match &request.body {
            Some(body) => self.signed_json(method, path, &serde_json::from_slice(body).unwrap()),
            None => self.signed(method, path),
        };
        if let Some(version) = request.if_match {
            raw = raw.header("If-Match", &format!("\"{version}\""));
        }
        raw.send(&self.url)
    }

    /// Signs in, and acts for the user from then on.
    pub fn sign_in(&self, name: &str, password: &str) -> (Self, Answer) {
        let answer = self.post("/authenticate", serde_json::json!({ "username": name, "password": password }));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = |field: &str| answer.json[field].as_str().unwrap().to_owned();
        (self.with_token(&text("token"), &text("secret")), answer)
    }
}

/// A request, byte for byte.
#[derive(Clone)]
pub struct Raw {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Raw {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: vec![], body: vec![] }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        self.headers.push(("Content-Type".into(), content_type.into()));
        self.body = body.to_vec();
        self
    }

    pub fn authorization(&mut self) -> &mut String {
        &mut self.headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap().1
    }

    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let chunked = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        let has_length = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if !self.body.is_empty() && !has_length && !chunked {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    pub fn send(&self, url: &str) -> Answer {
        let host = url.strip_prefix("http://").unwrap();
        send_bytes(host, &self.bytes(host))
    }
}

/// Sends bytes and reads the answer to the end of the connection.
pub fn send_bytes(host: &str, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // A server may answer and close before all of a refused body was sent.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    Answer::read(&received)
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub json: Value,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|s| s.parse().ok()).unwrap_or(0);
        let header = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
        let json = serde_json::from_str(body).unwrap_or(Value::Null);
        Self { status, headers: lines.filter_map(header).collect(), text: body.to_owned(), json }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The problem's code, or `ok`.
    pub fn code(&self) -> &str {
        match self.status {
            200..300 => "ok",
            _ => self.json["code"].as_str().unwrap_or("no problem+json"),
        }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn refused(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{} {}", self.status, self.text);
        self
    }
}
