//! Logins under attack: throttled, bounded, and never a weapon against the person.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Answer, Consumer, House, now};
use data_service::{Clock, PasswordCost};
use serde_json::{Value, json};
use shared::oauth1::BaseUrl;
use shared::timestamp::Timestamp;
use std::time::Instant;

const PASSWORD: &str = "correct horse battery";

fn attempt(frontend: &Consumer, name: &str, password: &str, client: Value) -> Answer {
    frontend.post("/authenticate", json!({ "username": name, "password": password, "client": client }))
}

#[test]
fn guesses_are_slowed_down_and_a_restart_forgets_nothing() {
    let clock = Clock::by_hand(Timestamp::from_seconds(now() as i64));
    let mut house = House::start_with(clock.clone(), |settings| {
        settings.public_urls = vec![BaseUrl::parse("https://api.example.com").unwrap()];
    });
    let frontend = house.consumer("frontend", &["authenticate"]);
    let through = |house: &House, name: &str, password: &str| {
        let mut signing = frontend.clone();
        signing.url = "https://api.example.com".into();
        let body = json!({ "username": name, "password": password });
        house.send(&signing.signed_json("POST", "/authenticate", &body))
    };
    house.user("ada", PASSWORD);
    for _ in 0..6 {
        through(&house, "ada", "wrong").refused("invalid_credentials");
    }
    let throttled = through(&house, "ada", "wrong").expect(429).refused("throttled");
    let seconds: i64 = throttled.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    through(&house, "ADA", PASSWORD).refused("throttled");
    house.restart();
    through(&house, "ada", PASSWORD).refused("throttled");
    through(&house, "nobody", "wrong").refused("invalid_credentials");
    clock.set(Timestamp::from_seconds(now() as i64).plus_seconds(50));
    through(&house, "ada", PASSWORD).expect(200);
}

#[test]
fn strangers_cannot_keep_a_known_person_out() {
    let house = House::start();
    let frontend = house.consumer("frontend", &["authenticate"]);
    house.user("ada", PASSWORD);
    house.user("bob", PASSWORD);
    let login = attempt(&frontend, "ada", PASSWORD, json!({ "address": "198.51.100.1" })).expect(200).json;
    for _ in 0..10 {
        attempt(&frontend, "ada", "wrong", json!({ "address": "203.0.113.7" }));
    }
    attempt(&frontend, "ada", PASSWORD, json!({ "address": "203.0.113.8" })).refused("throttled");
    let known = json!({ "device": login["device"], "address": "203.0.113.8" });
    let again = attempt(&frontend, "ada", PASSWORD, known).expect(200).json;
    assert_eq!(again["device"], login["device"]);
    let made_up = json!({ "device": "made up", "address": "203.0.113.9" });
    attempt(&frontend, "ada", PASSWORD, made_up).refused("throttled");
    for _ in 0..10 {
        attempt(&frontend, "bob", "wrong", json!({ "device": login["device"] }));
    }
    let borrowed = attempt(&frontend, "bob", PASSWORD, json!({ "device": login["device"] }));
    borrowed.refused("throttled");
}

#[test]
fn a_network_that_tries_many_names_is_slowed_down() {
    let house = House::start();
    let frontend = house.consumer("frontend", &["authenticate"]);
    for index in 0..21 {
        attempt(&frontend, &format!("u{index}"), "x", json!({ "address": "2001:db8::1" }))
            .refused("invalid_credentials");
    }
    attempt(&frontend, "somebody", "x", json!({ "address": "2001:db8::2" })).refused("throttled");
    attempt(&frontend, "somebody", "x", json!({ "address": "2001:db8:0:1::2" })).refused("invalid_credentials");
}

#[test]
fn parallel_guesses_at_one_name_all_count() {
    let house = House::start();
    let frontend = house.consumer("frontend", &["authenticate"]);
    house.user("ada", PASSWORD);
    let guesses: Vec<_> = (0..24)
        .map(|index| {
            let frontend = frontend.clone();
            std::thread::spawn(move || attempt(&frontend, "ada", &format!("guess{index}"), Value::Null).status)
        })
        .collect();
    let heard = guesses.into_iter().map(|guess| guess.join().unwrap()).filter(|s| *s == 401).count();
    assert_eq!(heard, 6);
}

#[test]
fn what_does_not_fit_through_the_gate_is_told_to_come_back() {
    let house = House::start_with(Clock::system(), |settings| {
        settings.hashing_threads = 1;
        settings.hashing_queue = 1;
        settings.password_cost = PasswordCost { memory_kib: 64 * 1024, passes: 3 };
    });
    let frontend = house.consumer("frontend", &["authenticate"]);
    let storm: Vec<_> = (0..24)
        .map(|index| {
            let frontend = frontend.clone();
            std::thread::spawn(move || attempt(&frontend, &format!("u{index}"), "x", Value::Null))
        })
        .collect();
    let answers: Vec<Answer> = storm.into_iter().map(|login| login.join().unwrap()).collect();
    let full: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!full.is_empty() && full.len() < 24, "{}", full.len());
    for answer in full {
        assert_eq!((answer.code(), answer.header("retry-after")), ("unavailable", Some("1")));
    }
    // Those who were sent away were not charged for it.
    for index in 0..24 {
        attempt(&frontend, &format!("u{index}"), "x", Value::Null).refused("invalid_credentials");
    }
}

/// Requests go on while passwords are hashed: a test of order, not of time.
#[test]
fn signatures_do_not_wait_for_passwords() {
    let house = House::start_with(Clock::system(), |settings| {
        settings.hashing_threads = 1;
        settings.workers = 1;
        settings.password_cost = PasswordCost { memory_kib: 256 * 1024, passes: 4 };
    });
    let frontend = house.consumer("frontend", &["authenticate"]);
    let login = {
        let frontend = frontend.clone();
        std::thread::spawn(move || {
            attempt(&frontend, "nobody", "x", Value::Null);
            Instant::now()
        })
    };
    let mut before = 0;
    while !login.is_finished() {
        frontend.get("/echo").expect(200);
        before += 1;
    }
    login.join().unwrap();
    assert!(before > 3, "only {before} requests were answered while one password was hashed");
}

#[test]
fn the_setup_link_makes_one_administrator_once() {
    let house = House::start();
    let frontend = house.consumer("frontend", &["setup.claim", "authenticate"]);
    let old = house.runtime.block_on(house.operator.setup_link()).unwrap().unwrap();
    let link = house.runtime.block_on(house.operator.setup_link()).unwrap().unwrap();
    let claim = |link: &str, name: &str| {
        frontend.post("/setup", json!({ "link": link, "username": name, "password": PASSWORD }))
    };
    claim(old.expose(), "mallory").expect(410).refused("gone");
    claim("l_made_up", "mallory").refused("gone");
    let claims: Vec<_> = (0..8)
        .map(|index| {
            let (frontend, link) = (frontend.clone(), link.clone());
            std::thread::spawn(move || {
                let body = json!({ "link": link.expose(), "username": format!("root{index}"), "password": PASSWORD });
                frontend.post("/setup", body).status
            })
        })
        .collect();
    let mut made: Vec<u16> = claims.into_iter().map(|claim| claim.join().unwrap()).collect();
    made.sort_unstable();
    assert_eq!(made, [201, 410, 410, 410, 410, 410, 410, 410]);
    claim(link.expose(), "late").refused("gone");
    assert!(house.runtime.block_on(house.operator.setup_link()).unwrap().is_none());
}
