//! `countersign init`: makes the folder in which everything is kept. `up` does the same before it starts.
//!
//! Files are written under another name and then renamed, the configuration file last: where that file is, everything
//! else is too. A command that is broken off is repeated and goes on where it ended. Nothing is ever overwritten.

use crate::config::{Config, Database, FILE, document};
use crate::failure::Failure;
use crate::place::{self, Place};
use crate::{operate, output, system};
use data_service::Operator;
use shared::acl::AccessList;
use shared::command::{ConsumerCreated, CreateConsumer, GetConsumer, RotateConsumer};
use shared::id::ConsumerKey;
use shared::oauth1::{BodyHash, SignatureMethod};
use shared::secret::Secret;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Under this name the database knows the frontend's consumer.
const FRONTEND_MARK: &str = "frontend_consumer";
/// The database, unless another is named.
const DATABASE: &str = "countersign.db";
/// The sealing keys.
const SEAL: &str = "seal.keys";
/// The frontend's consumer secret.
const FRONTEND: &str = "frontend.secret";
/// The credentials of the admin consumer.
const ADMIN: &str = "admin.json";
/// What the frontend may do, alone and for the person in front of it.
const FRONTEND_ACCESS: [&str; 7] =
    ["authenticate", "setup.claim", "sessions.resolve", "sessions.end", "users.me.#", "sessions.me.#", "tokens.me.#"];

/// Make the folder of an installation, without starting anything
///
/// Does nothing where there is one already.
#[derive(clap::Args)]
pub struct Args {
    /// The folder [default: ./var]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Keep everything in a PostgreSQL, such as postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full; the database
    /// must be there, and empty. The command line can be seen by others on this machine: a password is better given
    /// in the variable COUNTERSIGN__DATABASE__URL, or in a file that COUNTERSIGN__DATABASE__URL_FILE names, for this
    /// command and all that follow [default: sqlite:countersign.db]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let file = Place::folder(args.dir).file();
    crate::logging::of_a_command();
    system::block_on(make(&file, args.database_url.as_deref(), operate::open))?;
    output::line(file.display());
    Ok(ExitCode::SUCCESS)
}

/// Makes the folder of a configuration file and everything in it, unless it is there. `opens` says how long a database
/// that is away is waited for.
pub async fn make(
    file: &Path,
    database: Option<&str>,
    opens: impl AsyncFnOnce(&Config) -> Result<Operator, Failure>,
) -> Result<(), Failure> {
    if file.exists() {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let at = |error: std::io::Error| Failure::refused(format_args!("{}: {error}", folder.display()));
    let lock = open_folder(folder).map_err(at)?;
    lock.lock().map_err(at)?;
    if file.exists() {
        return Ok(());
    }
    let new_seal = make_seal(folder)?;
    let draft = folder.join("countersign.toml.new");
    let broken_off = draft.exists();
    write_over(&draft, &document::file(None, database))?;
    let opened = async {
        let config = place::load(&draft, &[])?;
        open(&config, broken_off, opens).await
    };
    let operator = match opened.await {
        Ok(operator) => operator,
        Err(failure) => {
            // Nothing was made in the database: the next attempt begins anew.
            let new_seal = new_seal && !folder.join(DATABASE).exists();
            let made = [(&draft, !broken_off), (&folder.join(SEAL), new_seal)];
            made.into_iter().filter(|(_, new)| *new).try_for_each(|(file, _)| fs::remove_file(file)).map_err(at)?;
            return Err(failure);
        }
    };
    let key = make_consumers(folder, &operator).await?;
    operator.close().await?;
    write_over(&draft, &document::file(Some(&key), database))?;
    fs::rename(&draft, folder.join(FILE)).map_err(at)
}

/// Opens the database. A server may hold an installation already, whose consumers must not get new secrets here.
async fn open(
    config: &Config,
    broken_off: bool,
    opens: impl AsyncFnOnce(&Config) -> Result<Operator, Failure>,
) -> Result<Operator, Failure> {
    if let Database::Sqlite(path) = &config.database_url {
        // The database is for its owner alone, whatever becomes of the folder; its log files follow it.
        make_empty(path)?;
    }
    let operator = opens(config).await?;
    let mine = match (&config.database_url, known(&operator, FRONTEND_MARK).await?) {
        (Database::Sqlite(_), _) | (_, None) => true,
        (Database::Postgres(_), Some(key)) => broken_off && operator.can_open(&key).await?,
    };
    if mine {
        return Ok(operator);
    }
    operator.close().await?;
    Err(Failure::refused(format_args!(
        "{} holds an installation already: for another instance of it, copy {FILE}, {SEAL} and {FRONTEND} from where \
         it was made",
        config.database_url.shown()
    )))
}

/// The consumer that was made under a name.
async fn known(operator: &Operator, mark: &str) -> Result<Option<ConsumerKey>, Failure> {
    Ok(operator.remembered(mark).await?.and_then(|key| key.parse().ok()))
}

/// The folder, for its owner alone.
fn open_folder(folder: &Path) -> std::io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::read_dir(folder)?.next().is_none() {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    File::open(folder)
}

/// True if they are new.
fn make_seal(folder: &Path) -> Result<bool, Failure> {
    let path = folder.join(SEAL);
    if path.exists() {
        return Ok(false);
    }
    // A new key would not open what is in the database, and nobody would notice before the first login.
    if folder.join(DATABASE).exists() {
        let words =
            format!("{} has a database and no {SEAL}: put the file back, or move the database away", folder.display());
        return Err(Failure::refused(words));
    }
    write_new(&path, data_service::new_seal_key().expose())?;
    Ok(true)
}

/// Both consumers; answers the frontend's key.
async fn make_consumers(folder: &Path, operator: &Operator) -> Result<ConsumerKey, Failure> {
    let frontend = consumer(operator, FRONTEND_MARK, frontend()?).await?;
    write_over(&folder.join(FRONTEND), frontend.1.expose())?;
    let admin = folder.join(ADMIN);
    if !admin.exists() {
        let (key, secret) = consumer(operator, "admin_consumer", admin_consumer()?).await?;
        let (label, service) = ("Administration", "admin");
        let json = serde_json::json!({ "key": key, "secret": secret, "service": service, "label": label });
        write_over(&admin, &json.to_string())?;
    }
    Ok(frontend.0)
}

/// A consumer's key and secret. One that was made before the command was broken off gets a new secret: nobody has
/// seen the old one.
async fn consumer(operator: &Operator, mark: &str, command: CreateConsumer) -> Result<(ConsumerKey, Secret), Failure> {
    if let Some(key) = known(operator, mark).await?
        && operator.call(GetConsumer { key: key.clone() }).await.is_ok_and(|consumer| consumer.revoked_at.is_none())
    {
        let rotated = operator.call(RotateConsumer { key, overlap_seconds: Some(0) }).await?;
        return Ok((rotated.key, rotated.secret));
    }
    let ConsumerCreated { secret, consumer } = operator.call(command).await?;
    operator.remember(mark, consumer.key.as_str()).await?;
    Ok((consumer.key, secret))
}

fn frontend() -> Result<CreateConsumer, Failure> {
    Ok(CreateConsumer {
        service: "accounts".parse().map_err(Failure::refused)?,
        label: Some("Account pages".into()),
        access: Some(AccessList::new(FRONTEND_ACCESS)),
        signature_methods: Some(vec![SignatureMethod::HmacSha256]),
        body_hash: Some(BodyHash::Sha256),
        locations: None,
    })
}

fn admin_consumer() -> Result<CreateConsumer, Failure> {
    Ok(CreateConsumer {
        service: "admin".parse().map_err(Failure::refused)?,
        label: Some("Administration".into()),
        access: Some(AccessList::administrator()),
        signature_methods: None,
        body_hash: None,
        locations: None,
    })
}

/// An empty file for its owner alone, unless there is one.
fn make_empty(path: &Path) -> Result<(), Failure> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Failure::refused(format_args!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// A new file for its owner alone, whole or not at all.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let draft = path.with_added_extension("new");
    write_over(&draft, text)?;
    fs::rename(&draft, path).map_err(|error| Failure::refused(format_args!("{}: {error}", path.display())))
}

/// A file for its owner alone, on disk when this returns.
fn write_over(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        writeln!(file, "{}", text.trim_end())?;
        file.sync_all()
    };
    write().map_err(|error| Failure::refused(format_args!("{}: {error}", path.display())))
}
