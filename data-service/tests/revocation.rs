//! Cut off means cut off: no request that starts after the receipt is accepted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Consumer, House};
use serde_json::json;
use shared::command::{Receipt, RevokeConsumer};
use shared::oauth1::SignatureMethod;
use shared::secret::Secret;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// What a connection saw: when each accepted request was begun.
struct History {
    accepted: Vec<Instant>,
    refused: u64,
}

/// Signs without pause until told to stop.
fn hammer(consumer: &Consumer, stop: &AtomicBool, count: &AtomicU64) -> History {
    let mut history = History { accepted: vec![], refused: 0 };
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = consumer.get("/echo");
        match answer.code() {
            "ok" => history.accepted.push(begun),
            "consumer_revoked" | "token_revoked" => history.refused += 1,
            other => panic!("{other}: {} {:?}", answer.status, answer.text),
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    history
}

/// 50 connections sign while `cut` is carried out; checks every history against the moment `cut` returned.
fn while_fifty_sign(house: &House, consumers: &[Consumer], cut: impl FnOnce()) {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..50)
        .map(|index| {
            let (consumer, stop, count) = (consumers[index % consumers.len()].clone(), stop.clone(), count.clone());
            std::thread::spawn(move || hammer(&consumer, &stop, &count))
        })
        .collect();
    let wait_for = |more: u64| {
        let target = count.load(Ordering::Relaxed) + more;
        house.until("traffic flows", || count.load(Ordering::Relaxed) >= target);
    };
    wait_for(200);
    cut();
    let cut_at = Instant::now();
    wait_for(500);
    stop.store(true, Ordering::Relaxed);
    let histories: Vec<History> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let late = histories.iter().flat_map(|history| &history.accepted).filter(|begun| **begun > cut_at).count();
    assert_eq!(late, 0, "accepted although begun after the receipt");
    assert!(histories.iter().map(|history| history.accepted.len()).sum::<usize>() > 0);
    assert!(histories.iter().map(|history| history.refused).sum::<u64>() >= 400);
}

fn confirmed(receipt: &Receipt) {
    assert_eq!(receipt.silent, Vec::<String>::new());
    assert_eq!(receipt.confirmed.len(), 1);
}

#[test]
fn a_consumer_revoked_by_the_operator_beside_the_running_service() {
    let house = House::start();
    let blog = house.consumer("blog", &["users.me.#"]);
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    while_fifty_sign(&house, &[blog.clone(), as_ada], || {
        let receipt = house.runtime.block_on(house.operator.call(RevokeConsumer { key: blog.key() })).unwrap();
        confirmed(&receipt);
        assert_eq!(receipt.ended.tokens, 1);
    });
}

#[test]
fn a_consumer_revoked_over_http() {
    let house = House::start();
    let (admin, blog) = (house.admin(), house.consumer("blog", &[]));
    while_fifty_sign(&house, std::slice::from_ref(&blog), || {
        admin.post(&format!("/consumers/{}/revoke", blog.key()), json!({})).expect(200);
    });
}

#[test]
fn a_user_who_is_disabled() {
    let house = House::start();
    let (admin, blog) = (house.admin(), house.consumer("blog", &["users.me.#"]));
    let ada = house.user("ada", "correct horse");
    let tokens: Vec<Consumer> = (0..10).map(|_| house.acting(&blog, &ada)).collect();
    while_fifty_sign(&house, &tokens, || {
        let receipt = admin.post(&format!("/users/{}/disable", ada.id), json!({})).expect(200).json;
        assert_eq!(receipt["ended"]["tokens"], 10);
    });
}

#[test]
fn a_token_that_is_ended() {
    let house = House::start();
    let (admin, blog) = (house.admin(), house.consumer("blog", &["users.me.#"]));
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    let token = as_ada.signer.token.as_ref().unwrap().key.clone();
    while_fifty_sign(&house, &[as_ada], || {
        admin.delete(&format!("/tokens/{token}")).expect(200);
    });
}

/// Sends all but the end of a request, lets something happen, and sends the end: what happened must count.
fn with_a_slow_body(house: &House, signer: &Consumer, raw: &common::Raw, happens: impl FnOnce()) -> String {
    use std::io::{Read as _, Write as _};
    let host = house.url.strip_prefix("http://").unwrap();
    let bytes = raw.bytes(host);
    let (head, tail) = bytes.split_at(bytes.len() - 3);
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream.write_all(head).unwrap();
    // The head has been looked at when another request on this service has been answered in full.
    house.until("the head was read", || signer.get("/echo").status == 200);
    happens();
    stream.write_all(tail).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_whose_body_arrives_after_the_revocation() {
    let house = House::start();
    let blog = house.consumer("blog", &[]);
    let raw = blog.signed_json("POST", "/echo", &json!({ "a": "b" }));
    let answer = with_a_slow_body(&house, &blog, &raw, || {
        house.runtime.block_on(house.operator.call(RevokeConsumer { key: blog.key() })).unwrap();
    });
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("consumer_revoked"), "{answer}");
}

/// Rights and secrets that were taken away while the body was held back are gone as well.
#[test]
fn a_request_whose_body_arrives_after_rights_or_secrets_were_taken_away() {
    let house = House::start();
    let (admin, console) = (house.admin(), house.consumer("console", &["#"]));
    let root = house.administrator("root", "correct horse");
    let as_root = house.acting(&console, &root);
    let path = format!("/users/{}/access", root.id);
    let raw = as_root.signed_json("PUT", &path, &json!({ "access": ["#"] }));
    let answer = with_a_slow_body(&house, &as_root, &raw, || {
        admin.send("PUT", &path, &json!({ "access": ["users.me.#"] })).expect(200);
    });
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(admin.get(&path).json["access"], json!(["users.me.#"]));

    let raw = console.signed_json("POST", "/echo", &json!({ "a": "b" }));
    let answer = with_a_slow_body(&house, &console, &raw, || {
        let rotate = format!("/consumers/{}/secrets", console.key());
        admin.post(&rotate, json!({ "overlap_seconds": 0 })).expect(201);
    });
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("signature_invalid"), "{answer}");
}

/// Keys are kept ready for each token in memory, and for requests without one. They end with the secret they were made of.
#[test]
fn a_key_that_is_kept_ends_with_its_secret() {
    for method in SignatureMethod::ALL {
        let house = House::start();
        let admin = house.admin();
        let alone = house.consumer("blog", &["users.me.#"]).with_method(method);
        let acting = house.acting(&alone, &house.user("ada", "a long password")).with_method(method);
        let secrets = format!("/consumers/{}/secrets", alone.key());
        let rotate = |overlap: u64| -> String {
            let made = admin.post(&secrets, json!({ "overlap_seconds": overlap })).expect(201);
            made.json["secret"].as_str().unwrap().into()
        };
        let with = |secret: &str| {
            let mut both = [alone.clone(), acting.clone()];
            both.iter_mut().for_each(|consumer| consumer.signer.consumer.secret = Secret::new(secret));
            both
        };
        // The first of them makes the key, the others find it.
        let accepted = |both: &[Consumer]| {
            for consumer in both.iter().cycle().take(6) {
                consumer.get("/echo").expect(200);
            }
        };
        let refused = |both: &[Consumer]| {
            for consumer in both.iter().cycle().take(4) {
                consumer.get("/echo").refused("signature_invalid");
            }
        };
        let first = [alone.clone(), acting.clone()];
        accepted(&first);
        refused(&with("cs_another"));
        let second = with(&rotate(60));
        // Two work: whichever comes, and in turn.
        for _ in 0..2 {
            accepted(&first);
            accepted(&second);
        }
        refused(&with("cs_another"));
        let third = with(&rotate(0));
        refused(&first);
        refused(&second);
        accepted(&third);
        refused(&first);
        // A secret that retires by itself, without anybody saying so.
        let fourth = with(&rotate(2));
        accepted(&fourth);
        house.until("the third has retired", || third.iter().all(|one| one.get("/echo").code() == "signature_invalid"));
        accepted(&fourth);
        refused(&third);
        refused(&first);
    }
}
