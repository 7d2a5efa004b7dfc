//! The janitor at work: a million expired rows go away, and signed requests should not feel it.

use crate::Result;
use crate::batch::Tokens;
use crate::figures::{Measure, POST, Way, measure, sign};
use crate::load::{Check, Pace};
use crate::once;
use crate::process::Server;
use crate::world::World;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows that have expired.
pub const ROWS: u64 = 1_000_000;
/// Signed requests in a second.
const SIGNED: usize = 5_000;
/// How often it is measured, before and meanwhile.
const TIMES: usize = 5;
/// How many of the tokens sign. There may be more in the table.
const TOKENS: usize = 100_000;
/// When the janitor comes, after a start.
const COMES: Duration = Duration::from_secs(60);

fn tokens(world: &World) -> usize {
    world.tokens.len().min(TOKENS)
}

/// What was seen.
#[derive(Default)]
pub struct Swept {
    /// Before the janitor came.
    pub before: Vec<Measure>,
    /// While it swept.
    pub meanwhile: Vec<Measure>,
    /// Rows it removed in a second.
    pub rate: f64,
}

/// Adds tokens that have expired long ago, starts the service, and measures before and while they are swept.
pub fn measure_sweep(world: &World, executable: &Path) -> Result<Swept> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(Database::connect(format!("sqlite://{}", world.database().display())))?;
    runtime.block_on(expire(&store))?;
    let server = world.start(executable)?;
    let begun = Instant::now();
    let mut swept = Swept::default();
    // What a service does that has just been started, reading tokens and noting that they are used, is not what is looked for.
    once::see(world, &server, POST, tokens(world))?;
    for _ in 0..TIMES {
        swept.before.push(one(world, &server)?);
    }
    if begun.elapsed() > COMES {
        return Err("the machine is too slow: the janitor came before the first figures were there".into());
    }
    std::thread::sleep((COMES + Duration::from_secs(2)).saturating_sub(begun.elapsed()));
    let (most, since) = (runtime.block_on(expired(&store))?, Instant::now());
    for _ in 0..TIMES {
        swept.meanwhile.push(one(world, &server)?);
    }
    let left = runtime.block_on(expired(&store))?;
    if left == 0 || left >= most {
        return Err(format!("nothing was swept meanwhile, or all: {most} rows before, {left} after").into());
    }
    swept.rate = (most - left) as f64 / since.elapsed().as_secs_f64();
    server.stop()?;
    Ok(swept)
}

fn one(world: &World, server: &Server) -> Result<Measure> {
    let way = Way { pace: Pace::Open(SIGNED), count: SIGNED * 2, per_second: SIGNED, ..POST };
    let batch = sign(world, server, way, Tokens::Random(tokens(world)))?;
    measure(server, way, &batch, Check::Echo(world))
}

async fn expire(store: &DatabaseConnection) -> Result<()> {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
         INSERT INTO tokens (token, consumer_key, user_id, session_id, sealed, created_at, expires_at) \
         SELECT 'old_' || i, consumer_key, user_id, NULL, sealed, 0, 1 FROM n, (SELECT * FROM tokens LIMIT 1)"
    );
    store.execute_unprepared(&sql).await?;
    Ok(())
}

async fn expired(store: &DatabaseConnection) -> Result<i64> {
    let sql = "SELECT count(*) AS rows FROM tokens WHERE expires_at = 1";
    let statement = sea_orm::Statement::from_string(store.get_database_backend(), sql);
    let row = store.query_one_raw(statement).await?.ok_or("a count has a row")?;
    Ok(row.try_get("", "rows")?)
}
