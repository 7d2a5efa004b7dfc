//! What goes away by itself, in small batches, so that the write lock is never held for long.

use super::{Store, events, sessions};
use crate::error::Result;
use sea_orm::{ConnectionTrait, Statement};
use shared::timestamp::Timestamp;
use std::time::Duration;

const DAY: i64 = 24 * 3600;
/// Rows one statement removes at most.
const BATCH: u64 = 500;

/// Table, key, the column that tells the age, and how many seconds rows stay after that.
///
/// Ended sessions and tokens stay for a while, so that whoever holds them is told `token_expired` or
/// `token_revoked` instead of `signature_invalid`.
const RULES: [(&str, &str, &str, i64); 8] = [
    ("tokens", "token", "expires_at", 30 * DAY),
    ("tokens", "token", "revoked_at", 30 * DAY),
    ("sessions", "id", "expires_at", 30 * DAY),
    ("sessions", "id", "ended_at", 30 * DAY),
    ("consumer_secrets", "id", "retires_at", DAY),
    ("throttles", "bucket", "updated_at", DAY),
    ("devices", "secret_hash", "last_used_at", 180 * DAY),
    ("instances", "id", "seen_at", DAY),
];

/// Removes one batch by each rule, and of the events what is older than they are kept; true if there may be more.
pub(crate) async fn one_batch(store: &Store, now: Timestamp, keep_events: Duration) -> Result<bool> {
    let tx = store.begin().await?;
    let mut more = sessions::clear_expired(tx.on(), now, BATCH).await?;
    tx.commit().await?;
    let tx = store.begin().await?;
    let keep = i64::try_from(keep_events.as_secs()).unwrap_or(i64::MAX);
    more |= events::sweep(&tx, now.plus_seconds(keep.saturating_neg()), BATCH).await?;
    tx.commit().await?;
    for (table, key, column, keep) in RULES {
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {column} < {} LIMIT {BATCH})",
            now.plus_seconds(-keep).millis()
        );
        let tx = store.begin().await?;
        let backend = tx.on().get_database_backend();
        let removed = tx.on().execute_raw(Statement::from_string(backend, sql)).await?.rows_affected();
        tx.commit().await?;
        more |= removed == BATCH;
    }
    Ok(more)
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
        for index in 0..BATCH + 3 {
            let end = if index < BATCH + 2 { now } else { now.plus_seconds(1) };
            let session = session(None, end);
            sessions::insert(tx.on(), &session, &chance::session_id()).await.unwrap();
            let fields = serde_json::Map::from_iter([("a".to_owned(), 1.into())]);
            session_data::put(tx.on(), session.id, Namespace::Own(&shop), &fields).await.unwrap();
            sessions.push(session);
        }
        tx.commit().await.unwrap();
        assert!(one_batch(&store, now, KEEP).await.unwrap(), "a full batch: there may be more");
        assert!(!one_batch(&store, now, KEEP).await.unwrap());
        let kept = async |session: &StoredSession| {
            let data = session_data::get(store.read(), session.id, &shop).await.unwrap();
            (sessions::by_id(store.read(), session.id).await.unwrap().is_some(), !data.own.is_empty())
        };
        assert_eq!(kept(sessions.first().unwrap()).await, (false, false));
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
        assert!(one_batch(&store, now, KEEP).await.unwrap());
        assert!(!one_batch(&store, now, KEEP).await.unwrap());
        assert_eq!(events::swept(store.read()).await.unwrap(), last - 1);
        assert_eq!(events::last(store.read()).await.unwrap(), last, "its number says where the next ones begin");
        let tx = store.begin().await.unwrap();
        let next = events::append(tx.on(), now, Topic::UserCreated, "x", json!({})).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(next, last + 1);
        assert!(!one_batch(&store, now, KEEP).await.unwrap());
        assert_eq!(events::after(store.read(), 0, 10).await.unwrap().len(), 1, "and now it has gone too");
    }

    #[tokio::test]
    async fn what_is_old_goes_and_what_is_young_stays() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(10 * DAY);
        let old = throttles::Count { failures: 1, open_at: now, updated_at: now.plus_seconds(-2 * DAY) };
        let tx = store.begin().await.unwrap();
        for index in 0..BATCH + 3 {
            throttles::set(tx.on(), &format!("old:{index}"), old).await.unwrap();
        }
        throttles::set(tx.on(), "young", throttles::Count { updated_at: now, ..old }).await.unwrap();
        tx.commit().await.unwrap();
        assert!(one_batch(&store, now, KEEP).await.unwrap(), "a full batch: there may be more");
        assert!(!one_batch(&store, now, KEEP).await.unwrap());
        assert!(throttles::get(store.read(), "old:0").await.unwrap().is_none());
        assert!(throttles::get(store.read(), "young").await.unwrap().is_some());
    }
}
