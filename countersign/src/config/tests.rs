//! What is said, who wins, and what is refused.

use super::*;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const SEAL: &str = "pQd1yQ2yXo0Kp0bFj0r4Fh0cVb2m3n4o5p6q7r8s9t0=";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, mode: u32, text: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, environment: &[(&str, &str)], overrides: &[Override]) -> Result<Config, String> {
        let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment: Vec<_> = environment.collect();
        let reader = layers::read(&self.0.path().join(FILE), environment.into_iter(), overrides);
        Config::build(reader).map_err(|problems| problems.to_string())
    }
}

/// A URL with a password is a secret wherever it stands, and one without is none.
#[test]
fn a_password_in_the_url_of_the_database_is_kept_like_any_secret() {
    let url = "postgres://ada:hunter2@localhost/accounts";
    let folder = Folder::new();
    folder.write(FILE, 0o644, &format!("[database]\nurl = '{url}'\n"));
    let words = folder.load(&[], &[]).unwrap_err();
    assert!(words.contains("holds database.url") && !words.contains("hunter2"), "{words}");
    folder.write(FILE, 0o644, "[database]\nurl = 'postgres://ada@localhost/accounts'\n");
    folder.load(&[], &[]).unwrap();
    folder.write("url", 0o600, &format!("{url}\n"));
    let file = folder.0.path().join("url").display().to_string();
    let config = folder.load(&[("COUNTERSIGN__DATABASE__URL_FILE", &file)], &[]).unwrap();
    assert_eq!(config.database_url.url().expose(), url);
    let (value, origin) = shown(&config, "database.url");
    assert_eq!(value, "postgres://ada:********@localhost/accounts");
    assert!(origin.contains("COUNTERSIGN__DATABASE__URL_FILE"), "{origin}");
    let config = folder.load(&[("COUNTERSIGN__DATABASE__URL", url)], &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let words = folder.load(&[("COUNTERSIGN__DATABASE__URL", "postgres://ada:hunter2@localhost")], &[]).unwrap_err();
    assert!(words.contains("names no database") && !words.contains("hunter2"), "{words}");
}

/// What is wrong with a file of these lines.
fn problems(text: &str) -> String {
    let folder = Folder::new();
    folder.write(FILE, 0o600, text);
    folder.load(&[], &[]).unwrap_err()
}

fn shown<'a>(config: &'a Config, key: &str) -> (&'a str, String) {
    let shown = config.shown.iter().find(|shown| shown.key == key).unwrap();
    (&shown.value, shown.origin.to_string())
}

#[test]
fn without_a_word_the_defaults_hold() {
    let folder = Folder::new();
    folder.write(FILE, 0o644, "");
    let config = folder.load(&[], &[]).unwrap();
    assert_eq!(config.data_service_listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.database_url.url().expose(), format!("sqlite:{}/countersign.db", folder.0.path().display()));
    assert_eq!(config.replay_folder, folder.0.path().join("countersign.replay"));
    assert_eq!(config.hashing_queue.get::<usize>(), 32);
    assert_eq!(config.session_idle.0.as_secs(), 12 * 3600);
    assert_eq!(config.shown.len(), TABLE.len());
    assert!(config.shown.iter().all(|shown| shown.origin.to_string() == "default"));
    assert!(config.data_service().is_err(), "nothing is sealed without a key");
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let folder = Folder::new();
    folder.write(FILE, 0o600, "[data_service]\nlisten = '127.0.0.1:1'\nworkers = 3\nbody_limit_bytes = 2_000\n");
    let environment = [
        ("COUNTERSIGN__DATA_SERVICE__LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN__DATA_SERVICE__WORKERS", "4"),
        ("PATH", "x"),
    ];
    let option = Override { key: "data_service.listen", option: "--data-service", value: "127.0.0.1:3".into() };
    let config = folder.load(&environment, &[option]).unwrap();
    assert_eq!(shown(&config, "data_service.listen"), ("127.0.0.1:3", "--data-service".into()));
    assert_eq!(shown(&config, "data_service.workers"), ("4", "COUNTERSIGN__DATA_SERVICE__WORKERS".into()));
    let line = format!("{}:4", folder.0.path().join(FILE).display());
    assert_eq!(shown(&config, "data_service.body_limit_bytes"), ("2000", line));
}

#[test]
fn lists_come_as_lists_or_with_commas_and_an_empty_variable_says_nothing() {
    let folder = Folder::new();
    folder.write(FILE, 0o600, "[data_service]\npublic_urls = ['https://A.example/', 'http://b']\n");
    let environment = [
        ("COUNTERSIGN__FRONTEND__TRUSTED_PROXIES", " 10.0.0.0/8, ::1,"),
        ("COUNTERSIGN__DATA_SERVICE__PUBLIC_URLS", ""),
    ];
    let config = folder.load(&environment, &[]).unwrap();
    assert_eq!(shown(&config, "data_service.public_urls").0, "https://a.example, http://b");
    assert_eq!(config.trusted_proxies.len(), 2);
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = Folder::new();
    folder.write(FILE, 0o644, "[seal]\nkeys_file = 'seal'\n");
    folder.write("seal", 0o600, &format!("{SEAL}\n{SEAL}\n"));
    folder.write("other", 0o600, "hunter2\n\n");
    let config = folder.load(&[("COUNTERSIGN__FRONTEND__CONSUMER_SECRET_FILE", "other")], &[]).unwrap();
    assert_eq!(config.seal_keys.len(), 2);
    assert_eq!(config.consumer_secret.as_ref().unwrap().expose(), "hunter2\n", "only one newline goes");
    assert_eq!(shown(&config, "seal.keys").0, "********, ********");
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(shown(&config, "frontend.consumer_secret").1.ends_with("COUNTERSIGN__FRONTEND__CONSUMER_SECRET_FILE"));
    let above = folder.load(&[("COUNTERSIGN__SEAL__KEYS", SEAL)], &[]).unwrap();
    assert_eq!(above.seal_keys.len(), 1, "a layer above replaces the file that one below names");
}

#[test]
fn durations_are_written_as_people_write_them() {
    let folder = Folder::new();
    let text = format!(
        "[seal]\nkeys = ['{SEAL}']\n[sessions]\nidle = '90m'\nabsolute = 7200\nremember_idle = '45'\nper_user = 5\n[events]\n\
         keep = '7d'\n"
    );
    folder.write(FILE, 0o600, &text);
    let config = folder.load(&[("COUNTERSIGN__SESSIONS__REMEMBER_ABSOLUTE", "1h")], &[]).unwrap();
    let settings = config.data_service().unwrap();
    let limits = settings.sessions;
    let seconds = [limits.idle, limits.absolute, limits.remember_idle, limits.remember_absolute, settings.events_keep];
    assert_eq!(seconds.map(|time| time.as_secs()), [5400, 7200, 45, 3600, 7 * 86_400]);
    assert_eq!(limits.per_user, 5);
    assert_eq!(shown(&config, "sessions.absolute").0, "2h");
    let words =
        problems("[sessions]\nidle = '1w'\nabsolute = 0\nremember_idle = -1\nanonymous_idle = '4000d'\nper_user = 0\n");
    for wanted in ["`1w` is not a duration", "must be 1s to 3650d", "`-1` is not a duration", "between 1 and 10000"] {
        assert!(words.contains(wanted), "{wanted:?} is not in\n{words}");
    }
    assert_eq!(words.lines().count(), 5, "{words}");
}

#[test]
fn a_secret_and_its_file_in_one_place_are_too_much() {
    let folder = Folder::new();
    folder.write(FILE, 0o600, "");
    folder.write("seal", 0o600, SEAL);
    let environment = [("COUNTERSIGN__SEAL__KEYS", SEAL), ("COUNTERSIGN__SEAL__KEYS_FILE", "seal")];
    let words = folder.load(&environment, &[]).unwrap_err();
    assert!(words.contains("seal.keys (COUNTERSIGN__SEAL__KEYS): also said by `seal.keys_file`"), "{words}");
    assert!(!words.contains(SEAL));
}

#[test]
fn what_others_can_read_is_no_place_for_a_secret() {
    let folder = Folder::new();
    folder.write(FILE, 0o640, &format!("[seal]\nkeys = ['{SEAL}']\n"));
    let words = folder.load(&[], &[]).unwrap_err();
    assert!(words.contains("holds seal.keys") && words.contains("chmod 600") && words.contains("640"), "{words}");
    folder.write(FILE, 0o644, "[seal]\nkeys_file = 'seal'\n");
    folder.write("seal", 0o604, SEAL);
    let words = folder.load(&[], &[]).unwrap_err();
    assert!(words.starts_with("seal.keys_file (") && words.contains("chmod 600"), "{words}");
    folder.write("seal", 0o400, SEAL);
    assert!(folder.load(&[], &[]).is_ok());
}

#[test]
fn all_problems_are_named_at_once_with_line_and_nearest_key() {
    let words = problems(
        "[data_service]\nlistn = '127.0.0.1:1'\nworkers = 0\nbody_limit_bytes = '9'\n[zeromq]\n[frontend]\npublic_url = 'x'\n\
         base_path = 'x'\ntrusted_proxies = ['10.0.0.0/99']\nconsumer_secret = 7\n[log]\nlevel = 'a=b=c'\nformat = 'xml'\n",
    );
    for wanted in [
        "data_service.listn (",
        ":2): there is no such key; `data_service.listen` is the nearest",
        "data_service.workers (",
        ":3): must be between 1 and 1024, and is 0",
        ":4): must be a whole number, and is a text",
        "zeromq (",
        "`x`: not an absolute URL",
        "`x` is not a path",
        "number 1 of the list: `10.0.0.0/99`",
        "must be a text in quotes, and is a number",
        "log.level (",
        "`xml` is neither",
    ] {
        assert!(words.contains(wanted), "{wanted:?} is not in\n{words}");
    }
    assert_eq!(words.lines().count(), 10, "{words}");
}

#[test]
fn a_broken_file_is_named_by_its_line_and_not_shown() {
    let words = problems("[seal]\nkeys = ['hunter2\n");
    assert!(words.contains(&format!("{FILE}:2: ")) && !words.contains("hunter2"), "{words}");
    assert!(problems("seal = 3\n").contains("seal ("), "a section is no key");
    assert!(problems("[database]\nurl = 'mysql://x/y'\n").contains("sqlite: or postgres:"));
    assert!(problems("[database]\nurl = 'postgres://x'\n").contains("names no database"));
    assert!(problems("[database]\nurl = 'sqlite::memory:'\n").contains("names no file"));
    assert!(problems("[seal]\nkeys = ['c2hvcnQ=']\n").contains("not a Fernet key"));
}

#[test]
fn a_variable_that_is_no_key_is_named() {
    let folder = Folder::new();
    folder.write(FILE, 0o600, "");
    let words = folder.load(&[("COUNTERSIGN__FRONTEND__BASEPATH", "/")], &[]).unwrap_err();
    assert_eq!(
        words,
        "frontend.basepath (COUNTERSIGN__FRONTEND__BASEPATH): there is no such key; `frontend.base_path` is the nearest \
         there is"
    );
}

#[test]
fn what_is_probably_not_meant_is_said() {
    let folder = Folder::new();
    folder.write(
        FILE,
        0o600,
        "[data_service]\nlisten = '0.0.0.0:8000'\n[frontend]\nlisten = '[::]:4444'\n[passwords]\nmemory_kib = 8\n[sessions]\nidle = '8d'\n",
    );
    let warnings = folder.load(&[], &[]).unwrap().warnings().join("\n");
    for wanted in [
        "public_urls is not set",
        "public_url is not set",
        "OWASP",
        "seal.keys is not set",
        "does not start",
        "sessions.idle is longer than sessions.absolute",
    ] {
        assert!(warnings.contains(wanted), "{wanted:?} is not in\n{warnings}");
    }
}

#[test]
fn the_frontend_beside_the_data_service_takes_the_short_way() {
    let folder = Folder::new();
    folder.write(
        FILE,
        0o600,
        "[frontend]\nconsumer_key = 'k'\nconsumer_secret = 's'\n[data_service]\nlisten = '0.0.0.0:8000'\n",
    );
    let config = folder.load(&[("COUNTERSIGN__DATA_SERVICE__PUBLIC_URLS", "https://api.example")], &[]).unwrap();
    assert_eq!(config.near_url().unwrap().as_str(), "http://127.0.0.1:8000");
    let at = |found| config.frontend(found).unwrap().data_service_url;
    assert_eq!(at(Some("http://127.0.0.1:8000")), "http://127.0.0.1:8000");
    assert_eq!(at(None), "https://api.example");
    let alone = folder.load(&[], &[]).unwrap();
    assert_eq!(alone.frontend(None).unwrap().data_service_url, "http://127.0.0.1:8000");
    let told = folder.load(&[("COUNTERSIGN__FRONTEND__DATA_SERVICE_URL", "http://house:1")], &[]).unwrap();
    assert_eq!(told.frontend(Some("http://127.0.0.1:8000")).unwrap().data_service_url, "http://house:1");
}
