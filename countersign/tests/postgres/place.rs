//! A server, a folder, and the commands between them.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testbed::{FAST, Postgres};

/// Stands in every URL, and must stand nowhere else.
pub const PASSWORD: &str = "hunter2-and-more";

/// A server that asks for a password, and a folder.
pub struct Place {
    pub server: Postgres,
    folder: TempDir,
}

impl Place {
    /// The server is not started.
    pub fn prepared() -> Self {
        let server = Postgres::prepare(&FAST);
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    /// With a server that runs.
    pub fn new() -> Self {
        let mut place = Self::prepared();
        place.server.go();
        place
    }

    /// With an installation in `var`.
    pub fn made() -> Self {
        let place = Self::new();
        place.ok(&["init", "--database-url", &place.url()]);
        place
    }

    pub fn url(&self) -> String {
        self.server.url("postgres").replace("postgres@", &format!("postgres:{PASSWORD}@"))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("var").join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        assert!(status.success(), "{args:?} ended with {status}: {}", String::from_utf8_lossy(&stderr));
        without_password(String::from_utf8(stdout).unwrap())
    }

    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    /// Adds a user.
    pub fn add_user(&self, name: &str, environment: &[(&str, &str)]) {
        let args = ["user", "add", name, "--password-stdin"];
        let mut command = self.command(&args);
        command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
        ended(child.wait_with_output().unwrap(), &args, 0);
    }

    /// What it says when it ends with this exit code.
    pub fn fails(&self, args: &[&str], code: i32) -> String {
        ended(self.command(args).output().unwrap(), args, code)
    }

    /// Starts a service, whose words go to a file.
    pub fn start(&self, args: &[&str], environment: &[(&str, &str)]) -> Service {
        let said = self.folder.path().join(format!("said-{}", args[0]));
        let file = File::create(&said).unwrap();
        let mut command = self.command(args);
        command.envs(environment.iter().copied()).stdout(file.try_clone().unwrap()).stderr(file);
        Service { child: command.spawn().unwrap(), said }
    }
}

/// Nothing that anybody reads holds the password.
pub fn without_password(text: String) -> String {
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

pub fn ended(output: Output, args: &[&str], code: i32) -> String {
    let words = [output.stdout, output.stderr].concat();
    let words = without_password(String::from_utf8(words).unwrap());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {words}");
    words
}

/// A running service; killed if nobody stops it.
pub struct Service {
    child: Child,
    said: PathBuf,
}

impl Service {
    pub fn said(&self) -> String {
        without_password(fs::read_to_string(&self.said).unwrap())
    }

    /// The address in the line that says where it listens.
    pub fn url(&self) -> String {
        until("it says where it listens", || {
            let said = self.said();
            let line = said.lines().find(|line| line.starts_with("the data service listens on "))?;
            line.rsplit(' ').next().map(str::to_owned)
        })
    }

    pub fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.ended()
    }

    pub fn ended(&mut self) -> Option<i32> {
        until("it ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something to become true, longer than anything takes on a busy machine.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The head of the answer to a GET; empty if nobody answers.
pub fn get(url: &str) -> String {
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let ask = || {
        let mut stream = TcpStream::connect(authority)?;
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().unwrap_or_default()
}

pub fn status(url: &str) -> u16 {
    get(url).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
