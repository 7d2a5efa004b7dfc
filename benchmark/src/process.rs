//! A server that is measured: started on its core, read through `/proc`, stopped.

use crate::Result;
use crate::machine::{self, SERVER};
use crate::wire::Connection;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its ZeroMQ door is, if it has one.
    pub zeromq: Option<SocketAddr>,
    /// From the start of the process to its first good answer.
    pub ready: Duration,
}

impl Server {
    /// Starts a server on the server's core and waits until `path` answers 200. It says where it listens as the last
    /// word of its first line.
    pub fn start(command: &mut Command, path: &str) -> Result<Self> {
        Self::start_with(command, path, false)
    }

    /// The same for one that has a ZeroMQ door, and says where in its second line.
    pub fn start_with(command: &mut Command, path: &str, zeromq: bool) -> Result<Self> {
        let own = machine::cores()?;
        machine::pin(&[SERVER])?;
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).env_remove("RUST_LOG").spawn();
        machine::pin(&own)?;
        let mut child = child.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no output")?;
        let mut out = BufReader::new(out);
        out.read_line(&mut line)?;
        let mut second = String::new();
        if zeromq {
            out.read_line(&mut second)?;
        }
        let zeromq = second.split("tcp://").nth(1).map(str::trim).map(str::parse).transpose()?;
        let address = line.split("http://").nth(1).map(str::trim).ok_or("the server did not say where it listens")?;
        let mut server = Self { child, address: address.parse()?, zeromq, ready: Duration::ZERO };
        while server.get(path).ok() != Some(200) {
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("the server does not become ready".into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        server.ready = begun.elapsed();
        Ok(server)
    }

    /// The status of a plain request.
    fn get(&self, path: &str) -> Result<u16> {
        let mut connection = Connection::open(self.address)?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        Ok(connection.exchange(request.as_bytes())?.0.status)
    }

    /// CPU time of all its threads. The kernel's clocks, in nanoseconds; they are exact while the server is idle.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        let of = |text: String| text.split(' ').next()?.parse::<u64>().ok();
        let nanos = tasks.filter_map(|task| of(fs::read_to_string(task.path().join("schedstat")).ok()?));
        Duration::from_nanos(nanos.sum())
    }

    /// Waits until it does nothing but housekeeping, and says what CPU time it took until then.
    pub fn settle(&self, most: Duration) -> Duration {
        let (begun, first) = (Instant::now(), self.cpu());
        let mut before = first;
        let mut quiet = 0;
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let now = self.cpu();
            quiet = if now - before < Duration::from_micros(600) { quiet + 1 } else { 0 };
            before = now;
            if quiet >= 3 || begun.elapsed() > most {
                return now - first;
            }
        }
    }

    /// A line of a file in `/proc`, in bytes.
    fn bytes(&self, file: &str, name: &str) -> u64 {
        let text = fs::read_to_string(self.proc(file)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }

    /// Its proportional share of memory.
    pub fn pss(&self) -> u64 {
        self.bytes("smaps_rollup", "Pss")
    }

    /// Resident memory.
    pub fn resident(&self) -> u64 {
        self.bytes("status", "VmRSS")
    }

    /// The most resident memory since [`Server::forget_peak`].
    pub fn peak(&self) -> u64 {
        self.bytes("status", "VmHWM")
    }

    /// Has [`Server::peak`] begin anew.
    pub fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(self.proc("clear_refs"), "5")?)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    /// Has it stand still. If this process is killed meanwhile, the other one stays behind like that.
    pub fn pause(&self) -> Result<()> {
        self.tell(Signal::STOP)
    }

    /// Has it go on.
    pub fn resume(&self) -> Result<()> {
        self.tell(Signal::CONT)
    }

    fn tell(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or("no such process")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Stops it in an orderly way.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        self.tell(Signal::TERM)?;
        // One that stands still would not hear it.
        self.resume()?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > Duration::from_secs(20) {
                self.child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
