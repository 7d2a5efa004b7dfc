//! A store that fails: 503 with the seconds to wait, nobody logged out, nothing lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Answer, House};
use sea_orm::ConnectionTrait;
use serde_json::json;

/// Runs SQL beside the service.
fn sql(house: &House, statement: &str) {
    house.sql(statement);
}

/// What keeps every writer out.
fn begin_writing(house: &House) -> &'static str {
    match house.ground.is_postgres() {
        true => "BEGIN; SELECT pg_advisory_xact_lock(7163384624398131571)",
        false => "BEGIN IMMEDIATE",
    }
}

fn unavailable(answer: Answer) {
    let answer = answer.expect(503).refused("unavailable");
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_store_that_fails_logs_nobody_out() {
    let house = House::start();
    let frontend = house.consumer("frontend", &["authenticate", "sessions.#", "users.me.#"]);
    house.user("ada", "correct horse");
    let (as_ada, login) = frontend.sign_in("ada", "correct horse");
    let cookie = json!({ "sessionid": login.json["sessionid"] });
    as_ada.get("/").expect(200);
    for table in ["sessions", "tokens", "consumers", "users"] {
        sql(&house, &format!("ALTER TABLE {table} RENAME TO hidden_{table}"));
    }
    for path in ["/sessions/resolve", "/sessions/touch", "/sessions/cycle", "/sessions/end"] {
        unavailable(frontend.post(path, cookie.clone()));
    }
    let save = json!({ "sessionid": login.json["sessionid"], "patch": { "own": { "a": 1 } } });
    unavailable(frontend.post("/sessions/save", save.clone()));
    unavailable(frontend.post("/sessions", json!({})));
    unavailable(as_ada.get("/users/me"));
    unavailable(frontend.post("/authenticate", json!({ "username": "ada", "password": "correct horse" })));
    unavailable(house.consumer_key_unknown().get("/echo"));
    assert_eq!(house.get("/healthz").status, 200);
    for table in ["users", "consumers", "tokens", "sessions"] {
        sql(&house, &format!("ALTER TABLE hidden_{table} RENAME TO {table}"));
    }
    let found = frontend.post("/sessions/resolve", cookie.clone()).expect(200).json;
    assert_eq!((&found["data"]["own"], &found["version"]), (&json!({}), &json!(1)));
    as_ada.get("/users/me").expect(200);
    // What lies in the session cannot be read or written: nobody is told that nothing lies there.
    sql(&house, "ALTER TABLE session_data RENAME TO hidden_session_data");
    unavailable(frontend.post("/sessions/resolve", cookie.clone()));
    unavailable(frontend.post("/sessions/save", save.clone()));
    sql(&house, "ALTER TABLE hidden_session_data RENAME TO session_data");
    frontend.post("/sessions/save", save).expect(200);
    assert_eq!(frontend.post("/sessions/resolve", cookie).expect(200).json["data"]["own"], json!({ "a": 1 }));
}

/// A session that is due to be noted as used is still nobody's to lose when that cannot be written.
#[test]
fn a_store_that_cannot_be_written_ends_no_session() {
    let house = House::start();
    let shop = house.consumer("shop", &["sessions.#"]);
    let made = shop.post("/sessions", json!({})).expect(201).json;
    let cookie = json!({ "sessionid": made["sessionid"] });
    sql(&house, "UPDATE sessions SET last_used_at = last_used_at - 120000");
    house.runtime.block_on(async {
        let connection = house.beside().await;
        connection.execute_unprepared(begin_writing(&house)).await.unwrap();
        let (url, request) = (house.url.clone(), shop.signed_json("POST", "/sessions/resolve", &cookie));
        unavailable(tokio::task::spawn_blocking(move || request.send(&url)).await.unwrap());
        connection.execute_unprepared("ROLLBACK").await.unwrap();
    });
    shop.post("/sessions/resolve", cookie).expect(200);
}

#[test]
fn memory_is_not_trusted_when_the_events_cannot_be_read() {
    let house = House::start();
    let blog = house.consumer("blog", &[]);
    blog.get("/echo").expect(200);
    sql(&house, "ALTER TABLE events RENAME TO hidden_events");
    house.until("readiness is lost", || house.get("/readyz").status == 503);
    // The store itself still answers, so each request is decided by it.
    blog.get("/echo").expect(200);
    sql(&house, &format!("UPDATE consumers SET revoked_at = 1 WHERE key = '{}'", blog.key()));
    blog.get("/echo").refused("consumer_revoked");
    sql(&house, "ALTER TABLE consumers RENAME TO hidden_consumers");
    unavailable(blog.get("/echo"));
    sql(&house, "ALTER TABLE hidden_consumers RENAME TO consumers");
    sql(&house, "ALTER TABLE hidden_events RENAME TO events");
    house.until("readiness comes back", || house.get("/readyz").status == 200);
}

#[test]
fn a_store_that_is_locked_for_long_is_unavailable_for_writing_only() {
    let house = House::start();
    let admin = house.admin();
    admin.get("/users").expect(200);
    house.runtime.block_on(async {
        let connection = house.beside().await;
        connection.execute_unprepared(begin_writing(&house)).await.unwrap();
        let (url, request) = (house.url.clone(), admin.signed_json("POST", "/users", &json!({ "username": "eve" })));
        let write = tokio::task::spawn_blocking(move || request.send(&url));
        let read = {
            let admin = admin.clone();
            tokio::task::spawn_blocking(move || admin.get("/users"))
        };
        read.await.unwrap().expect(200);
        unavailable(write.await.unwrap());
        connection.execute_unprepared("ROLLBACK").await.unwrap();
    });
    admin.post("/users", json!({ "username": "eve" })).expect(201);
}

#[test]
fn nonces_that_cannot_be_written_down_are_not_accepted() {
    let house = House::start();
    let blog = house.consumer("blog", &[]);
    let request = blog.signed("GET", "/echo");
    house.send(&request).expect(200);
    let state = house.settings.replay_folder.join("state.next");
    match house.ground.is_postgres() {
        true => house.sql("ALTER TABLE nonces RENAME TO hidden_nonces"),
        // The bound must be raised for a timestamp this far ahead, and the state file cannot be replaced.
        false => std::fs::create_dir(&state).unwrap(),
    }
    let ahead = blog.signed_at("GET", "/echo", shared::oauth1::SignBody::None, common::now() + 55, "ahead");
    unavailable(house.send(&ahead));
    match house.ground.is_postgres() {
        true => house.sql("ALTER TABLE hidden_nonces RENAME TO nonces"),
        false => std::fs::remove_dir(&state).unwrap(),
    }
    house.send(&blog.signed("GET", "/echo")).expect(200);
}

impl House {
    fn consumer_key_unknown(&self) -> common::Consumer {
        common::Consumer::new(&self.url, shared::oauth1::Credentials::new("not-in-memory", "x"))
    }
}
