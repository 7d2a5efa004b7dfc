//! Sessions: one for every language. What a service keeps in one, how it ends, and what never gets lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod data;
mod life;
mod login;
mod user;

use common::{Answer, Consumer, House};
use serde_json::{Value, json};

/// What a service needs that keeps sessions.
pub const SERVICE: &[&str] = &["authenticate", "sessions.#", "users.#"];

pub fn text(answer: &Answer, field: &str) -> String {
    answer.json[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", answer.text)).to_owned()
}

/// A visitor's session: its secret.
pub fn visitor(consumer: &Consumer) -> String {
    text(&consumer.post("/sessions", json!({})).expect(201), "sessionid")
}

pub fn resolve(consumer: &Consumer, sessionid: &str) -> Answer {
    consumer.post("/sessions/resolve", json!({ "sessionid": sessionid }))
}

pub fn save(consumer: &Consumer, sessionid: &str, patch: Value) -> Answer {
    consumer.post("/sessions/save", json!({ "sessionid": sessionid, "patch": patch }))
}

/// Signs somebody in: the secret of their session.
pub fn login(consumer: &Consumer, name: &str) -> String {
    let body = json!({ "username": name, "password": "correct horse battery" });
    text(&consumer.post("/authenticate", body).expect(200), "sessionid")
}

pub fn person(house: &House, name: &str) -> shared::command::User {
    house.user(name, "correct horse battery")
}
