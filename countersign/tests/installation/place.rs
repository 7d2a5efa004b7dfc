//! A folder for an installation, the commands on it, and the services that run there.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use testbed::Ground;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A folder, and in it `var`; on PostgreSQL also a database, which the environment names.
pub struct Place(Ground);

impl Place {
    pub fn new() -> Self {
        Self(Ground::empty())
    }

    pub fn is_postgres(&self) -> bool {
        self.0.is_postgres()
    }

    fn environment(&self) -> Option<(&'static str, String)> {
        self.is_postgres().then(|| ("COUNTERSIGN__DATABASE__URL", self.0.url("")))
    }

    /// With everything in it, and nothing running.
    pub fn made() -> Self {
        let place = Self::new();
        place.ok(&["init"]);
        place
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A file in `var`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("var").join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.file(name)).unwrap().permissions().mode() & 0o777
    }

    /// A command that works in the folder, so that `./var` is its installation.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args).env_clear().envs(self.environment()).current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it prints when all goes well.
    pub fn ok(&self, args: &[&str]) -> String {
        ok(self.output(args), args)
    }

    /// The JSON it prints when all goes well.
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    /// What it says on standard error when it ends with this exit code.
    pub fn fails(&self, args: &[&str], code: i32) -> String {
        fails(self.output(args), args, code)
    }

    /// The same with variables.
    pub fn fails_with(&self, args: &[&str], environment: &[(&str, &str)], code: i32) -> String {
        fails(self.command(args).envs(environment.iter().copied()).output().unwrap(), args, code)
    }

    /// With something on standard input.
    pub fn typed(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses before it reads closes its end.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// `up` on free ports, once both services answer.
    pub fn up(&self) -> Up {
        self.up_with(&["--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"])
    }

    pub fn up_with(&self, args: &[&str]) -> Up {
        Up::start(self, &[&["up"], args].concat(), &[])
    }

    /// `admin.json`, as `request` takes it.
    pub fn admin(&self) -> String {
        self.file("admin.json").display().to_string()
    }
}

pub fn ok(output: Output, args: &[&str]) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} ended with {}: {err}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

pub fn fails(output: Output, args: &[&str], code: i32) -> String {
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {err}{}", String::from_utf8_lossy(&output.stdout));
    err
}

/// Running services; killed if nobody stops them.
pub struct Up {
    child: Child,
    said: PathBuf,
    pub data_service: String,
    pub frontend: String,
    /// Where the ZeroMQ door is, if there is one.
    pub zeromq: Option<String>,
}

impl Up {
    /// Starts with descriptor 3 open, and waits for the line that comes out of it.
    pub fn start(place: &Place, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let file = |name: &str| place.folder().join(name);
        let (ready, said) = (file("ready"), file("said"));
        fs::write(&ready, "").unwrap();
        let out = fs::File::create(&said).unwrap();
        // The shell opens the descriptor and becomes the program.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" --json-ready 3 3>ready", env!("CARGO_BIN_EXE_countersign")])
            .args(args)
            .env_clear()
            .envs(place.environment())
            .envs(environment.iter().copied())
            .current_dir(place.folder())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out);
        let mut child = command.spawn().unwrap();
        let line = until("both services answer", || {
            let line = fs::read_to_string(&ready).unwrap();
            if let (false, Some(status)) = (line.ends_with('\n'), child.try_wait().unwrap()) {
                panic!("it ended with {status}: {}", fs::read_to_string(&said).unwrap());
            }
            line.ends_with('\n').then_some(line)
        });
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| line[name].as_str().unwrap().to_owned();
        let zeromq = line["zeromq"].as_str().map(str::to_owned);
        Self { child, said, data_service: address("data_service"), frontend: address("frontend"), zeromq }
    }

    /// Everything it has said so far, on both outputs.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// The one-time links among that.
    pub fn links(&self) -> Vec<String> {
        self.said().split_whitespace().filter(|word| word.contains("setup?link=")).map(str::to_owned).collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn ended(&mut self) -> ExitStatus {
        until("it ends", || self.child.try_wait().unwrap())
    }

    /// Stopped the way a system stops it.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a GET.
pub fn get(url: &str) -> u16 {
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
