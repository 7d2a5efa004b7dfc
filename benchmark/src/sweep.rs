//! The janitor at work: a million expired rows go away, and signed requests should not feel it.
//!
//! The base is a second service of the same kind that has nothing to sweep, on the same core. Both are measured in turn, in
//! short windows, and whichever is not measured stands still: what else happens on the machine, which may take as much as
//! the sweep does, meets both in the same way. The latencies of a round's windows are put together, for a percentile of few
//! requests tells more about their moment than about the service.

use crate::Result;
use crate::batch::Tokens;
use crate::figures::{Measure, POST, Way, measure, sign};
use crate::histogram::Histogram;
use crate::load::{Check, Pace};
use crate::once;
use crate::process::Server;
use crate::table::{Row, Target};
use crate::world::World;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows that have expired.
const ROWS: u64 = 1_000_000;
/// Signed requests in a second.
const SIGNED: usize = 5_000;
/// How long a window is, in seconds.
const WINDOW: usize = 2;
/// How many windows of each service are one round.
const WINDOWS: usize = 5;
/// How many of the tokens sign. There may be more in the table.
const TOKENS: usize = 100_000;
/// How many rounds there are at most: each takes some 40 seconds.
const ROUNDS: usize = 5;
/// The janitor pauses for no longer than this.
const PAUSE: Duration = Duration::from_secs(1);
/// When the janitor comes, after a start.
const COMES: Duration = Duration::from_secs(60);

/// The lines of the table.
pub fn rows(world: &World, countersign: &Path, rounds: usize) -> Result<Vec<Row>> {
    let Swept { quiet, sweeping, rate } = measure_sweep(world, &world.folder.join("quiet"), countersign, rounds)?;
    let of = |rounds: &[Histogram], share| rounds.iter().map(|all| all.micros(share)).collect::<Vec<f64>>();
    let pair = |figure, share, target| Row::ratio(figure, &of(&quiet, share), &of(&sweeping, share), target);
    Ok(vec![
        pair("1,000,000 rows are swept (base: none), 5,000 signed/s: p50 us", 0.5, Target::None),
        pair("  p99 us", 0.99, Target::Most(1.25)),
        pair("  p99.9 us", 0.999, Target::None),
        Row::plain("  rows swept in a second", &[rate], Target::None),
    ])
}

fn tokens(world: &World) -> usize {
    world.tokens.len().min(TOKENS)
}

/// What was seen, in rounds.
#[derive(Default)]
struct Swept {
    /// Latencies of the service that has nothing to sweep.
    quiet: Vec<Histogram>,
    /// Those of the one that sweeps.
    sweeping: Vec<Histogram>,
    /// Rows it removed in a second.
    rate: f64,
}

/// Adds tokens that have expired long ago, starts the service, and measures it while they are swept, beside one without
/// them. `spare` is a folder that is not there yet.
fn measure_sweep(world: &World, spare: &Path, executable: &Path, rounds: usize) -> Result<Swept> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let other = world.copy(spare)?;
    let store = runtime.block_on(Database::connect(format!("sqlite://{}", world.database().display())))?;
    runtime.block_on(expire(&store))?;
    // What was just written is on its way to the disk for a while.
    rustix::fs::sync();
    let (sweeping, quiet) = (world.start(executable)?, other.start(executable)?);
    let begun = Instant::now();
    // What a service does that has just been started, reading tokens and noting that they are used, is not what is looked for.
    once::see(world, &sweeping, POST, tokens(world))?;
    once::see(&other, &quiet, POST, tokens(world))?;
    std::thread::sleep((COMES + Duration::from_secs(2)).saturating_sub(begun.elapsed()));
    let (mut swept, mut removed, mut time) = (Swept::default(), 0, Duration::ZERO);
    sweeping.pause()?;
    for round in 0..rounds.min(ROUNDS) {
        let (mut base, mut ours) = (Histogram::default(), Histogram::default());
        for window in 0..WINDOWS {
            let warm = warm_up(round * WINDOWS + window);
            std::thread::sleep(warm);
            base.merge(&one(&other, &quiet)?.latency);
            quiet.pause()?;
            sweeping.resume()?;
            std::thread::sleep(warm);
            let (most, since) = (runtime.block_on(expired(&store))?, Instant::now());
            ours.merge(&one(world, &sweeping)?.latency);
            let (left, took) = (runtime.block_on(expired(&store))?, since.elapsed());
            sweeping.pause()?;
            quiet.resume()?;
            if left == 0 || left >= most {
                return Err(format!("nothing was swept meanwhile, or all: {most} rows before, {left} after").into());
            }
            (removed, time) = (removed + most - left, time + took);
        }
        let (quiet, sweeping) = (base.micros(0.99), ours.micros(0.99));
        println!("sweep, round {}: p99 {quiet:.0} us, and {sweeping:.0} us of the service that sweeps", round + 1);
        swept.quiet.push(base);
        swept.sweeping.push(ours);
    }
    swept.rate = removed as f64 / time.as_secs_f64();
    quiet.stop()?;
    sweeping.stop()?;
    Ok(swept)
}

/// How long a service goes on before its window begins. What was due while it stood still is done at once; after that the
/// windows begin at ever other moments between two batches, which the golden ratio spreads evenly.
fn warm_up(window: usize) -> Duration {
    PAUSE + PAUSE.mul_f64((window as f64 * 0.618_034).fract())
}

fn one(world: &World, server: &Server) -> Result<Measure> {
    let way = Way { pace: Pace::Open(SIGNED), count: SIGNED * WINDOW, per_second: SIGNED, ..POST };
    let batch = sign(world, server, way, Tokens::Random(tokens(world)))?;
    measure(server, way, &batch, Check::Echo(world))
}

/// Adds the expired rows. Their names are random, and their users and services change from row to row, as in a table that
/// grew over months.
async fn expire(store: &DatabaseConnection) -> Result<()> {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
         INSERT INTO tokens (token, consumer_key, user_id, session_id, sealed, created_at, expires_at) \
         SELECT 'old_' || lower(hex(randomblob(12))), consumer_key, user_id, NULL, sealed, 0, 1 \
         FROM n JOIN tokens ON tokens.rowid = 1 + i * 7919 % (SELECT count(*) FROM tokens)"
    );
    let changed = store.execute_unprepared(&sql).await?.rows_affected();
    if changed == ROWS { Ok(()) } else { Err(format!("{changed} rows were made instead of {ROWS}").into()) }
}

async fn expired(store: &DatabaseConnection) -> Result<i64> {
    let sql = "SELECT count(*) AS rows FROM tokens WHERE expires_at = 1";
    let statement = sea_orm::Statement::from_string(store.get_database_backend(), sql);
    let row = store.query_one_raw(statement).await?.ok_or("a count has a row")?;
    Ok(row.try_get("", "rows")?)
}
