//! The row of the instance is there at once, and nothing else becomes less lasting by it.

use super::super::Text;
use super::*;
use crate::settings::{Database, Migrate};
use crate::store::instances::{self, Process};
use crate::store::{ConnectionTrait as _, marks, sealed};
use shared::timestamp::Timestamp;
use std::time::Duration;
use testbed::Ground;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

/// A file on SQLite, whatever engine the environment names.
fn file(ground: &Ground) -> Database {
    Database::at(format!("sqlite:{}", ground.path().join("test.db").display()))
}

async fn at(database: &Database) -> Store {
    let store = Store::at(database, &[sealed::new_key()]).await.unwrap();
    store.prepare(Migrate::Auto).await.unwrap();
    store
}

/// A store that has been used and closed in an orderly way, and is opened again.
async fn orderly(database: &Database) -> Store {
    at(database).await.close().await;
    at(database).await
}

async fn begin(store: &Store, id: &str) {
    let own = Process { id: id.into(), name: "web".into(), trust: Duration::from_secs(7) };
    instances::begin(store, &own, 0, NOW).await.unwrap();
}

async fn instances(store: &Store) -> Vec<String> {
    let there = instances::live(store.read(), &[], NOW).await.unwrap();
    there.into_iter().map(|instance| instance.id).collect()
}

/// How many connections of sea-orm there are.
fn awake(store: &Store) -> u32 {
    let pool = |on: &sea_orm::DatabaseConnection| on.get_sqlite_connection_pool().size();
    pool(store.read.inner()) + pool(store.write.inner())
}

fn direct(store: &Store) -> &Direct {
    store.direct.as_ref().unwrap()
}

/// What the connection that writes does about the disk: 0 nothing, 1 what keeps the file sound, 2 what makes it lasting.
fn flushes(store: &Store) -> Option<i64> {
    let kept = direct(store).writing();
    kept.as_ref().map(|kept| kept.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap())
}

#[tokio::test]
async fn an_orderly_start_needs_no_connection_of_sea_orm_and_others_see_the_row() {
    let ground = Ground::empty();
    let store = orderly(&file(&ground)).await;
    assert_eq!(marks::look(&store, "x").await.unwrap(), None);
    begin(&store, "one").await;
    assert_eq!(awake(&store), 0);
    assert_eq!(instances(&at(&file(&ground)).await).await, ["one"]);
}

#[tokio::test]
async fn only_an_empty_log_goes_without_a_flush_and_only_for_one_commit() {
    let ground = Ground::empty();
    let store = orderly(&file(&ground)).await;
    assert!(direct(&store).log_is_empty(), "who looked at the schema has made it");
    let (connection, waits) = direct(&store).write_first(&[]).unwrap();
    assert!(!waits, "there was nothing in the log");
    *direct(&store).writing() = Some(connection);
    assert_eq!(flushes(&store), Some(1));
    begin(&store, "one").await;
    assert!(!direct(&store).log_is_empty());
    // Like a log that a killed process has left.
    let (_, waits) = direct(&at(&file(&ground)).await).write_first(&[]).unwrap();
    assert!(waits, "frames of before lie in the log");
    // … also when all of it was written back, so that it begins anew.
    store.write.execute_unprepared("PRAGMA wal_checkpoint(RESTART)").await.unwrap();
    let (_, waits) = direct(&at(&file(&ground)).await).write_first(&[]).unwrap();
    assert!(waits, "frames of before still lie in the log");
}

#[tokio::test]
async fn a_connection_that_fails_is_not_kept_and_writes_nothing_back() {
    let ground = Ground::empty();
    let store = orderly(&file(&ground)).await;
    assert!(!store.wrote_at_once(&[("DELETE FROM instances", &[]), ("INSERT INTO nowhere VALUES (1)", &[])]));
    assert_eq!(flushes(&store), None);
    let connection = store.direct.as_ref().unwrap().write_first(&[]).unwrap().0;
    assert!(connection.db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE).unwrap());
}

#[tokio::test]
async fn all_of_it_or_nothing() {
    let ground = Ground::empty();
    let store = orderly(&file(&ground)).await;
    begin(&store, "one").await;
    assert!(!store.wrote_at_once(&[("DELETE FROM instances", &[]), ("INSERT INTO nowhere VALUES (1)", &[])]));
    assert_eq!(instances(&store).await, ["one"]);
}

#[tokio::test]
async fn a_file_without_a_log_is_left_to_sea_orm_which_gives_it_one() {
    let ground = Ground::empty();
    orderly(&file(&ground)).await.close().await;
    let mode = |wanted: &str| {
        let connection = Connection::open(ground.path().join("test.db")).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", wanted, |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(mode("delete"), "delete");
    let store = at(&file(&ground)).await;
    assert!(!store.wrote_at_once(&[("DELETE FROM instances", &[])]));
    begin(&store, "one").await;
    assert_eq!(awake(&store), 1);
    assert_eq!(instances(&store).await, ["one"]);
    let found = direct(&store).one::<Text>("SELECT journal_mode AS text FROM pragma_journal_mode", &[]).unwrap();
    assert_eq!(found.unwrap().text, "wal");
}

#[tokio::test]
async fn whoever_finds_the_lock_taken_leaves_it_to_sea_orm_which_waits() {
    let ground = Ground::empty();
    let (store, other) = (orderly(&file(&ground)).await, at(&file(&ground)).await);
    let tx = other.begin().await.unwrap();
    marks::set(tx.on(), "x", "1").await.unwrap();
    assert!(!store.wrote_at_once(&[("DELETE FROM instances", &[])]));
    let later = async {
        // When `begin` has found the lock taken, which it does at once.
        tokio::time::sleep(Duration::from_millis(100)).await;
        tx.commit().await
    };
    let (end, ()) = tokio::join!(later, begin(&store, "one"));
    end.unwrap();
    assert_eq!(instances(&store).await, ["one"]);
}

#[tokio::test]
async fn a_closed_store_writes_no_more_and_leaves_no_log() {
    let ground = Ground::empty();
    let store = orderly(&file(&ground)).await;
    begin(&store, "one").await;
    store.close().await;
    assert!(!store.wrote_at_once(&[("DELETE FROM instances", &[])]));
    assert!(!ground.path().join("test.db-wal").exists());
    assert_eq!(instances(&at(&file(&ground)).await).await, ["one"]);
}

#[tokio::test]
async fn another_file_in_its_place_is_not_written() {
    let ground = Ground::empty();
    let store = orderly(&file(&ground)).await;
    begin(&store, "one").await;
    let path = ground.path().join("test.db");
    std::fs::rename(&path, ground.path().join("before.db")).unwrap();
    at(&file(&ground)).await.close().await;
    assert!(!store.wrote_at_once(&[("INSERT INTO marks VALUES ('x', '1')", &[])]));
    assert_eq!(marks::look(&at(&file(&ground)).await, "x").await.unwrap(), None);
}
