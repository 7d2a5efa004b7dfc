//! Events: told after the commit, in order, once, and nobody is waited for.

use crate::client::Client;
use crate::common::House;
use crate::{address, house};
use omq_tokio::{Options, SocketType};
use serde_json::{Value, json};
use std::time::Duration;

/// A subscriber that is heard of.
fn subscriber<'a>(house: &'a House, topic: &'static str) -> Client<'a> {
    let client = Client::with(house, SocketType::Sub, Options::default(), &house.published[0]);
    house.runtime.block_on(client.socket.subscribe(topic)).unwrap();
    client
}

/// A subscription takes a moment to arrive: makes users until one is heard of, and reads what there is.
pub fn until_heard(house: &House, client: &Client<'_>) -> Vec<(String, Value)> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    for _ in 0..200 {
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        house.user(&format!("probe{number}"), "correct horse battery");
        if let Some(first) = client.receive_within(Duration::from_millis(300)) {
            let rest = std::iter::from_fn(|| client.receive_within(Duration::from_millis(300)));
            return std::iter::once(first).chain(rest).map(read).collect();
        }
    }
    panic!("no event was ever heard");
}

fn read(frames: Vec<Vec<u8>>) -> (String, Value) {
    let [topic, json] = &frames[..] else { panic!("two frames, not {}", frames.len()) };
    (String::from_utf8(topic.clone()).unwrap(), serde_json::from_slice(json).unwrap())
}

fn next(client: &Client<'_>) -> (String, Value) {
    read(client.receive())
}

#[test]
fn what_happened_is_told_in_order_with_its_sequence_and_nothing_secret() {
    let house = house();
    let client = subscriber(&house, "");
    let before = until_heard(&house, &client).pop().unwrap().1["sequence"].as_i64().unwrap();
    let (admin, blog) = (house.admin(), house.consumer("blog", &["authenticate", "users.me.#", "tokens.me.#"]));
    let ada = house.user("ada", "correct horse battery");
    let (acting, login) = blog.sign_in("ada", "correct horse battery");
    acting.send("PATCH", "/users/me", &json!({"name": "Ada"})).expect(200);
    let rotated = admin.post(&format!("/consumers/{}/secrets", blog.key()), json!({})).expect(201);
    acting.delete("/tokens/self").expect(200);
    admin.delete(&format!("/users/{}", ada.id)).expect(204);
    let wanted = [
        ("consumer.created", ""),
        ("consumer.created", ""),
        ("user.created", "ada"),
        ("user.signed_in", "ada"),
        ("user.changed", "ada"),
        ("consumer.rotated", "blog"),
        ("user.signed_out", "ada"),
        ("session.ended", ""),
        ("user.deleted", "ada"),
    ];
    let mut all = String::new();
    for (sequence, (topic, subject)) in (before + 1..).zip(wanted) {
        let (there, event) = next(&client);
        assert_eq!((there.as_str(), &event["topic"]), (topic, &json!(topic)), "{event}");
        assert_eq!(event["sequence"], sequence, "{event}");
        assert!(event["at"].as_str().unwrap().ends_with('Z'));
        match subject {
            "ada" => assert_eq!(event["subject"], ada.id.to_string()),
            "blog" => assert_eq!(event["subject"], blog.key().as_str()),
            _ => {}
        }
        all.push_str(&event.to_string());
    }
    let mut secrets = vec![blog.signer.consumer.secret.expose(), "correct horse battery"];
    secrets.extend(["secret", "sessionid", "device"].map(|field| login.json[field].as_str().unwrap()));
    secrets.push(rotated.json["secret"].as_str().unwrap());
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
}

#[test]
fn a_subscriber_hears_the_topics_it_asked_for() {
    let house = house();
    let (users, deleted) = (subscriber(&house, "user."), subscriber(&house, "user.deleted"));
    until_heard(&house, &users);
    house.consumer("blog", &[]);
    let ada = house.user("ada", "correct horse battery");
    assert_eq!(next(&users).1["subject"], ada.id.to_string(), "not the consumer");
    house.admin().delete(&format!("/users/{}", ada.id)).expect(204);
    assert_eq!(next(&users).0, "user.deleted");
    assert_eq!(next(&deleted).0, "user.deleted");
}

#[test]
fn changes_of_the_operator_and_refused_ones_alike_are_told_only_when_committed() {
    let house = house();
    let client = subscriber(&house, "user.created");
    until_heard(&house, &client);
    let admin = house.admin();
    admin.post("/users", json!({"username": "ada"})).expect(201);
    admin.post("/users", json!({"username": "ada"})).refused("conflict");
    admin.post("/users", json!({"username": "eve"})).expect(201);
    let (ada, eve) = (next(&client).1, next(&client).1);
    assert!(ada["sequence"].as_i64() < eve["sequence"].as_i64());
    assert_eq!(client.receive_within(Duration::from_millis(300)), None, "what was refused is no event");
}

#[test]
fn after_a_restart_nothing_is_told_twice() {
    let mut house = house();
    let publish = house.published[0].clone();
    house.settings.zeromq.publish = vec![address(&publish, &house.settings)];
    let client = subscriber(&house, "");
    let before = until_heard(&house, &client).pop().unwrap().1["sequence"].as_i64().unwrap();
    let socket = client.socket;
    house.stop();
    // While nobody publishes, things happen.
    house.user("ada", "correct horse battery");
    house.restart();
    let client = Client { house: &house, socket };
    let heard = until_heard(&house, &client);
    let sequences: Vec<i64> = heard.iter().map(|(_, event)| event["sequence"].as_i64().unwrap()).collect();
    assert!(sequences[0] > before + 1, "the gap is what the subscriber sees: {sequences:?} after {before}");
    assert!(sequences.is_sorted_by(|one, other| one < other), "{sequences:?}");
}

#[test]
fn subscribers_that_do_not_read_or_are_gone_hold_up_nothing() {
    let house = house();
    let (lazy, client) = (subscriber(&house, ""), subscriber(&house, "user.created"));
    until_heard(&house, &client);
    drop(subscriber(&house, ""));
    let admin = house.admin();
    for number in 0..300 {
        admin.post("/users", json!({"username": format!("u{number}")})).expect(201);
    }
    for _ in 0..300 {
        next(&client);
    }
    drop(lazy);
}
