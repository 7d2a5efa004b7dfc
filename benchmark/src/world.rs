//! What the service is filled with before it is measured: consumers, users, tokens, and a configuration file.

use crate::{Result, process::Server};
use data_service::{Database, Operator, PasswordCost, SessionLimits, Settings, new_seal_key};
use sea_orm::ConnectionTrait as _;
use shared::command::{CreateConsumer, CreateUser};
use shared::id::ConsumerKey;
use shared::oauth1::Credentials;
use shared::secret::Secret;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use uuid::Uuid;

/// How many consumers there are.
pub const CONSUMERS: usize = 100;
/// How many people can sign in.
pub const PEOPLE: usize = 64;
/// Their password.
pub const PASSWORD: &str = "correct horse battery staple";
/// The database.
const DATABASE: &str = "countersign.db";
/// The configuration file.
const CONFIG: &str = "countersign.toml";
/// The used nonces.
const REPLAY: &str = "countersign.replay";
/// The keys that secrets are sealed with.
const KEYS: &str = "seal.keys";

/// Makes a folder that nobody else may look into.
pub fn make_private(folder: &Path) -> Result<()> {
    Ok(fs::DirBuilder::new().mode(0o700).create(folder)?)
}

/// A token and the consumer that may use it.
#[derive(Clone, Debug)]
pub struct Token {
    /// Which consumer.
    pub consumer: usize,
    /// The token.
    pub key: String,
    /// Its secret.
    pub secret: Secret,
}

/// A data folder and the secrets behind it.
#[derive(Clone, Debug)]
pub struct World {
    /// The folder.
    pub folder: PathBuf,
    /// The consumers.
    pub consumers: Vec<Credentials>,
    /// The tokens.
    pub tokens: Vec<Token>,
    /// A session id, once somebody has signed in.
    session: OnceLock<String>,
}

/// The name of one of those who can sign in.
pub fn person(index: usize) -> String {
    format!("person-{}", index % PEOPLE)
}

impl World {
    /// Fills an empty folder.
    pub fn make(folder: &Path, tokens: usize) -> Result<Self> {
        let seal = new_seal_key();
        let keys = folder.join(KEYS);
        fs::write(&keys, seal.expose())?;
        fs::set_permissions(&keys, Permissions::from_mode(0o600))?;
        fs::write(folder.join(CONFIG), configuration())?;
        let settings = settings(folder, seal);
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(fill(folder, &settings, tokens))
    }

    /// The same in another folder, which is not there yet. Nothing of it may be running.
    pub fn copy(&self, folder: &Path) -> Result<Self> {
        make_private(folder)?;
        for file in [DATABASE, CONFIG, KEYS] {
            fs::copy(self.folder.join(file), folder.join(file))?;
        }
        // The database knows whether there were nonces: without them, older timestamps would be refused for a while.
        let (from, to) = (self.folder.join(REPLAY), folder.join(REPLAY));
        if from.exists() {
            make_private(&to)?;
            for file in fs::read_dir(from)? {
                let file = file?;
                fs::copy(file.path(), to.join(file.file_name()))?;
            }
        }
        Ok(Self { folder: folder.to_owned(), ..self.clone() })
    }

    /// The file of the database.
    pub fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// Takes back that tokens were used: the next use of each has to be written down again.
    pub fn forget_uses(&self) -> Result<()> {
        let url = database().unwrap_or_else(|| format!("sqlite://{}", self.database().display()));
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let store = sea_orm::Database::connect(url).await?;
            store.execute_unprepared("UPDATE tokens SET last_used_at = NULL").await?;
            Ok(store.close().await?)
        })
    }

    /// Starts the service that is measured.
    pub fn start(&self, executable: &Path) -> Result<Server> {
        Server::start(&mut self.command(executable), "/readyz")
    }

    /// The same with a ZeroMQ door.
    pub fn start_with_zeromq(&self, executable: &Path) -> Result<Server> {
        let mut command = self.command(executable);
        Server::start_with(command.env("COUNTERSIGN__ZEROMQ__LISTEN", "tcp://127.0.0.1:0"), "/readyz", true)
    }

    fn command(&self, executable: &Path) -> Command {
        let mut command = Command::new(executable);
        command.arg("data-service").arg("--config").arg(self.folder.join(CONFIG));
        command
    }

    /// Remembers a session.
    pub fn remember(&self, sessionid: &str) {
        let _ = self.session.set(sessionid.to_owned());
    }

    /// The session that is remembered.
    pub fn session(&self) -> Result<&str> {
        Ok(self.session.get().ok_or("nobody has signed in")?)
    }
}

/// What is measured instead of an SQLite file: `BENCH_DATABASE_URL`, an empty database on PostgreSQL.
pub fn database() -> Option<String> {
    std::env::var("BENCH_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

fn configuration() -> String {
    let database = database().map(|url| format!("[database]\nurl = \"{url}\"")).unwrap_or_default();
    [
        &database,
        "[data_service]",
        "listen = \"127.0.0.1:0\"",
        "workers = 1",
        "instance = \"bench\"",
        "[seal]",
        "keys_file = \"seal.keys\"",
        "[passwords]",
        "hashing_threads = 1",
        "[log]",
        "level = \"warn\"\n",
    ]
    .join("\n")
}

fn settings(folder: &Path, seal: Secret) -> Settings {
    Settings {
        database: Database::at(database().unwrap_or_else(|| format!("sqlite:{}", folder.join(DATABASE).display()))),
        replay_folder: folder.join(REPLAY),
        seal_keys: vec![seal],
        listen: ([127, 0, 0, 1], 0).into(),
        public_urls: vec![],
        workers: 1,
        body_limit: 1024 * 1024,
        hashing_threads: 1,
        hashing_queue: 32,
        password_cost: PasswordCost::default(),
        sessions: SessionLimits::default(),
        events_keep: Duration::from_secs(30 * 24 * 3600),
        receipt_wait: Duration::from_secs(10),
        trust_for: Duration::from_secs(1),
        drain_for: Duration::ZERO,
        instance: "bench".into(),
        zeromq: data_service::ZeroMq::default(),
    }
}

async fn fill(folder: &Path, settings: &Settings, count: usize) -> Result<World> {
    let operator = Operator::open(settings).await?;
    let mut consumers = Vec::new();
    for index in 0..CONSUMERS {
        let service = format!("service-{index:02}").parse()?;
        let command = CreateConsumer {
            service,
            label: None,
            access: None,
            signature_methods: None,
            body_hash: None,
            locations: None,
        };
        let made = operator.call(command).await.map_err(told)?;
        consumers.push(Credentials { key: made.consumer.key.to_string(), secret: made.secret });
    }
    let mut users = Vec::new();
    for index in 0..PEOPLE {
        let username = person(index).parse()?;
        let password = Some(Secret::new(PASSWORD));
        let command = CreateUser { username, email: None, name: None, password, access: None };
        users.push(operator.call(command).await.map_err(told)?.id);
    }
    let mut tokens = Vec::with_capacity(count);
    let pairs = (0..PEOPLE).flat_map(|user| (0..CONSUMERS).map(move |consumer| (user, consumer)));
    let all = PEOPLE * CONSUMERS;
    for (index, (user, consumer)) in pairs.enumerate() {
        let share = count * (index + 1) / all - count * index / all;
        let key: ConsumerKey = consumers[consumer].key.parse()?;
        let made = make_tokens(&operator, users[user], &key, share).await?;
        tokens.extend(made.into_iter().map(|(key, secret)| Token { consumer, key, secret }));
    }
    operator.close().await.map_err(told)?;
    Ok(World { folder: folder.to_owned(), consumers, tokens, session: OnceLock::new() })
}

async fn make_tokens(
    operator: &Operator,
    user: Uuid,
    consumer: &ConsumerKey,
    count: usize,
) -> Result<Vec<(String, Secret)>> {
    let command = shared::command::CreateToken { user, consumer: consumer.clone(), expires_in: None };
    let made = operator.create_tokens(command, count).await.map_err(told)?;
    Ok(made.into_iter().map(|token| (token.token.to_string(), token.secret)).collect())
}

fn told(error: data_service::Error) -> String {
    error.to_string()
}
