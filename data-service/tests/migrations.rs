//! A database of an older version is brought up to date, and nothing in it is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Consumer, House, settings};
use data_service::{Clock, Operator};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;
use shared::command::{CreateConsumer, CreateToken, CreateUser};
use shared::secret::Secret;
use std::path::Path;

async fn open(folder: &Path) -> DatabaseConnection {
    Database::connect(format!("sqlite://{}/countersign.db?mode=rwc", folder.display())).await.unwrap()
}

async fn schema(connection: &DatabaseConnection) -> Vec<(String, String)> {
    let sql = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name";
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| (row.try_get("", "name").unwrap(), row.try_get("", "sql").unwrap_or_default())).collect()
}

/// Sessions had to be made anew on SQLite, and tokens hang on them.
#[test]
fn sessions_and_tokens_outlive_the_step_that_makes_them_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&testbed::Ground::new());
    settings.database = data_service::Database::at(format!("sqlite:{}/countersign.db", folder.path().display()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A user, a consumer and a token of today's version, put into a database of yesterday's.
    let (user, made, token) = runtime.block_on(async {
        let operator = Operator::open(&settings).await.unwrap();
        let user = CreateUser {
            username: "ada".parse().unwrap(),
            email: None,
            name: None,
            password: Some(Secret::new("correct horse battery")),
            access: None,
        };
        let user = operator.call(user).await.unwrap();
        let consumer = CreateConsumer {
            service: "shop".parse().unwrap(),
            label: None,
            access: None,
            signature_methods: None,
            body_hash: None,
            locations: None,
        };
        let made = operator.call(consumer).await.unwrap();
        let token = CreateToken { user: user.id, consumer: made.consumer.key.clone(), expires_in: None };
        let token = operator.call(token).await.unwrap();
        operator.close().await.unwrap();
        (user, made, token)
    });
    let old = folder.path().join("old");
    std::fs::create_dir(&old).unwrap();
    let hash = runtime.block_on(async {
        let connection = open(&old).await;
        Migrator::up(&connection, Some(5)).await.unwrap();
        let attach = format!("ATTACH '{}/countersign.db' AS today", folder.path().display());
        connection.execute_unprepared("PRAGMA foreign_keys = ON").await.unwrap();
        for sql in [
            attach.as_str(),
            "INSERT INTO users SELECT * FROM today.users",
            "INSERT INTO consumers SELECT key, service, label, access, signature_methods, body_hash, locations, created_at, \
             last_used_at, revoked_at, version FROM today.consumers",
            "INSERT INTO consumer_secrets SELECT * FROM today.consumer_secrets",
            "INSERT INTO events SELECT * FROM today.events",
            "INSERT INTO sessions SELECT '01900000-0000-7000-8000-000000000001', 'hash', id, 5, 9999999999999, NULL, 1 \
             FROM users",
            "INSERT INTO sessions SELECT '01900000-0000-7000-8000-000000000002', 'over', id, 5, 9999999999999, 7, 1 \
             FROM users",
            "INSERT INTO tokens SELECT token, consumer_key, user_id, '01900000-0000-7000-8000-000000000001', sealed, \
             created_at, expires_at, last_used_at, revoked_at FROM today.tokens",
            "DETACH today",
        ] {
            connection.execute_unprepared(sql).await.unwrap();
        }
        Migrator::up(&connection, None).await.unwrap();
        let check = Statement::from_string(connection.get_database_backend(), "PRAGMA foreign_key_check");
        assert!(connection.query_all_raw(check).await.unwrap().is_empty());
        let fresh = open(&{
            let fresh = folder.path().join("fresh");
            std::fs::create_dir(&fresh).unwrap();
            fresh
        })
        .await;
        Migrator::up(&fresh, None).await.unwrap();
        assert_eq!(schema(&connection).await, schema(&fresh).await);
        let sql =
            "SELECT COUNT(*) AS n FROM sessions WHERE last_used_at = 5 AND ends_at = expires_at AND remembered = 0";
        let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
        connection.close().await.unwrap();
        fresh.close().await.unwrap();
        row.unwrap().unwrap().try_get::<i64>("", "n").unwrap()
    });
    assert_eq!(hash, 2);
    let house = House::start_with(Clock::system(), |new| {
        new.database = data_service::Database::at(format!("sqlite:{}/countersign.db", old.display()));
        new.seal_keys.clone_from(&settings.seal_keys);
    });
    let credentials = shared::oauth1::Credentials::new(made.consumer.key.as_str(), made.secret.expose());
    let shop = Consumer::new(&house.url, credentials);
    let acting = shop.with_token(token.token.as_str(), token.secret.expose());
    let me = acting.get("/").expect(200).json;
    assert_eq!(me["user"]["id"], user.id.to_string());
    assert_eq!(me["session"]["id"], "01900000-0000-7000-8000-000000000001");
    assert_eq!(acting.get("/users/me/sessions").expect(200).json["items"].as_array().unwrap().len(), 1);
    // And the new tables hang together as the old ones did.
    house.admin().delete(&format!("/users/{}", user.id)).expect(204);
    acting.get("/").refused("signature_invalid");
    shop.post("/sessions/resolve", json!({ "sessionid": "x" })).refused("not_found");
}
