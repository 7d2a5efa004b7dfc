//! What goes away by itself, in small batches, so that the write lock is never held for long.

use super::Store;
use crate::error::Result;
use sea_orm::{ConnectionTrait, Statement};
use shared::timestamp::Timestamp;

const DAY: i64 = 24 * 3600;
/// Rows one statement removes at most.
const BATCH: u64 = 500;

/// Table, key, the column that tells the age, and how many seconds rows stay after that.
///
/// Ended sessions and tokens stay for a while, so that whoever holds them is told `token_expired` or
/// `token_revoked` instead of `signature_invalid`.
const RULES: [(&str, &str, &str, i64); 9] = [
    ("tokens", "token", "expires_at", 30 * DAY),
    ("tokens", "token", "revoked_at", 30 * DAY),
    ("sessions", "id", "expires_at", 30 * DAY),
    ("sessions", "id", "ended_at", 30 * DAY),
    ("consumer_secrets", "id", "retires_at", DAY),
    ("throttles", "bucket", "updated_at", DAY),
    ("devices", "secret_hash", "last_used_at", 180 * DAY),
    ("instances", "id", "seen_at", DAY),
    ("events", "sequence", "at", 90 * DAY),
];

/// Removes one batch by each rule; true if there may be more.
pub(crate) async fn one_batch(store: &Store, now: Timestamp) -> Result<bool> {
    let mut more = false;
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
    use super::super::{tests::store, throttles};
    use super::*;

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
        assert!(one_batch(&store, now).await.unwrap(), "a full batch: there may be more");
        assert!(!one_batch(&store, now).await.unwrap());
        assert!(throttles::get(store.read(), "old:0").await.unwrap().is_none());
        assert!(throttles::get(store.read(), "young").await.unwrap().is_some());
    }
}
