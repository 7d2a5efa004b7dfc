//! A PostgreSQL server, one configuration, and instances that serve from it.

use crate::client::{Answer, Client, exchange};
use data_service::{Database, Operator, PasswordCost, SessionLimits, Settings};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shared::acl::AccessList;
use shared::command::{CreateConsumer, CreateToken, CreateUser};
use shared::secret::Secret;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testbed::Postgres;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// What everybody signs, whichever instance it is sent to.
pub const URL: &str = "http://cluster.test";
const SEAL: &str = "pQd1yQ2yXo0Kp0bFj0r4Fh0cVb2m3n4o5p6q7r8s9t0=";

/// Waits for something to become true.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The server and what all instances are told.
pub struct Installation {
    pub postgres: Postgres,
    folder: TempDir,
}

impl Installation {
    /// On a server that is fast and forgets when it crashes.
    pub fn new() -> Self {
        Self::on(Postgres::start())
    }

    /// On this server.
    pub fn on(postgres: Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installation = Self { postgres, folder };
        let file = installation.config();
        let text = format!(
            "[database]\nurl = \"{}\"\n[seal]\nkeys = [\"{SEAL}\"]\n[data_service]\nlisten = \"127.0.0.1:0\"\n\
             public_urls = [\"{URL}\"]\nworkers = 2\n[passwords]\nmemory_kib = 64\npasses = 1\nhashing_threads = 2\n",
            installation.postgres.url("postgres")
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        installation
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("countersign.toml")
    }

    /// A command on this installation.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args).arg("--config").arg(self.config()).env_clear().stdin(Stdio::null());
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The JSON a command prints when all goes well.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.output(&[args, &["--json"]].concat());
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?} ended with {}: {err}", output.status);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {err}"))
    }

    /// Registers a service.
    pub fn register(&self, service: &str, access: &[&str]) -> Client {
        let mut args = vec!["consumer", "add", "--service", service];
        args.extend(access.iter().flat_map(|word| ["--access", word]));
        Client::of(&self.json(&args))
    }

    /// The operator, in this process: much faster than a command of its own for each thing.
    fn operate<T>(&self, task: impl AsyncFnOnce(&Operator) -> T) -> T {
        let settings = Settings {
            database: Database::at(self.postgres.url("postgres")),
            replay_folder: self.folder.path().join("unused"),
            seal_keys: vec![Secret::new(SEAL)],
            listen: ([127, 0, 0, 1], 0).into(),
            public_urls: vec![],
            workers: 1,
            body_limit: 1024,
            hashing_threads: 1,
            hashing_queue: 1,
            password_cost: PasswordCost { memory_kib: 64, passes: 1 },
            sessions: SessionLimits::default(),
            events_keep: Duration::from_secs(3600),
            receipt_wait: Duration::ZERO,
            instance: "operator".into(),
            trust_for: Duration::from_secs(1),
            drain_for: Duration::ZERO,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let operator = Operator::open(&settings).await.unwrap();
            let outcome = task(&operator).await;
            operator.close().await.unwrap();
            outcome
        })
    }

    /// Registers a service without rights.
    pub fn register_quickly(&self, service: &str) -> Client {
        let command = CreateConsumer {
            service: service.parse().unwrap(),
            label: None,
            access: Some(AccessList::new(std::iter::empty::<&str>())),
            signature_methods: None,
            body_hash: None,
            locations: None,
        };
        let made = self.operate(async |operator| operator.call(command).await.unwrap());
        Client::new(made.consumer.key.as_str(), made.secret.expose())
    }

    /// The consumer with many tokens, each of its own.
    pub fn tokens(&self, client: &Client, count: usize) -> Vec<Client> {
        let user = CreateUser {
            username: format!("u{}", client.key().len() + count).parse().unwrap(),
            email: None,
            name: None,
            password: None,
            access: None,
        };
        let made = self.operate(async |operator| {
            let user = match operator.user(user.username.as_str()).await.unwrap() {
                Some(user) => user,
                None => operator.call(user).await.unwrap(),
            };
            let command = CreateToken { user: user.id, consumer: client.key().parse().unwrap(), expires_in: None };
            operator.create_tokens(command, count).await.unwrap()
        });
        made.iter().map(|made| client.acting(made.token.as_str(), made.secret.expose())).collect()
    }

    /// Carries out a statement beside the services.
    pub fn sql(&self, statement: &str) {
        testbed::run(&self.postgres.url("postgres"), &[statement]);
    }

    /// A process that serves, and that has not been waited for yet.
    pub fn begin(&self, name: &str, environment: &[(&str, &str)]) -> Instance {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        self.begin_at(name, address, environment)
    }

    fn begin_at(&self, name: &str, address: SocketAddr, environment: &[(&str, &str)]) -> Instance {
        let log = self.folder.path().join(format!("{}.log", address.port()));
        let out = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = self
            .command(&["data-service"])
            .env("COUNTERSIGN__DATA_SERVICE__LISTEN", address.to_string())
            .env("COUNTERSIGN__DATA_SERVICE__INSTANCE", name)
            .env("RUST_LOG", "warn")
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(out)
            .spawn()
            .unwrap();
        Instance { child, address, name: name.into(), log }
    }

    /// An instance that answers.
    pub fn start(&self, name: &str) -> Instance {
        self.start_with(name, &[])
    }

    pub fn start_with(&self, name: &str, environment: &[(&str, &str)]) -> Instance {
        let mut instance = self.begin(name, environment);
        instance.until_ready();
        instance
    }

    /// Three of them.
    pub fn start_three(&self) -> Vec<Instance> {
        let mut three: Vec<_> = ["one", "two", "three"].iter().map(|name| self.begin(name, &[])).collect();
        three.iter_mut().for_each(Instance::until_ready);
        three
    }

    /// The same instance once more, on the same address.
    pub fn restart(&self, instance: &mut Instance) {
        *instance = self.begin_at(&instance.name, instance.address, &[]);
        instance.until_ready();
    }
}

/// A process that serves; killed if nobody stops it.
pub struct Instance {
    child: Child,
    pub address: SocketAddr,
    pub name: String,
    log: PathBuf,
}

impl Instance {
    pub fn until_ready(&mut self) {
        let (name, begun) = (self.name.clone(), Instant::now());
        while !self.is_ready() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{name} is not ready ({ended:?}): {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn is_ready(&self) -> bool {
        self.send("GET", "/readyz", None, None).is_some_and(|answer| answer.status == 200)
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn send(&self, method: &str, path: &str, header: Option<&str>, body: Option<&Value>) -> Option<Answer> {
        exchange(self.address, method, path, header, body)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL: nothing is finished, nothing is written.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    pub fn ended(&mut self) -> ExitStatus {
        until("it ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said();
            let from = said.len().saturating_sub(3000);
            eprintln!("{} said: …{}", self.name, said.get(from..).unwrap_or(&said));
        }
    }
}
