//! The table of used nonces, which all instances on PostgreSQL share.
//!
//! A nonce is used by whoever inserts its row: the primary key lets one in. Which rows may go is said by the *floor*, one
//! number in the database, raised by the database's clock alone and never lowered. An insertion looks at the floor in its
//! own statement, and rows are removed a minute after the floor has passed them; so what an instance's clock says makes
//! no difference to what is remembered.
//!
//! The floor also closes the window where rows may be missing: a table that was restored from a copy, or belongs to a
//! server that took over from another, has lost what was used since. The mark of the server tells.

use super::{Store, marks};
use crate::chance;
use crate::clock::Stopwatch;
use crate::error::{Error, Fault, Result};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection as _};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use shared::oauth1::limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Which server the rows belong to: `new` until the first instance has started.
const SERVER: &str = "nonces_server";
/// What the schema notes there when the table is made.
const NEW: &str = "new";
/// The key of the fingerprints.
const KEY: &str = "nonces_key";
/// The lowest timestamp that may still be inserted.
const FLOOR: &str = "nonces_floor";

/// The server, and which of its histories: another one after it was restored, or after a standby took over.
const IDENTITY: &str = "(SELECT system_identifier FROM pg_control_system()) || '/' || \
     left(pg_walfile_name(pg_current_wal_lsn()), 8)";
const INSERT: &str = "INSERT INTO nonces (second, fingerprint) \
     SELECT o.second, o.fingerprint FROM unnest($1::bigint[], $2::bigint[]) AS o(second, fingerprint) \
     WHERE o.second >= (SELECT value::bigint FROM marks WHERE name = 'nonces_floor') \
     ORDER BY o.second, o.fingerprint ON CONFLICT DO NOTHING RETURNING second, fingerprint";
const RAISE: &str = "UPDATE marks SET value = now.floor::text \
     FROM (SELECT extract(epoch FROM clock_timestamp())::bigint - $1 AS floor) AS now \
     WHERE name = 'nonces_floor' AND value::bigint <= now.floor - $2";
const REMOVE: &str = "DELETE FROM nonces WHERE ctid = ANY (ARRAY (SELECT ctid FROM nonces WHERE second < $1 \
     ORDER BY second LIMIT $2 FOR UPDATE SKIP LOCKED))";

/// How long a batch may take. What takes longer has an unknown end: it counts as used, and is not accepted.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection that was not used for longer is asked first whether it is still there.
const IDLE_MILLIS: u64 = 100;
/// How far the floor stays behind the window: clocks of instances may be this much behind the database's and still
/// accept all of the window.
const BEHIND: i64 = 60;
/// The floor moves in steps, so that not every instance writes it every second.
const STEP: i64 = 10;
/// How far the rows that go lie below the floor. An insertion that looked at an older floor is long over by then.
const BELOW: i64 = 60;
/// Rows that one statement removes.
const BATCH: i64 = 5_000;
/// Statements that one round of housekeeping makes at most.
const ROUNDS: usize = 20;

/// A nonce as a row: the second of its timestamp, and its fingerprint.
pub(crate) type Row = (i64, i64);

/// What came of an insertion.
pub(crate) struct Inserted {
    /// Rows that were not there.
    pub(crate) new: Vec<Row>,
    /// True if all others were there before.
    pub(crate) certain: bool,
}

/// The way in for new nonces: a connection of its own, so that nothing else has to be waited for.
#[derive(Debug)]
pub(crate) struct Nonces {
    store: Arc<Store>,
    options: Arc<PgConnectOptions>,
    connection: Option<PgConnection>,
    /// Since the last answer.
    answered: Stopwatch,
}

impl Nonces {
    /// Opens the table; answers the key of the fingerprints, and the floor.
    pub(crate) async fn open(store: Arc<Store>) -> Result<(Self, [u8; 16], i64)> {
        let key = settle(&store).await?;
        let floor = floor(store.read()).await?;
        let options = store.read().inner().get_postgres_connection_pool().connect_options();
        Ok((Self { store, options, connection: None, answered: Stopwatch::start() }, key, floor))
    }

    /// Inserts rows, which are sorted and differ. Committed when it returns. After an error nobody knows which of them
    /// are there.
    pub(crate) async fn insert(&mut self, rows: &[Row]) -> Result<Inserted> {
        match self.attempt(rows).await {
            Ok(new) => Ok(Inserted { new, certain: true }),
            // A connection broke. What is new now is new; what is there may have been put there a moment ago, by us.
            Err(error) if self.is_broken(&error) => Ok(Inserted { new: self.attempt(rows).await?, certain: false }),
            Err(error) => Err(error),
        }
    }

    /// True if another connection may do: this one broke, and did not just take its time.
    fn is_broken(&self, error: &Error) -> bool {
        matches!(error, Error::Fault(Fault::Store(error)) if error.is::<sqlx::Error>()) && !self.store.is_away()
    }

    async fn attempt(&mut self, rows: &[Row]) -> Result<Vec<Row>> {
        // Whatever goes wrong, this connection is not used again: an answer may be on its way that nobody waits for.
        let connection = self.connection.take();
        let outcome = timeout(PATIENCE, async {
            let mut connection = match self.still_good(connection).await {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            let (seconds, fingerprints): (Vec<i64>, Vec<i64>) = rows.iter().copied().unzip();
            let inserted = sqlx::query_as::<_, Row>(INSERT).bind(seconds).bind(fingerprints);
            // All of them: that is, until the server says that the transaction is over.
            let inserted = inserted.fetch_all(&mut connection).await.map_err(fault)?;
            Ok::<_, Error>((connection, inserted))
        });
        let (connection, inserted) = outcome.await.map_err(|_| slow())??;
        self.connection = Some(connection);
        self.answered = Stopwatch::start();
        Ok(inserted)
    }

    /// A connection that nobody has used for a while may have been closed by the other side. Better to find out before
    /// something is sent over it whose fate would then be unknown.
    async fn still_good(&self, connection: Option<PgConnection>) -> Option<PgConnection> {
        let mut connection = connection?;
        if self.answered.millis() > IDLE_MILLIS {
            connection.ping().await.ok()?;
        }
        Some(connection)
    }

    /// A new connection may lead to another server.
    async fn connect(&self) -> Result<PgConnection> {
        let mut connection = PgConnection::connect_with(&self.options).await.map_err(fault)?;
        if !same_server(&mut connection).await? {
            settle(&self.store).await?;
            if !same_server(&mut connection).await? {
                return Err(Fault::Other("the nonces are on another server than everything else".into()).into());
            }
        }
        Ok(connection)
    }
}

async fn same_server(connection: &mut PgConnection) -> Result<bool> {
    let sql = format!("SELECT count(*) FROM marks WHERE name = '{SERVER}' AND value = {IDENTITY}");
    let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await.map_err(fault)?;
    Ok(count == 1)
}

fn fault(error: sqlx::Error) -> Error {
    Fault::Store(Box::new(error)).into()
}

fn slow() -> Error {
    Fault::Store("the table of nonces does not answer in time".into()).into()
}

/// Sees to it that table, key and floor belong together and to this server; answers the key.
async fn settle(store: &Store) -> Result<[u8; 16]> {
    let tx = store.begin().await?;
    let on = tx.on();
    let identity: String = one(on, &format!("SELECT {IDENTITY} AS x")).await?;
    let known = marks::get(on, SERVER).await?;
    let kept = marks::get(on, FLOOR).await?.and_then(|floor| floor.parse::<i64>().ok());
    let key = marks::get(on, KEY).await?.and_then(|key| u128::from_str_radix(&key, 16).ok());
    let floor = match (known.as_deref(), kept, key) {
        (Some(NEW), ..) => 0,
        (Some(known), Some(kept), Some(_)) if known == identity => kept,
        (_, kept, _) => {
            let now: i64 = one(on, "SELECT extract(epoch FROM clock_timestamp())::bigint AS x").await?;
            tracing::warn!("used nonces may have been lost: timestamps up to a minute ahead are refused for a while");
            (now + limits::WINDOW_FUTURE + 1).max(kept.unwrap_or(0))
        }
    };
    let key = key.unwrap_or_else(|| u128::from_be_bytes(chance::bytes()));
    marks::set(on, SERVER, &identity).await?;
    marks::set(on, FLOOR, &floor.to_string()).await?;
    marks::set(on, KEY, &format!("{key:032x}")).await?;
    tx.commit().await?;
    Ok(key.to_be_bytes())
}

/// The lowest timestamp that may be inserted. Without a mark there is none.
async fn floor(on: &impl ConnectionTrait) -> Result<i64> {
    let floor = marks::get(on, FLOOR).await?;
    Ok(floor.and_then(|floor| floor.parse().ok()).unwrap_or(i64::MAX))
}

/// Raises the floor by the database's clock, and removes rows that are far enough below it. Answers the floor.
pub(crate) async fn expire(store: &Store) -> Result<i64> {
    let on = store.alone();
    let steps = [(limits::WINDOW_PAST + BEHIND).into(), STEP.into()];
    on.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, RAISE, steps)).await?;
    let floor = floor(on).await?;
    for _ in 0..ROUNDS {
        let bounds = [floor.saturating_sub(BELOW).into(), BATCH.into()];
        let remove = Statement::from_sql_and_values(DbBackend::Postgres, REMOVE, bounds);
        if on.execute_raw(remove).await?.rows_affected() < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(floor)
}

async fn one<T: sea_orm::TryGetable>(on: &impl ConnectionTrait, sql: &str) -> Result<T> {
    let row = on.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| Fault::Other("the database has nothing to say about itself".into()))?;
    Ok(row.try_get("", "x")?)
}
