//! The ZeroMQ door beside a bare ROUTER on the same library, which takes the same messages apart and answers what
//! `echo` answers.

use crate::batch::{Batch, Kind, Order, Tokens};
use crate::figures::{FEW, MESSAGE, Measure, POST, RESOLVE, SESSION, Series, measure, sign};
use crate::load::Check;
use crate::process::Server;
use crate::table::{Row, Target};
use crate::wire::Connection;
use crate::world::World;
use crate::{Result, figures};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Both servers with their ZeroMQ doors, in rounds.
pub fn rows(world: &World, countersign: &Path, executable: &Path, like: &str, rounds: usize) -> Result<Vec<Row>> {
    let ours = world.start_with_zeromq(countersign)?;
    let bare = Server::start_with(Command::new(executable).args([like, "--zeromq"]), "/echo", true)?;
    sign_in(world, &ours)?;
    let (mut echo, mut resolved) = (Series::default(), Vec::new());
    let (mut echo_http, mut resolved_http) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        echo.round(round, world, (&bare, &ours), MESSAGE)?;
        let batch = sign(world, &ours, RESOLVE, Tokens::Random(world.tokens.len()))?;
        resolved.push(measure(&ours, RESOLVE, &batch, Check::Nothing)?);
        let batch = sign(world, &ours, FEW, Tokens::Random(world.tokens.len()))?;
        echo_http.push(measure(&bare, FEW, &batch, Check::Length)?);
        let batch = sign(world, &ours, SESSION, Tokens::Random(world.tokens.len()))?;
        resolved_http.push(measure(&ours, SESSION, &batch, Check::Nothing)?);
    }
    ours.stop()?;
    bare.stop()?;
    let cpu = |measure: &Measure| measure.cpu;
    let ratio = |figure, pick: fn(&Measure) -> f64| {
        Row::ratio(figure, &figures::values(&echo.bare, pick), &figures::values(&resolved, pick), Target::None)
    };
    let http = |figure, pick: fn(&Measure) -> f64| {
        Row::ratio(figure, &figures::values(&echo_http, pick), &figures::values(&resolved_http, pick), Target::None)
    };
    Ok(vec![
        http("session.resolve over HTTP (base: bare echo): us of CPU", |m| m.cpu),
        http("  requests/s", |m| m.rate),
        http("  p50 us", |m| m.p50),
        echo.row("echo over ZeroMQ, 32 connections: us of CPU", cpu, Target::None),
        echo.row("  requests/s", |m| m.rate, Target::None),
        echo.row("  p50 us", |m| m.p50, Target::None),
        echo.row("  p99 us", |m| m.p99, Target::None),
        ratio("session.resolve over ZeroMQ (base: bare echo): us of CPU", |m| m.cpu),
        ratio("  requests/s", |m| m.rate),
        ratio("  p50 us", |m| m.p50),
        ratio("  p99 us", |m| m.p99),
    ])
}

/// Somebody signs in, so that there is a session to resolve.
fn sign_in(world: &World, server: &Server) -> Result<()> {
    let tokens = Tokens::Random(1);
    let order = Order { kind: Kind::Login, method: POST.method, tokens, count: 1, per_second: usize::MAX };
    let batch = Batch::sign(world, server.address, order)?;
    let mut connection = Connection::open(server.address)?;
    let (answer, body) = connection.exchange(batch.request(0))?;
    let login: Value = serde_json::from_slice(body)?;
    let sessionid = login["sessionid"].as_str().ok_or_else(|| format!("a login was answered {}", answer.status))?;
    world.remember(sessionid);
    Ok(())
}
