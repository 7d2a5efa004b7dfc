//! Logins without pause, and whether signed requests on the same core feel them.

use crate::Result;
use crate::batch::{Batch, Kind, Order, Tokens};
use crate::figures::{CONNECTIONS, POST, Way, sign};
use crate::load::{self, Check, Outcome, Pace, Traffic};
use crate::process::Server;
use crate::world::World;
use shared::oauth1::SignatureMethod;
use std::time::Duration;

/// Signed requests in a second.
const SIGNED: usize = 5_000;
/// For so many seconds.
const SECONDS: usize = 5;
/// Clients that log in without pause.
pub const CLIENTS: usize = 32;
/// Logins offered in a second when it is too many.
pub const OFFERED: usize = 200;

/// How logins come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// None.
    Quiet,
    /// [`CLIENTS`], each as soon as it has its answer.
    Storm,
    /// [`OFFERED`] in a second, whatever comes back.
    Flood,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Signed requests served in a second.
    pub rate: f64,
    /// Their latencies in microseconds.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// Logins in a second.
    pub logins: f64,
    /// Share of logins that were answered 503.
    pub refused: f64,
    /// Latencies of the 503 in microseconds.
    pub refused_p50: f64,
    /// 99 of 100.
    pub refused_p99: f64,
    /// The most resident memory, in MiB.
    pub peak: f64,
}

/// Measures a weather.
pub fn measure(world: &World, server: &Server, weather: Weather) -> Result<Seen> {
    let way = Way { pace: Pace::Open(SIGNED), count: SIGNED * SECONDS, per_second: SIGNED, ..POST };
    let signed = sign(world, server, way, Tokens::Random(world.tokens.len()))?;
    let flood = weather == Weather::Flood;
    // A storm is a few hundred logins; what is over the gate comes back at once and asks again.
    let count = if flood { OFFERED * SECONDS } else { 20_000 };
    let order = Order {
        kind: Kind::Login,
        method: SignatureMethod::HmacSha256,
        tokens: Tokens::Random(1),
        count: if weather == Weather::Quiet { 0 } else { count },
        per_second: usize::MAX,
    };
    let logins = Batch::sign(world, server.address, order)?;
    server.settle(Duration::from_secs(20));
    server.forget_peak()?;
    let streams = [
        Traffic {
            batch: &signed,
            connections: CONNECTIONS,
            pace: Pace::Open(SIGNED),
            statuses: &[200],
            check: Check::Echo(world),
        },
        Traffic {
            batch: &logins,
            connections: if flood { OFFERED } else { CLIENTS },
            pace: if flood { Pace::Open(OFFERED) } else { Pace::Meanwhile },
            statuses: &[200, 503],
            check: Check::Nothing,
        },
    ];
    let outcomes = load::run(server.address, &streams)?;
    let (signed, logins): (&Outcome, &Outcome) = (&outcomes[0], &outcomes[1]);
    let (good, refused) = (logins.latency.len() as f64, logins.others.len() as f64);
    server.settle(Duration::from_secs(20));
    Ok(Seen {
        rate: signed.per_second(),
        p50: signed.latency.micros(0.5),
        p99: signed.latency.micros(0.99),
        logins: if good > 0.0 { logins.per_second() } else { 0.0 },
        refused: refused / (good + refused),
        refused_p50: logins.others.micros(0.5),
        refused_p99: logins.others.micros(0.99),
        peak: server.peak() as f64 / 1024.0 / 1024.0,
    })
}
