//! What goes away by itself: in small batches, so that the write lock is never held for long, and with long pauses, so that
//! the requests of the same moment do not feel it.

use super::{Store, events, sessions};
use crate::clock::{Clock, Stopwatch};
use crate::error::Result;
use sea_orm::{ConnectionTrait, Statement, Value};
use shared::timestamp::Timestamp;
use std::time::Duration;

const DAY: i64 = 24 * 3600;
/// Rows that are looked for in one go, and that one transaction removes at most.
const BATCH: usize = 100;
/// After each batch there is a pause of so many times as long as it took, within bounds: what is swept is not urgent.
const REST: u32 = 50;
const RESTS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Table, key, the column that tells the age, and how many seconds rows stay after that. Where a table can be large, an
/// index begins with that column.
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
/// Up to which age each rule has removed what there was.
type Reached = [i64; RULES.len()];
const NOTHING: Reached = [i64::MIN; RULES.len()];

/// Removes everything that is old, and of the events what is older than they are kept. Round after round, each with a
/// batch of every kind, so that much of one kind keeps nobody from the others.
pub(crate) async fn all(store: &Store, clock: &Clock, keep_events: Duration) -> Result<()> {
    let keep = i64::try_from(keep_events.as_secs()).unwrap_or(i64::MAX);
    let mut reached = NOTHING;
    loop {
        let now = clock.now();
        if !round(store, now, now.plus_seconds(keep.saturating_neg()), &mut reached).await? {
            return Ok(());
        }
    }
}

/// Removes a batch of every kind; true if there may be more of any. Looking holds up nobody, and finds nothing quickly
/// where there is nothing: only what removes something begins a transaction, and is followed by a pause.
async fn round(store: &Store, now: Timestamp, before: Timestamp, reached: &mut Reached) -> Result<bool> {
    let mut more = false;
    if sessions::any_expired(store.read(), now).await? {
        let tx = store.begin().await?;
        // Waiting for others is not work.
        let begun = Stopwatch::start();
        more |= sessions::clear_expired(tx.on(), now, BATCH as u64).await?;
        tx.commit().await?;
        rest(begun.elapsed()).await;
    }
    if events::any_before(store.read(), before).await? {
        let tx = store.begin().await?;
        let begun = Stopwatch::start();
        more |= events::sweep(&tx, before, BATCH as u64).await?;
        tx.commit().await?;
        rest(begun.elapsed()).await;
    }
    for (rule, reached) in RULES.into_iter().zip(reached) {
        more |= by(rule, reached, store, now).await?;
    }
    Ok(more)
}

/// Removes a batch of what a rule says, the oldest first; true if there may be more.
async fn by((table, key, column, keep): Rule, reached: &mut i64, store: &Store, now: Timestamp) -> Result<bool> {
    let old = now.plus_seconds(-keep).millis();
    let backend = store.read().get_database_backend();
    let begun = Stopwatch::start();
    // In the order of the index, which makes every planner take it. It begins where the last batch ended: PostgreSQL
    // would walk again over what was removed and not yet vacuumed.
    let sql = format!(
        "SELECT {key} AS found, {column} AS age FROM {table} WHERE {column} >= $1 AND {column} < $2 \
         ORDER BY {column} LIMIT {BATCH}"
    );
    let values = [(*reached).into(), old.into()];
    let rows = store.read().query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let Some(last) = rows.last() else { return Ok(false) };
    *reached = last.try_get("", "age")?;
    let found: Vec<String> = rows.iter().map(|row| row.try_get("", "found")).collect::<Result<_, _>>()?;
    let looked = begun.elapsed();
    let tx = store.begin().await?;
    let begun = Stopwatch::start();
    // What was found may have changed meanwhile.
    let places: Vec<String> = (2..).take(found.len()).map(|number| format!("${number}")).collect();
    let sql = format!("DELETE FROM {table} WHERE {column} < $1 AND {key} IN ({})", places.join(", "));
    let values = std::iter::once(Value::from(old)).chain(found.iter().map(|key| Value::from(key.as_str())));
    tx.on().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    tx.commit().await?;
    rest(looked + begun.elapsed()).await;
    Ok(found.len() == BATCH)
}

async fn rest(worked: Duration) {
    let (least, most) = RESTS;
    tokio::time::sleep((worked * REST).clamp(least, most)).await;
}

#[cfg(test)]
mod tests {
    use super::super::session_data::{self, Namespace};
    use super::super::sessions::StoredSession;
    use super::super::{direct::Number, tests::store, throttles};
    use super::*;
    use crate::chance;
    use sea_orm::FromQueryResult as _;
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
        for index in 0..3 * BATCH + 3 {
            throttles::set(tx.on(), &format!("old:{index}"), old).await.unwrap();
        }
        throttles::set(tx.on(), "young", throttles::Count { updated_at: now, ..old }).await.unwrap();
        tx.commit().await.unwrap();
        all(&store, &Clock::by_hand(now), KEEP).await.unwrap();
        for index in [0, BATCH - 1, BATCH, 3 * BATCH + 2] {
            assert!(throttles::get(store.read(), &format!("old:{index}")).await.unwrap().is_none(), "{index}");
        }
        assert!(throttles::get(store.read(), "young").await.unwrap().is_some());
    }

    const SESSIONS: &str = "sessions (id, secret_hash, user_id, remembered, created_at, last_used_at, expires_at, ends_at, \
         ended_at, version)";
    const TOKENS: &str = "tokens (token, consumer_key, user_id, sealed, created_at, expires_at, revoked_at)";
    /// Every kind there is: where it lies, what makes one of it, and what tells it from others.
    const KINDS: [(&str, &str, &str); RULES.len() + 2] = [
        (SESSIONS, "'v' || i, 'v' || i, NULL, 0, 1, 1, NOW - 1, NOW, NULL, 1", "user_id IS NULL"),
        (SESSIONS, "'x' || i, 'x' || i, 'ada', 0, 1, 1, OLD, OLD, NOW, 1", "expires_at = OLD"),
        (SESSIONS, "'e' || i, 'e' || i, 'ada', 0, 1, 1, NOW, NOW, OLD, 1", "ended_at = OLD"),
        (TOKENS, "'x' || i, 'shop', 'ada', '', 1, OLD, NULL", "expires_at = OLD"),
        (TOKENS, "'r' || i, 'shop', 'ada', '', 1, NOW, OLD", "revoked_at = OLD"),
        ("consumer_secrets (id, consumer_key, sealed, created_at, retires_at)", "'s' || i, 'shop', '', 1, OLD", ""),
        ("devices (secret_hash, user_id, created_at, last_used_at)", "'d' || i, 'ada', OLD, OLD", ""),
        ("instances (id, sequence, confirmed_at, seen_at)", "'i' || i, 1, OLD, OLD", ""),
        ("events (at, topic, subject, data)", "OLD, 'user.created', '', '{}'", "at = OLD"),
        ("throttles (bucket, failures, open_at, updated_at)", "'b' || i, 1, OLD, OLD", ""),
    ];

    /// Much of one kind keeps nobody from the others: neither what is due now nor what becomes due meanwhile.
    #[tokio::test]
    async fn every_round_removes_a_batch_of_each_kind() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(1000 * DAY);
        let times = |sql: &str| {
            let old = now.plus_seconds(-200 * DAY).millis().to_string();
            sql.replace("OLD", &old).replace("NOW", &now.millis().to_string())
        };
        let run = async |sql: &str| store.alone().execute_unprepared(&times(sql)).await.map(drop).unwrap();
        let add = async |(table, values, _): (&str, &str, &str), from: usize, to: usize| {
            let n = format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})");
            run(&format!("INSERT INTO {table} {n} SELECT {values} FROM n")).await;
        };
        run("INSERT INTO users (id, username, username_folded, access, created_at, version) \
             VALUES ('ada', 'ada', 'ada', '[]', 1, 1)")
        .await;
        run(
            "INSERT INTO consumers (key, service, label, access, signature_methods, body_hash, locations, created_at, \
             version) VALUES ('shop', 'shop', '', '[]', '[]', '\"required\"', '[]', 1, 1)",
        )
        .await;
        let [others @ .., events, much] = KINDS;
        for kind in others.into_iter().chain([events]) {
            add(kind, 1, 2 * BATCH).await;
        }
        add(much, 1, 5 * BATCH).await;
        // The last event stays, whatever its age, and nothing old comes after a young one.
        run("INSERT INTO events (at, topic, subject, data) VALUES (NOW, 'user.created', '', '{}')").await;
        let left = async || {
            let mut left = Vec::new();
            for (table, _, which) in KINDS {
                let (table, which) = (table.split(' ').next().unwrap(), if which.is_empty() { "1 = 1" } else { which });
                let sql = times(&format!("SELECT count(*) AS number FROM {table} WHERE {which}"));
                let statement = Statement::from_string(store.read().get_database_backend(), sql);
                left.push(Number::find_by_statement(statement).one(store.read()).await.unwrap().unwrap().number);
            }
            left.into_iter().map(|left| usize::try_from(left).unwrap() / BATCH).collect::<Vec<_>>()
        };
        let mut reached = NOTHING;
        let mut round = async || round(&store, now, now.plus_seconds(-DAY), &mut reached).await.unwrap();
        assert_eq!(left().await, [2, 2, 2, 2, 2, 2, 2, 2, 2, 5]);
        assert!(round().await);
        assert_eq!(left().await, [1, 1, 1, 1, 1, 1, 1, 1, 1, 4]);
        assert!(round().await);
        assert_eq!(left().await, [0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert!(round().await);
        for kind in others {
            add(kind, 10 * BATCH + 1, 11 * BATCH).await;
        }
        assert_eq!(left().await, [1, 1, 1, 1, 1, 1, 1, 1, 0, 2]);
        assert!(round().await);
        assert_eq!(left().await, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(round().await);
        assert!(!round().await, "nothing is left of any");
    }
}
