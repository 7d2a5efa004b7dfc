//! The load generator: one thread that never sleeps, keep-alive connections, no pipelining.
//!
//! It spins. If it slept, each answer would have to wake it, and the *server* pays for that: the faster server
//! would keep the generator awake and save what the slower one has to pay.

use crate::Result;
use crate::batch::Batch;
use crate::histogram::Histogram;
use crate::wire::{Connection, Wire};
use crate::world::World;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use serde_json::Value;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// After the last request was due, this long is waited for answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of so many answers one is read as JSON and compared with what was sent.
const SAMPLE: usize = 997;

/// When a request is sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As soon as a connection is free.
    Closed,
    /// So many in a second, whatever comes back. Latency counts from the moment a request was due.
    Open(usize),
    /// As soon as a connection is free, until the others have ended.
    Meanwhile,
}

/// What an answer with the first of the expected statuses must be like.
#[derive(Clone, Copy)]
pub enum Check<'a> {
    /// Anything.
    Nothing,
    /// As long as the first one.
    Length,
    /// That, and now and then it is read as JSON: it must name the token and the consumer of the request.
    Echo(&'a World),
}

/// A stream of requests.
pub struct Traffic<'a> {
    /// What is sent.
    pub batch: &'a Batch,
    /// How many connections.
    pub connections: usize,
    /// When.
    pub pace: Pace,
    /// Statuses that may come back.
    pub statuses: &'a [u16],
    /// What is looked at in the answers.
    pub check: Check<'a>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Latency of the answers with the first of the statuses.
    pub latency: Histogram,
    /// Latency of the others.
    pub others: Histogram,
    /// From the first request to the last answer.
    pub wall: Duration,
    /// How many were sent.
    pub sent: usize,
    /// How many connections the server closed.
    pub closed: usize,
}

impl Outcome {
    /// Answers of the first status in a second.
    pub fn per_second(&self) -> f64 {
        self.latency.len() as f64 / self.wall.as_secs_f64()
    }
}

/// A connection and what it carries.
struct Line {
    connection: Connection,
    stream: usize,
    /// The request that is under way, and since when.
    busy: Option<(usize, Instant)>,
}

/// A stream while it runs.
struct Running<'a, 'b> {
    traffic: &'a Traffic<'b>,
    outcome: Outcome,
    /// Connections without a request, the longest idle first.
    idle: std::collections::VecDeque<usize>,
    answered: usize,
    length: Option<usize>,
}

/// Sends all streams at once and waits for the answers.
pub fn run(address: SocketAddr, streams: &[Traffic<'_>]) -> Result<Vec<Outcome>> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut lines: Vec<Line> = Vec::new();
    let mut running: Vec<Running<'_, '_>> = Vec::new();
    for (stream, traffic) in streams.iter().enumerate() {
        let first = lines.len();
        for _ in 0..traffic.connections {
            let connection = Connection::open_for(traffic.batch.wire, address)?;
            let data = epoll::EventData::new_u64(lines.len() as u64);
            epoll::add(&poll, &connection, data, epoll::EventFlags::IN)?;
            lines.push(Line { connection, stream, busy: None });
        }
        let idle = (first..lines.len()).collect();
        running.push(Running { traffic, outcome: Outcome::default(), idle, answered: 0, length: None });
    }
    let mut events = Vec::with_capacity(lines.len().max(1));
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let begun = Instant::now();
    let mut heard = begun;
    loop {
        let now = Instant::now();
        for stream in &mut running {
            stream.send(&mut lines, begun, now)?;
        }
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), Some(&at_once))?;
        for event in &events {
            let data = event.data;
            let index = data.u64() as usize;
            let line = &mut lines[index];
            let answer = match line.connection.receive() {
                Ok(Some(answer)) => answer,
                Ok(None) => continue,
                Err(error) if line.busy.is_some() => return Err(error),
                // A server ends a connection that has been silent for long.
                Err(_) => {
                    let stream = &mut running[line.stream];
                    stream.outcome.closed += 1;
                    reopen(&poll, line, (stream.traffic.batch.wire, address), data)?;
                    continue;
                }
            };
            heard = Instant::now();
            let stream = &mut running[line.stream];
            let Some((request, since)) = line.busy.take() else {
                // A server tells a connection that has been silent for long that its patience is at an end.
                if !answer.close {
                    return Err(format!("an answer with status {} to nothing", answer.status).into());
                }
                stream.outcome.closed += 1;
                reopen(&poll, line, (stream.traffic.batch.wire, address), data)?;
                continue;
            };
            stream.take(request, answer.status, line.connection.body(answer), heard - since)?;
            stream.outcome.wall = heard - begun;
            if answer.close {
                // Then its next request comes over a new one.
                stream.outcome.closed += 1;
                reopen(&poll, line, (stream.traffic.batch.wire, address), data)?;
            }
            stream.idle.push_back(index);
            stream.send(&mut lines, begun, heard)?;
        }
        if running.iter().all(Running::is_over) {
            return Ok(running.into_iter().map(|stream| stream.outcome).collect());
        }
        if now.saturating_duration_since(heard) > PATIENCE {
            return Err("no answer for ten seconds".into());
        }
    }
}

/// A new connection in the place of one that was closed.
fn reopen(poll: &OwnedFd, line: &mut Line, (wire, address): (Wire, SocketAddr), data: epoll::EventData) -> Result<()> {
    line.connection = Connection::open_for(wire, address)?;
    Ok(epoll::add(poll, &line.connection, data, epoll::EventFlags::IN)?)
}

impl Running<'_, '_> {
    /// Sends what is due on idle connections.
    fn send(&mut self, lines: &mut [Line], begun: Instant, now: Instant) -> Result<()> {
        while self.outcome.sent < self.traffic.batch.len() && !self.idle.is_empty() {
            let since = match self.traffic.pace {
                Pace::Open(per_second) => {
                    let due =
                        begun + Duration::from_nanos(self.outcome.sent as u64 * 1_000_000_000 / per_second as u64);
                    if due > now {
                        break;
                    }
                    due
                }
                Pace::Closed | Pace::Meanwhile => Instant::now(),
            };
            let Some(index) = self.idle.pop_front() else { break };
            let line = &mut lines[index];
            line.connection.send(self.traffic.batch.request(self.outcome.sent))?;
            line.busy = Some((self.outcome.sent, since));
            self.outcome.sent += 1;
        }
        Ok(())
    }

    /// Checks an answer and counts it.
    fn take(&mut self, request: usize, status: u16, body: &[u8], latency: Duration) -> Result<()> {
        let said = || String::from_utf8_lossy(body).into_owned();
        if !self.traffic.statuses.contains(&status) {
            return Err(format!("an answer with status {status}: {}", said()).into());
        }
        self.answered += 1;
        if Some(&status) != self.traffic.statuses.first() {
            self.outcome.others.add(latency);
            return Ok(());
        }
        self.outcome.latency.add(latency);
        if matches!(self.traffic.check, Check::Nothing) {
            return Ok(());
        }
        if *self.length.get_or_insert(body.len()) != body.len() {
            return Err(format!("an answer of another length: {}", said()).into());
        }
        match self.traffic.check {
            Check::Echo(world) if request.is_multiple_of(SAMPLE) => {
                let token = &world.tokens[self.traffic.batch.tokens[request]];
                let wanted = (token.key.as_str(), world.consumers[token.consumer].key.as_str());
                let echoed: Value = serde_json::from_slice(body)?;
                if (echoed["token"].as_str(), echoed["consumer"].as_str()) == (Some(wanted.0), Some(wanted.1)) {
                    return Ok(());
                }
                Err(format!("an answer to somebody else: {}", said()).into())
            }
            _ => Ok(()),
        }
    }

    /// True when nothing more is to be waited for.
    fn is_over(&self) -> bool {
        matches!(self.traffic.pace, Pace::Meanwhile) || self.answered == self.traffic.batch.len()
    }
}
