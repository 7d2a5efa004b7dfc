//! The figures that are measured in rounds: the same requests to both servers, one after the other.
//!
//! Rounds are short, two seconds at most for each server, and there are many of them: what else happens on the machine then
//! meets both in the same way.

use crate::Result;
use crate::batch::{Batch, Kind, Order, Tokens};
use crate::histogram::Histogram;
use crate::load::{self, Check, Outcome, Pace, Traffic};
use crate::machine::Busy;
use crate::process::Server;
use crate::table::{Row, Target};
use crate::wire::Wire;
use crate::world::World;
use shared::oauth1::SignatureMethod;
use std::time::{Duration, Instant};

/// Connections at saturation and in open loop.
pub const CONNECTIONS: usize = 64;

/// A way of asking.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// What is sent.
    pub kind: Kind,
    /// How it is signed.
    pub method: SignatureMethod,
    /// When it is sent.
    pub pace: Pace,
    /// Over how many connections.
    pub connections: usize,
    /// How many requests in one round.
    pub count: usize,
    /// How many go out in a second, more or less.
    pub per_second: usize,
}

/// A signed POST at saturation: the way all others differ from in one thing.
pub const POST: Way = Way {
    kind: Kind::Post,
    method: SignatureMethod::HmacSha1,
    pace: Pace::Closed,
    connections: CONNECTIONS,
    count: 60_000,
    per_second: 80_000,
};
/// 10,000 in a second, whatever comes back. A server sleeps between two requests then, and what waking costs varies: so it is
/// measured for two seconds.
pub const OPEN: Way = Way { pace: Pace::Open(10_000), count: 20_000, per_second: 10_000, ..POST };
/// One caller who waits for each answer.
pub const ALONE: Way = Way { connections: 1, count: 12_000, per_second: 15_000, ..POST };
/// Signatures that do not fit.
pub const BAD: Way = Way { kind: Kind::Bad, count: 30_000, ..POST };
/// `echo` over ZeroMQ.
pub const MESSAGE: Way = Way { kind: Kind::Message, connections: 32, count: 20_000, ..POST };
/// `session.resolve` over ZeroMQ.
pub const RESOLVE: Way = Way { kind: Kind::Resolve, ..MESSAGE };
/// A signed POST over as many connections.
pub const FEW: Way = Way { connections: 32, count: 20_000, ..POST };
/// `session.resolve` over HTTP.
pub const SESSION: Way = Way { kind: Kind::Session, ..FEW };
/// Without a body.
pub const GET: Way = Way { kind: Kind::Get, ..POST };
/// With SHA-256.
pub const SHA256: Way = Way { method: SignatureMethod::HmacSha256, ..POST };

/// What one server did with one batch.
#[derive(Clone, Debug, Default)]
pub struct Measure {
    /// CPU time of the server for each request, in microseconds, while requests were under way.
    pub cpu: f64,
    /// CPU time it took after the last answer, for each request, in microseconds.
    pub later: f64,
    /// Requests in a second.
    pub rate: f64,
    /// Half of all latencies are below, in microseconds.
    pub p50: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// All latencies.
    pub latency: Histogram,
    /// Connections that the server closed.
    pub closed: usize,
    /// CPU time of other processes on the two cores, in parts of one core.
    pub others: f64,
}

/// Signs a batch for a way of asking.
pub fn sign(world: &World, server: &Server, way: Way, tokens: Tokens) -> Result<Batch> {
    let Way { kind, method, count, per_second, .. } = way;
    Batch::sign(world, server.address, Order { kind, method, tokens, count, per_second })
}

/// Has a server answer a batch.
pub fn measure(server: &Server, way: Way, batch: &Batch, check: Check<'_>) -> Result<Measure> {
    server.settle(Duration::from_secs(20));
    let status = if matches!((way.kind, check), (Kind::Bad, Check::Echo(_))) { 401 } else { 200 };
    let check = if status == 401 { Check::Length } else { check };
    let traffic = Traffic { batch, connections: way.connections, pace: way.pace, statuses: &[status], check };
    let address = match batch.wire {
        Wire::Http => server.address,
        Wire::ZeroMq => server.zeromq.ok_or("this server has no ZeroMQ door")?,
    };
    let (busy, begun, before) = (Busy::now(), Instant::now(), server.cpu());
    let outcomes = load::run(address, &[traffic])?;
    let (cpu, took, busy) = (server.cpu() - before, begun.elapsed().as_secs_f64(), busy.seconds());
    let later = server.settle(Duration::from_secs(20));
    let Outcome { latency, wall, closed, .. } = &outcomes[0];
    let count = latency.len() as f64;
    Ok(Measure {
        cpu: cpu.as_secs_f64() * 1e6 / count,
        later: later.as_secs_f64() * 1e6 / count,
        rate: count / wall.as_secs_f64(),
        p50: latency.micros(0.5),
        p99: latency.micros(0.99),
        latency: latency.clone(),
        closed: *closed,
        // The generator has one core to itself all the time.
        others: (busy - cpu.as_secs_f64() - took) / took,
    })
}

/// One way, measured in all rounds so far.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The bare handler.
    pub bare: Vec<Measure>,
    /// The service.
    pub ours: Vec<Measure>,
}

impl Series {
    /// One round: the same bytes to both, the first one in turn.
    pub fn round(&mut self, round: usize, world: &World, (bare, ours): (&Server, &Server), way: Way) -> Result<()> {
        let batch = sign(world, ours, way, Tokens::Random(world.tokens.len()))?;
        for turn in 0..2 {
            if (turn + round).is_multiple_of(2) {
                self.bare.push(measure(bare, way, &batch, Check::Length)?);
            } else {
                self.ours.push(measure(ours, way, &batch, Check::Echo(world))?);
            }
        }
        Ok(())
    }

    /// One figure of both, as a line of the table.
    pub fn row(&self, figure: &str, pick: impl Fn(&Measure) -> f64, target: Target) -> Row {
        Row::ratio(figure, &values(&self.bare, &pick), &values(&self.ours, &pick), target)
    }
}

/// One figure of each round.
pub fn values(measures: &[Measure], pick: impl Fn(&Measure) -> f64) -> Vec<f64> {
    measures.iter().map(pick).collect()
}
