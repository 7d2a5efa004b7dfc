//! A PostgreSQL server of one's own, from Debian's package, on a free port in a temporary folder.

use crate::Authority;
use crate::database::on;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// For servers that are not made to crash.
pub const FAST: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// A server that ends with the test.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    binaries: PathBuf,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// In order, cutting every connection.
    Fast,
    /// At once, as if the machine had stopped: what was not flushed is gone.
    Crash,
}

impl Postgres {
    /// True if PostgreSQL is installed here.
    pub fn is_installed() -> bool {
        binaries().is_some()
    }

    /// A fast one that forgets what it should not when the machine stops.
    pub fn start() -> Self {
        Self::start_with(&FAST)
    }

    /// One with these settings (`name=value`): without any it survives crashes.
    pub fn start_with(settings: &[&str]) -> Self {
        let mut server = Self::prepare(settings);
        server.go();
        server
    }

    /// A folder for a server that is not started yet, so that its settings may name files in it.
    pub fn prepare(settings: &[&str]) -> Self {
        let binaries = binaries().expect("PostgreSQL is not installed: apt-get install postgresql");
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = Self { folder, binaries, port: free_port(), settings, child: None };
        server.own(server.folder.path());
        let data = server.data().display().to_string();
        let made = server
            .command("initdb")
            .args(["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8"])
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server
    }

    /// Speaks TLS from the next start on, with a certificate for these names, and then lets nobody in without.
    pub fn insist_on_tls(&mut self, authority: &Authority, names: &str) {
        let (certificate, key) = authority.sign(names);
        self.own(Path::new(&certificate));
        self.own(Path::new(&key));
        self.set("ssl=on");
        self.set(&format!("ssl_cert_file={certificate}"));
        self.set(&format!("ssl_key_file={key}"));
        self.admit("hostssl all all 127.0.0.1/32 trust");
    }

    /// Changes the settings of the next start.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.into());
    }

    /// Starts it, or starts it again on the same port.
    pub fn go(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300", "-c"]);
        command.arg(format!("unix_socket_directories={}", self.folder.path().display()));
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let begun = Instant::now();
        while let Err(error) = on(&self.url("postgres"), &["SELECT 1"]) {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{error}: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it.
    pub fn stop(&mut self, how: Stop) {
        self.thaw();
        let Some(mut child) = self.child.take() else { return };
        self.signal_to(&child, if how == Stop::Fast { Signal::INT } else { Signal::QUIT });
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stands still: takes connections, and answers nothing, until it is [thawed](Self::thaw).
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Goes on.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// The server first, so that it makes no more children meanwhile.
    fn signal_all(&self, signal: Signal) {
        let Some(child) = &self.child else { return };
        self.signal_to(child, signal);
        for child in children(child.id()) {
            let _ = kill_process(child, signal);
        }
    }

    fn signal_to(&self, child: &Child, signal: Signal) {
        let _ = kill_process(Pid::from_child(child), signal);
    }

    /// Replaces the rules by which connections are let in, from the next start on (`pg_hba.conf`).
    pub fn admit(&self, rules: &str) {
        let path = self.data().join("pg_hba.conf");
        std::fs::write(&path, format!("{rules}\n")).unwrap();
        self.own(&path);
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database, without TLS.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Its folder: readable for the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Gives a file or folder to the user the server runs as.
    pub fn own(&self, path: &Path) {
        if let Some((user, group)) = user() {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// One of its programs, as an unprivileged user: the server refuses root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).env("LC_ALL", "C");
        if let Some((user, group)) = user() {
            command.gid(group).uid(user);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop(Stop::Crash);
    }
}

/// The processes that a process has started.
fn children(of: u32) -> Vec<Pid> {
    let parent = format!("PPid:\t{of}");
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |number: &i32| {
        std::fs::read_to_string(format!("/proc/{number}/status")).is_ok_and(|text| text.lines().any(|l| l == parent))
    };
    numbers.filter(is_child).filter_map(Pid::from_raw).collect()
}

/// The newest installation.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or(0);
    let newest =
        versions.map(|entry| entry.path()).filter(|path| path.join("bin/postgres").exists()).max_by_key(version);
    newest.map(|path| path.join("bin"))
}

/// Who the server runs as, if this is root: `postgres` where there is one, else `nobody`.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let fields: Vec<&str> = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
