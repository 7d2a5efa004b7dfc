//! What goes away by itself: in small batches, so that the write lock is never held for long, and with long pauses, so that
//! the requests of the same moment do not feel it.

use super::{Store, events, sessions};
use crate::clock::{Clock, Stopwatch};
use crate::error::Result;
use sea_orm::{ConnectionTrait, Statement, Value};
use shared::timestamp::Timestamp;
use std::time::Duration;

const DAY: i64 = 24 * 3600;
/// Rows that one transaction removes at most.
const BATCH: usize = 100;
/// Rows that are looked for in one go. Reading holds up nobody, and where no index helps it reads the whole table.
const FOUND: usize = 10 * BATCH;
/// After each batch there is a pause of so many times as long as it took, within bounds: what is swept is not urgent.
const REST: u32 = 50;
const RESTS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Table, key, the column that tells the age, and how many seconds rows stay after that.
///
/// Ended sessions and tokens stay for a while, so that whoever holds them is told `token_expired` or
/// `token_revoked` instead of `signature_invalid`.
const RULES: [Rule; 8] = [
    ("tokens", "token", "expires_at", 30 * DAY),
    ("tokens", "token", "revoked_at", 30 * DAY),
    ("sessions", "id", "expires_at", 30 * DAY),
    ("sessions", "id", "ended_at", 30 * DAY),
    ("consumer_secrets", "id", "retires_at", DAY),
    ("throttles", "bucket", "updated_at", DAY),
    ("devices", "secret_hash", "last_used_at", 180 * DAY),
    ("instances", "id", "seen_at", DAY),
];

type Rule = (&'static str, &'static str, &'static str, i64);

/// Removes everything that is old, and of the events what is older than they are kept. Round after round, each with a
/// part of every kind, so that much of one kind keeps nobody from the others.
pub(crate) async fn all(store: &Store, clock: &Clock, keep_events: Duration) -> Result<()> {
    let keep = i64::try_from(keep_events.as_secs()).unwrap_or(i64::MAX);
    let mut rules = RULES.to_vec();
    loop {
        let now = clock.now();
        let before = now.plus_seconds(keep.saturating_neg());
        let tx = store.begin().await?;
        let begun = Stopwatch::start();
        let mut more = sessions::clear_expired(tx.on(), now, BATCH as u64).await?;
        more |= events::sweep(&tx, before, BATCH as u64).await?;
        tx.commit().await?;
        rest(begun).await;
        // A rule that has nothing more to say is not asked again: some have to read a whole table.
        let mut left = Vec::new();
        for rule in rules {
            if by(rule, store, now).await? {
                left.push(rule);
            }
        }
        rules = left;
        if !more && rules.is_empty() {
            return Ok(());
        }
    }
}

/// Removes some of what a rule says; true if there may be more.
async fn by((table, key, column, keep): Rule, store: &Store, now: Timestamp) -> Result<bool> {
    let old = format!("{column} < {}", now.plus_seconds(-keep).millis());
    let backend = store.read().get_database_backend();
    let begun = Stopwatch::start();
    let found = format!("SELECT {key} AS found FROM {table} WHERE {old} LIMIT {FOUND}");
    let rows = store.read().query_all_raw(Statement::from_string(backend, found)).await?;
    let keys: Vec<String> = rows.iter().map(|row| row.try_get("", "found")).collect::<Result<_, _>>()?;
    rest(begun).await;
    for batch in keys.chunks(BATCH) {
        let places: Vec<String> = (1..=batch.len()).map(|number| format!("${number}")).collect();
        // What was found may have changed meanwhile.
        let sql = format!("DELETE FROM {table} WHERE {key} IN ({}) AND {old}", places.join(", "));
        let values = batch.iter().map(|key| Value::from(key.as_str()));
        let tx = store.begin().await?;
        // Waiting for others is not work.
        let begun = Stopwatch::start();
        tx.on().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        tx.commit().await?;
        rest(begun).await;
    }
    Ok(keys.len() == FOUND)
}

async fn rest(begun: Stopwatch) {
    let (least, most) = RESTS;
    tokio::time::sleep((begun.elapsed() * REST).clamp(least, most)).await;
}

#[cfg(test)]
mod tests {
    use super::super::session_data::{self, Namespace};
    use super::super::sessions::StoredSession;
    use super::super::{tests::store, throttles};
    use super::*;
    use crate::chance;
    use serde_json::json;
    use shared::event::Topic;
    use uuid::Uuid;

    const KEEP: Duration = Duration::from_secs(3600);

    fn session(user: Option<Uuid>, expires_at: Timestamp) -> StoredSession {
        StoredSession {
            id: chance::id(expires_at),
            user,
            remembered: false,
            created_at: expires_at,
            last_used_at: expires_at,
            expires_at,
            ends_at: expires_at,
            ended: false,
            version: 1,
        }
    }

    #[tokio::test]
    async fn what_lies_in_expired_sessions_goes_and_what_lies_in_others_stays() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(10 * DAY);
        let shop = "shop".parse().unwrap();
        let tx = store.begin().await.unwrap();
        let mut sessions = Vec::new();
        for index in 0..2 * BATCH + 3 {
            let end = if index < 2 * BATCH + 2 { now } else { now.plus_seconds(1) };
            let session = session(None, end);
            sessions::insert(tx.on(), &session, &chance::session_id()).await.unwrap();
            let fields = serde_json::Map::from_iter([("a".to_owned(), 1.into())]);
            session_data::put(tx.on(), session.id, Namespace::Own(&shop), &fields).await.unwrap();
            sessions.push(session);
        }
        tx.commit().await.unwrap();
        all(&store, &Clock::by_hand(now), KEEP).await.unwrap();
        let kept = async |session: &StoredSession| {
            let data = session_data::get(store.read(), session.id, &shop).await.unwrap();
            (sessions::by_id(store.read(), session.id).await.unwrap().is_some(), !data.own.is_empty())
        };
        for session in sessions.iter().step_by(BATCH) {
            assert_eq!(kept(session).await, (false, false));
        }
        assert_eq!(kept(sessions.last().unwrap()).await, (true, true));
    }

    #[tokio::test]
    async fn events_go_by_age_and_the_last_one_stays() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(10 * DAY);
        let tx = store.begin().await.unwrap();
        for _ in 0..BATCH + 3 {
            events::append(tx.on(), now.plus_seconds(-DAY), Topic::UserCreated, "x", json!({})).await.unwrap();
        }
        tx.commit().await.unwrap();
        let last = events::last(store.read()).await.unwrap();
        all(&store, &Clock::by_hand(now), KEEP).await.unwrap();
        assert_eq!(events::swept(store.read()).await.unwrap(), last - 1);
        assert_eq!(events::last(store.read()).await.unwrap(), last, "its number says where the next ones begin");
        let tx = store.begin().await.unwrap();
        let next = events::append(tx.on(), now, Topic::UserCreated, "x", json!({})).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(next, last + 1);
        all(&store, &Clock::by_hand(now), KEEP).await.unwrap();
        assert_eq!(events::after(store.read(), 0, 10).await.unwrap().len(), 1, "and now it has gone too");
    }

    #[tokio::test]
    async fn what_is_old_goes_and_what_is_young_stays() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(10 * DAY);
        let old = throttles::Count { failures: 1, open_at: now, updated_at: now.plus_seconds(-2 * DAY) };
        let tx = store.begin().await.unwrap();
        for index in 0..FOUND + 3 {
            throttles::set(tx.on(), &format!("old:{index}"), old).await.unwrap();
        }
        throttles::set(tx.on(), "young", throttles::Count { updated_at: now, ..old }).await.unwrap();
        tx.commit().await.unwrap();
        all(&store, &Clock::by_hand(now), KEEP).await.unwrap();
        for index in [0, BATCH, FOUND - 1, FOUND, FOUND + 2] {
            assert!(throttles::get(store.read(), &format!("old:{index}")).await.unwrap().is_none(), "{index}");
        }
        assert!(throttles::get(store.read(), "young").await.unwrap().is_some());
    }
}
