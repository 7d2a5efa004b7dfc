//! Figures that come with a start: how long it takes, what an idle service holds, and the first sight of each token.

use crate::Result;
use crate::batch::Tokens;
use crate::figures::{Measure, POST, Way, measure, sign};
use crate::load::Check;
use crate::process::Server;
use crate::world::World;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

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
    /// Resident bytes for each cached token; without what a remembered nonce takes.
    pub bytes: f64,
    /// How many tokens there were; with few of them their bytes say nothing.
    pub tokens: usize,
}

/// Sends each token once to a service that has just been started, and then once more.
pub fn first_sight(world: &World, bare: &Server, ours: &Server) -> Result<Sight> {
    let way = Way { count: world.tokens.len(), per_second: 10_000, ..POST };
    let empty = ours.resident();
    let first = sign(world, ours, way, Tokens::Once(world.tokens.len()))?;
    let by_bare = measure(bare, way, &first, Check::Length)?;
    let by_ours = measure(ours, way, &first, Check::Echo(world))?;
    let full = ours.resident();
    let again = sign(world, ours, way, Tokens::Once(world.tokens.len()))?;
    measure(ours, way, &again, Check::Echo(world))?;
    let (tokens, nonces) = (full.saturating_sub(empty), ours.resident().saturating_sub(full));
    let bytes = tokens.saturating_sub(nonces) as f64 / world.tokens.len() as f64;
    Ok(Sight { bare: by_bare, ours: by_ours, bytes, tokens: world.tokens.len() })
}

/// Start and idle memory, in rounds.
#[derive(Default)]
pub struct Starts {
    /// Milliseconds until the bare handler answered.
    pub bare: Vec<f64>,
    /// Milliseconds until the service was ready.
    pub ours: Vec<f64>,
    /// MiB of the idle bare handler.
    pub bare_idle: Vec<f64>,
    /// MiB of the idle service.
    pub ours_idle: Vec<f64>,
}

impl Starts {
    /// One round: both are started, looked at, and stopped.
    pub fn round(&mut self, world: &World, countersign: &Path, executable: &Path) -> Result<()> {
        for (server, ready, idle) in [
            (bare(executable, "{}")?, &mut self.bare, &mut self.bare_idle),
            (world.start(countersign)?, &mut self.ours, &mut self.ours_idle),
        ] {
            ready.push(server.ready.as_secs_f64() * 1e3);
            std::thread::sleep(Duration::from_millis(500));
            idle.push(server.pss() as f64 / 1024.0 / 1024.0);
            server.stop()?;
        }
        Ok(())
    }
}

/// MiB of an executable.
pub fn size(executable: &Path) -> Result<f64> {
    Ok(std::fs::metadata(executable)?.len() as f64 / 1024.0 / 1024.0)
}
