//! `init`: the folder, whole or not at all.

use crate::place::Place;
use serde_json::Value;
use std::fs;

/// A key that seals.
const SEAL: (&str, &str) = ("COUNTERSIGN__SEAL__KEYS", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");

const FILES: [&str; 5] = ["countersign.toml", "countersign.db", "seal.keys", "frontend.secret", "admin.json"];

#[test]
fn init_makes_everything_for_its_owner_alone_and_only_once() {
    let place = Place::new();
    assert_eq!(place.ok(&["init"]), "./var/countersign.toml\n");
    assert_eq!(place.mode("."), 0o700);
    let files: Vec<_> = FILES.into_iter().filter(|file| !place.is_postgres() || *file != "countersign.db").collect();
    for file in &files {
        assert_eq!(place.mode(file), 0o600, "{file}");
    }
    let read = || files.iter().map(|file| fs::read(place.file(file)).unwrap()).collect::<Vec<_>>();
    let before = read();
    assert_eq!(place.ok(&["init"]), "./var/countersign.toml\n");
    assert!(before == read(), "nothing is overwritten");
    let left: Vec<_> = fs::read_dir(place.file(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), files.len(), "{left:?}");
}

#[test]
fn the_consumers_may_do_what_they_need() {
    let place = Place::made();
    let consumers = place.json(&["consumer", "list"]);
    let by_service = |service: &str| {
        let mut found = consumers.as_array().unwrap().iter().filter(|consumer| consumer["service"] == service);
        let consumer = found.next().unwrap().clone();
        assert!(found.next().is_none());
        consumer
    };
    let frontend = by_service("accounts");
    let words = [
        "authenticate",
        "setup.claim",
        "sessions.resolve",
        "sessions.end",
        "users.me.#",
        "sessions.me.#",
        "tokens.me.#",
    ];
    assert_eq!(frontend["access"], Value::from(words.to_vec()));
    assert_eq!(frontend["signature_methods"], serde_json::json!(["HMAC-SHA256"]));
    assert_eq!(frontend["body_hash"], "sha256");
    let admin = by_service("admin");
    assert_eq!(admin["access"], serde_json::json!(["#"]));
    let file: Value = serde_json::from_str(&place.read("admin.json")).unwrap();
    assert_eq!(file["key"], admin["key"]);
    assert_eq!((&file["service"], &file["label"]), (&admin["service"], &admin["label"]));
    assert!(file["secret"].as_str().unwrap().starts_with("cs_"));
}

#[test]
fn what_was_broken_off_is_finished() {
    let place = Place::made();
    let (seal, secret) = (place.read("seal.keys"), place.read("frontend.secret"));
    // As if the machine had stopped just before the last file was there.
    fs::rename(place.file("countersign.toml"), place.file("countersign.toml.new")).unwrap();
    place.ok(&["init"]);
    assert_eq!(place.read("seal.keys"), seal);
    assert_ne!(place.read("frontend.secret"), secret, "a secret that may have been half written is replaced");
    assert_eq!(place.json(&["consumer", "list"]).as_array().unwrap().len(), 2, "and no consumer is left over");
    let up = place.up();
    assert_eq!(up.links().len(), 1);
}

#[test]
fn a_database_without_its_keys_gets_no_new_ones() {
    let place = Place::made();
    fs::remove_file(place.file("countersign.toml")).unwrap();
    fs::remove_file(place.file("seal.keys")).unwrap();
    let words = place.fails(&["init"], 1);
    let helps = if place.is_postgres() { "copy countersign.toml" } else { "put the file back" };
    assert!(words.contains("seal.keys") && words.contains(helps), "{words}");
    assert!(!place.file("seal.keys").exists());
}

#[test]
fn commands_make_nothing_where_there_is_nothing() {
    let place = Place::new();
    for args in [
        &["user", "list"][..],
        &["consumer", "list"],
        &["consumer", "revoke", "x", "--yes"],
        &["token", "list", "--user", "x"],
        &["migrate"],
        &["config", "show"],
        &["config", "check"],
        &["user", "add", "ada"],
    ] {
        let words = place.fails(args, 1);
        assert!(words.contains("there is no Countersign in ./var") && words.contains("countersign init"), "{words}");
    }
    assert!(place.fails(&["user", "list", "--config", "x.toml"], 1).contains("there is no file x.toml"));
    assert!(fs::read_dir(place.folder()).unwrap().next().is_none());
}

#[test]
fn migrate_says_what_the_schema_is() {
    let place = Place::made();
    let words = place.ok(&["migrate"]);
    assert!(words.starts_with("The schema of ") && words.contains(" is up to date: "), "{words}");
    let plan = place.json(&["migrate", "--plan"]);
    assert_eq!(plan["pending"], serde_json::json!([]));
    assert_eq!(plan["there"][0], "m0001_users");
    // Before there is a database, the plan has every step, and makes none.
    let place = Place::new();
    fs::create_dir(place.file("")).unwrap();
    fs::write(place.file("countersign.toml"), "").unwrap();
    let plan = place.json(&["migrate", "--plan"]);
    assert_eq!((&plan["there"], &plan["pending"][0]), (&serde_json::json!([]), &"m0001_users".into()));
    assert!(place.ok(&["migrate", "--plan"]).contains("To be done, in one transaction:\n  m0001_users\n"));
    assert!(!place.file("countersign.db").exists());
    let refused = place.fails_with(&["user", "list"], &[("COUNTERSIGN__DATABASE__MIGRATE", "check"), SEAL], 1);
    assert!(refused.contains("run `countersign migrate`"), "{refused}");
    let done = place.json(&["migrate"]);
    assert_eq!((&done["pending"], &done["done"]), (&serde_json::json!([]), &plan["pending"]));
    let damaged = place.fails(&["migrate", "--config", "nowhere.toml"], 1);
    assert!(damaged.contains("nowhere.toml"), "{damaged}");
}
