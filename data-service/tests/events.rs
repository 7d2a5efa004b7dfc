//! Events: everything that happened is told, in order, and nothing secret with it.
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
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

fn events(admin: &Consumer) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), "/events?limit=7".to_owned());
    loop {
        let page = admin.get(&path).expect(200).json;
        all.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { return all };
        path = format!("/events?limit=7&after={next}");
    }
}

/// Runs SQL beside the service.
fn sql(house: &House, statement: &str) {
    house.runtime.block_on(async {
        let url = house.settings.database.url.expose().replacen("sqlite:", "sqlite://", 1);
        let connection = Database::connect(url).await.unwrap();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn everything_that_happens_is_told_and_nothing_secret_with_it() {
    let house = House::start();
    let admin = house.admin();
    let mut secrets: Vec<String> = vec!["correct horse".into(), "another battery".into(), "ada@example.com".into()];
    let ada = house.user("ada", "correct horse battery");
    let path = format!("/users/{}", ada.id);
    let registered = admin.post(
        "/consumers",
        json!({ "service": "shop", "access": ["authenticate", "sessions.#", "users.#", "tokens.me.#"] }),
    );
    let registered = registered.expect(201).json;
    let key = registered["key"].as_str().unwrap().to_owned();
    let credentials = shared::oauth1::Credentials::new(&key, registered["secret"].as_str().unwrap());
    let shop = Consumer::new(&house.url, credentials);
    secrets.push(registered["secret"].as_str().unwrap().into());
    let visitor = shop.post("/sessions", json!({ "data": { "own": { "cart": "hush-hush" } } })).expect(201).json;
    shop.post("/authenticate", json!({ "username": "ada", "password": "wrong-password" }))
        .refused("invalid_credentials");
    shop.post("/authenticate", json!({ "username": "typed-password", "password": "x" })).refused("invalid_credentials");
    let body = json!({ "username": "ada", "password": "correct horse battery", "sessionid": visitor["sessionid"] });
    let login = shop.post("/authenticate", body).expect(200).json;
    let cycled = shop.post("/sessions/cycle", json!({ "sessionid": login["sessionid"] })).expect(200).json;
    let second = admin.post("/sessions", json!({ "user": ada.id })).expect(201).json;
    for answer in [&visitor, &login, &second, &cycled] {
        for field in ["sessionid", "token", "secret", "device"] {
            // The tokens' own names are public; what signs with them is not.
            secrets.extend(answer[field].as_str().filter(|_| field != "token").map(str::to_owned));
        }
    }
    secrets.extend(["hush-hush", "typed-password", "wrong-password", "Ada Lovelace"].map(str::to_owned));
    admin.send("PATCH", &path, &json!({ "name": "Ada Lovelace", "email": "countess@example.com" })).expect(200);
    admin.send("PUT", &format!("{path}/access"), &json!({ "access": ["users.me.#"] })).expect(200);
    shop.post("/sessions/end", json!({ "sessionid": cycled["sessionid"] })).expect(204);
    admin.send("PUT", &format!("{path}/password"), &json!({ "password": "another battery" })).expect(204);
    admin.send("PATCH", &format!("/consumers/{key}"), &json!({ "label": "The shop" })).expect(200);
    let rotated = admin.post(&format!("/consumers/{key}/secrets"), json!({})).expect(201).json;
    secrets.push(rotated["secret"].as_str().unwrap().into());
    let made = admin.post("/tokens", json!({ "user": ada.id, "consumer": key })).expect(201).json;
    secrets.push(made["secret"].as_str().unwrap().into());
    admin.delete(&format!("/tokens/{}", made["token"].as_str().unwrap())).expect(200);
    admin.post(&format!("/consumers/{key}/revoke"), json!({})).expect(200);
    admin.post(&format!("{path}/disable"), json!({})).expect(200);
    admin.post(&format!("{path}/enable"), json!({})).expect(200);
    admin.delete(&path).expect(204);

    let told = events(&admin);
    let topics: Vec<&str> = told.iter().map(|event| event["topic"].as_str().unwrap()).collect();
    let wanted = [
        "consumer.created", // the administrator's
        "user.created",
        "consumer.created",
        "user.refused",
        "user.refused",
        "user.signed_in",
        "session.created",
        "user.changed",
        "user.changed",
        "user.signed_out",
        "session.ended",
        "user.changed",
        "session.ended",
        "consumer.changed",
        "consumer.rotated",
        "token.revoked",
        "consumer.revoked",
        "user.disabled",
        "user.enabled",
        "user.deleted",
    ];
    assert_eq!(topics, wanted);
    let sequences: Vec<i64> = told.iter().map(|event| event["sequence"].as_i64().unwrap()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    let of = |topic: &str| told.iter().filter(|event| event["topic"] == topic).collect::<Vec<_>>();
    assert_eq!(of("user.changed")[0]["data"]["fields"], json!(["email", "name"]));
    assert_eq!(of("user.changed")[2]["data"]["fields"], json!(["password"]));
    assert_eq!(of("user.signed_in")[0]["subject"], ada.id.to_string());
    assert_eq!(of("user.signed_in")[0]["data"]["carried_from"], visitor["id"]);
    assert_eq!(of("session.ended")[0]["data"]["reason"], "signed_out");
    assert_eq!(of("session.ended")[1]["data"]["reason"], "password");
    let text = json!(told).to_string();
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret} is in the events");
    }
}

#[test]
fn events_are_for_those_who_may_read_them() {
    let house = House::start();
    let shop = house.consumer("shop", &["sessions.#"]);
    assert_eq!(shop.get("/events").expect(403).json["access"], "events.read");
    assert_eq!(shop.get("/stats").expect(403).json["access"], "stats.read");
    let admin = house.admin();
    for bad in ["/events?after=x", "/events?after=1&after=2", "/events?limit=x", "/events?colour=red"] {
        admin.get(bad).refused("invalid");
    }
    assert_eq!(admin.get("/events?after=999999").expect(200).json, json!({ "items": [], "next": null }));
}

/// Visitors come and go in numbers; they are no news.
#[test]
fn visitors_are_no_events() {
    let house = House::start();
    let (shop, admin) = (house.consumer("shop", &["sessions.#"]), house.admin());
    let before = events(&admin).len();
    for _ in 0..3 {
        let made = shop.post("/sessions", json!({})).expect(201).json;
        shop.post("/sessions/end", json!({ "sessionid": made["sessionid"] })).expect(204);
    }
    assert_eq!(events(&admin).len(), before);
}

#[test]
fn whoever_asks_for_what_is_no_longer_kept_is_told() {
    let house = House::start();
    let admin = house.admin();
    for number in 0..5 {
        house.user(&format!("user{number}"), "correct horse battery");
    }
    let all = events(&admin);
    let third = all[2]["sequence"].as_i64().unwrap();
    admin.get("/events?after=0").expect(200);
    sql(&house, &format!("DELETE FROM events WHERE sequence <= {third}"));
    sql(&house, &format!("UPDATE marks SET value = '{third}' WHERE name = 'events_swept'"));
    for gone in [0, third - 1] {
        admin.get(&format!("/events?after={gone}")).expect(410).refused("gone");
    }
    let rest = admin.get(&format!("/events?after={third}")).expect(200).json;
    assert_eq!(rest["items"].as_array().unwrap().len(), all.len() - 3);
    assert_eq!(admin.get("/events").expect(200).json["items"], rest["items"], "without a cursor, what is kept");
    // Receipts go on.
    let shop = house.consumer("shop", &[]);
    shop.get("/echo").expect(200);
    let receipt = admin.post(&format!("/consumers/{}/revoke", shop.key()), json!({})).expect(200).json;
    assert_eq!(receipt["silent"], json!([]), "{receipt}");
    shop.get("/echo").refused("consumer_revoked");
}

#[test]
fn requests_are_counted_by_command() {
    let house = House::start();
    let (shop, admin) = (house.consumer("shop", &["sessions.#", "stats.read", "authenticate"]), house.admin());
    house.user("ada", "correct horse battery");
    let stats = || shop.get("/stats").expect(200).json;
    let before = stats();
    assert_eq!((&before["sessions"], &before["tokens"]), (&json!(0), &json!(0)));
    for _ in 0..3 {
        shop.get("/echo").expect(200);
        shop.post("/sessions", json!({})).expect(201);
    }
    shop.post("/sessions/resolve", json!({ "sessionid": "x" })).refused("not_found");
    shop.get("/users").refused("forbidden");
    house.get("/echo").refused("unsigned");
    shop.sign_in("ada", "correct horse battery");
    let after = stats();
    let requests = &after["requests"];
    for (name, wanted) in [
        ("echo", 3),
        ("session.create", 3),
        ("session.resolve", 1),
        ("authenticate", 1),
        ("user.list", 1),
        ("stats", 2),
        ("user.delete", 0),
    ] {
        assert_eq!(requests[name], wanted, "{name} in {requests}");
    }
    assert_eq!((&after["sessions"], &after["tokens"]), (&json!(4), &json!(1)));
    assert!(after["uptime_seconds"].as_u64().unwrap() >= before["uptime_seconds"].as_u64().unwrap());
    drop(admin);
}
