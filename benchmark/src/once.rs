//! Figures that come with a start: how long it takes, what an idle service holds, the first sight of each token, and what
//! a remembered nonce takes.

use crate::batch::Tokens;
use crate::figures::{Measure, POST, Way, measure, sign};
use crate::load::Check;
use crate::process::Server;
use crate::world::World;
use crate::{Result, machine};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Starts the bare handler, which answers `like` to everything.
pub fn bare(executable: &Path, like: &str) -> Result<Server> {
    Server::start(Command::new(executable).arg(like), "/echo")
}

/// What each token costs when it is seen for the first time, in time and in memory.
pub struct Sight {
    /// The bare handler, with the same requests.
    pub bare: Measure,
    /// The service, which reads each token from the store.
    pub ours: Measure,
    /// CPU time for each token until its first use is written down too, in microseconds.
    pub written: f64,
    /// Resident bytes for each cached token; without what a remembered nonce takes.
    pub bytes: f64,
    /// How many tokens there were; with few of them their bytes say nothing.
    pub tokens: usize,
}

/// Sends each token once to a service that has just been started. What a service takes once, whatever the number of tokens
/// (connections to the store and what they keep, statements, tables that are made when they are needed), it takes for the
/// first fifth of them: memory is looked at for the others. What the nonces of as many requests take is known by then,
/// from more requests with that fifth.
pub fn first_sight(world: &World, bare: &Server, ours: &Server) -> Result<Sight> {
    let (all, fifth) = (world.tokens.len(), world.tokens.len().div_ceil(5));
    // Timestamps may lie no more than a minute ahead.
    let way = |count: usize| Way { count, per_second: (count / 40).max(10_000), ..POST };
    let send_fifth = || -> Result<()> {
        let some = sign(world, ours, way(fifth), Tokens::Fifth(all))?;
        measure(ours, way(fifth), &some, Check::Echo(world)).map(drop)
    };
    send_fifth()?;
    let some = resident_at_rest(ours);
    for _ in 0..4 {
        send_fifth()?;
    }
    let before = resident_at_rest(ours);
    let (nonces, rest) = (before.saturating_sub(some), way(all - fifth));
    let first = sign(world, ours, rest, Tokens::OtherFifths(all))?;
    let by_bare = measure(bare, rest, &first, Check::Length)?;
    let begun = ours.cpu();
    let by_ours = measure(ours, rest, &first, Check::Echo(world))?;
    let tokens = resident_at_rest(ours).saturating_sub(before);
    let written = (ours.cpu() - begun).as_secs_f64() * 1e6 / rest.count as f64;
    let bytes = tokens.saturating_sub(nonces) as f64 / rest.count as f64;
    Ok(Sight { bare: by_bare, ours: by_ours, written, bytes, tokens: all })
}

/// Sends each of the first tokens once, signed in some way, and waits until that they were used is written down.
pub fn see(world: &World, ours: &Server, like: Way, all: usize) -> Result<()> {
    let fifth = all.div_ceil(5);
    for (count, tokens) in [(fifth, Tokens::Fifth(all)), (all - fifth, Tokens::OtherFifths(all))] {
        let way = Way { count, per_second: (count / 40).max(10_000), ..like };
        measure(ours, way, &sign(world, ours, way, tokens)?, Check::Echo(world))?;
    }
    std::thread::sleep(WRITTEN_AFTER);
    Ok(())
}

/// Resident memory when what waited to be written down is written.
fn resident_at_rest(server: &Server) -> u64 {
    std::thread::sleep(WRITTEN_AFTER);
    server.settle(Duration::from_secs(20));
    server.resident()
}

/// Last uses are written down every three seconds.
const WRITTEN_AFTER: Duration = Duration::from_secs(4);

/// Start and idle memory, in rounds.
#[derive(Default)]
pub struct Starts {
    /// Milliseconds until the bare handler answered.
    pub bare: Vec<f64>,
    /// Milliseconds until the service was ready.
    pub ours: Vec<f64>,
    /// MiB of the idle service.
    pub idle: Vec<f64>,
}

impl Starts {
    /// One round: both are started, looked at, and stopped. The folder of the service is an orderly one: the schema is
    /// there, whoever used it before has ended by himself, and no nonce in it lives.
    pub fn round(&mut self, world: &World, countersign: &Path, executable: &Path) -> Result<()> {
        let server = bare(executable, "{}")?;
        self.bare.push(millis(&server));
        server.stop()?;
        let server = world.start(countersign)?;
        self.ours.push(millis(&server));
        std::thread::sleep(Duration::from_millis(500));
        self.idle.push(server.pss() as f64 / 1024.0 / 1024.0);
        server.stop()
    }
}

fn millis(server: &Server) -> f64 {
    server.ready.as_secs_f64() * 1e3
}

/// Nonces that a start recovers.
pub const LIVE: usize = 1_000_000;

/// Milliseconds until a service is ready that finds [`LIVE`] nonces which may not be used again.
pub fn recovery(world: &World, countersign: &Path) -> Result<Vec<f64>> {
    let begun = Instant::now();
    let server = world.start(countersign)?;
    for _ in 0..LIVE.div_ceil(POST.count) {
        let batch = sign(world, &server, POST, Tokens::Random(world.tokens.len()))?;
        measure(&server, POST, &batch, Check::Echo(world))?;
    }
    server.stop()?;
    let mut starts = Vec::new();
    for _ in 0..3 {
        let server = world.start(countersign)?;
        starts.push(millis(&server));
        server.stop()?;
    }
    if begun.elapsed() > Duration::from_secs(290) {
        return Err("the machine is too slow: the first nonces were forgotten before the last start".into());
    }
    Ok(starts)
}

/// What the memory of nonces does at 20,000 requests in a second, when it is full.
#[derive(Default)]
pub struct Remembered {
    /// Resident bytes for each nonce that is remembered.
    pub bytes: Vec<f64>,
    /// The longest that one of them took to be remembered, in microseconds.
    pub longest: Vec<f64>,
}

impl Remembered {
    /// One round, in a process of its own.
    pub fn round(&mut self, executable: &Path) -> Result<()> {
        let own = machine::cores()?;
        machine::pin(&[machine::SERVER])?;
        let said = Command::new(executable).output();
        machine::pin(&own)?;
        let said = said.map_err(|error| format!("{}: {error}", executable.display()))?;
        let words = String::from_utf8(said.stdout)?;
        let mut numbers = words.split_whitespace().map(str::parse);
        let (Some(Ok(bytes)), Some(Ok(longest)), true) = (numbers.next(), numbers.next(), said.status.success()) else {
            return Err(format!("{}: {words}{}", executable.display(), String::from_utf8_lossy(&said.stderr)).into());
        };
        self.bytes.push(bytes);
        self.longest.push(longest);
        Ok(())
    }
}

/// MiB of an executable.
pub fn size(executable: &Path) -> Result<f64> {
    Ok(std::fs::metadata(executable)?.len() as f64 / 1024.0 / 1024.0)
}
