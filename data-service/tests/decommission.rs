//! A service taken out of use in steps: impact, drain, revoke, purge.
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

const PASSWORD: &str = "correct horse battery";

/// A consumer that signs people in, with one who is signed in.
fn blog_and_ada(house: &House) -> (Consumer, Consumer, String) {
    let blog = house.consumer("blog", &["authenticate", "sessions.resolve", "users.me.#"]);
    house.user("ada", PASSWORD);
    let (as_ada, login) = blog.sign_in("ada", PASSWORD);
    (blog, as_ada, login.json["sessionid"].as_str().unwrap().to_owned())
}

#[test]
fn a_drained_consumer_is_given_no_new_tokens_and_keeps_those_it_has() {
    let house = House::start();
    let admin = house.admin();
    let (blog, as_ada, sessionid) = blog_and_ada(&house);
    let shop = house.consumer("shop", &["authenticate", "sessions.resolve", "users.me.#"]);
    let (_, elsewhere) = shop.sign_in("ada", PASSWORD);
    let elsewhere = json!({ "sessionid": elsewhere.json["sessionid"] });
    let path = format!("/consumers/{}", blog.key());
    let drained = admin.post(&format!("{path}/drain"), json!({})).expect(200).json;
    assert!(drained["drained_at"].is_string());
    assert_eq!(drained["live_tokens"], 1);
    let login = json!({ "username": "ada", "password": PASSWORD });
    blog.post("/authenticate", login.clone()).expect(409).refused("consumer_drained");
    blog.post("/sessions/resolve", elsewhere.clone()).refused("consumer_drained");
    let user = admin.get("/users").json["items"][0]["id"].clone();
    let job = json!({ "user": user, "consumer": blog.key() });
    admin.post("/tokens", job.clone()).refused("consumer_drained");
    // What was there lives on, and so do the others.
    as_ada.get("/users/me").expect(200);
    blog.post("/sessions/resolve", json!({ "sessionid": sessionid })).expect(200);
    blog.get("/echo").expect(200);
    shop.post("/authenticate", login.clone()).expect(200);
    // Twice is once, and a restart forgets nothing.
    let again = admin.post(&format!("{path}/drain"), json!({})).expect(200).json;
    assert_eq!((&again["drained_at"], &again["version"]), (&drained["drained_at"], &drained["version"]));
    assert_eq!(admin.get(&path).json["drained_at"], drained["drained_at"]);
    // And back.
    assert!(admin.delete(&format!("{path}/drain")).expect(200).json["drained_at"].is_null());
    blog.post("/authenticate", login).expect(200);
    blog.post("/sessions/resolve", elsewhere).expect(200);
    admin.post("/tokens", job).expect(201);
}

/// A drain that has been answered holds for logins that were begun before it, too: of many at once, none makes a token
/// after the answer.
#[test]
fn a_login_under_way_makes_no_token_after_the_drain_was_answered() {
    let house = House::start();
    let admin = house.admin();
    let (blog, ..) = blog_and_ada(&house);
    let path = format!("/consumers/{}", blog.key());
    for _ in 0..5 {
        let logins: Vec<_> = (0..8)
            .map(|_| {
                let blog = blog.clone();
                std::thread::spawn(move || {
                    blog.post("/authenticate", json!({ "username": "ada", "password": PASSWORD })).code().to_owned()
                })
            })
            .collect();
        let counted = admin.post(&format!("{path}/drain"), json!({})).expect(200).json["live_tokens"].clone();
        for login in logins {
            let code = login.join().unwrap();
            assert!(["ok", "consumer_drained", "throttled"].contains(&code.as_str()), "{code}");
        }
        assert_eq!(admin.get(&path).json["live_tokens"], counted);
        admin.delete(&format!("{path}/drain")).expect(200);
    }
}

#[test]
fn only_a_revoked_consumer_is_purged_and_then_nothing_of_it_is_left() {
    let house = House::start();
    let admin = house.admin();
    let (blog, as_ada, _) = blog_and_ada(&house);
    let path = format!("/consumers/{}", blog.key());
    let purge = format!("{path}/purge");
    admin.post(&purge, json!({})).expect(409).refused("conflict");
    as_ada.get("/users/me").expect(200);
    admin.post(&format!("{path}/revoke"), json!({})).expect(200);
    admin.post(&format!("{path}/drain"), json!({})).refused("conflict");
    as_ada.get("/users/me").refused("consumer_revoked");
    let purged = admin.post(&purge, json!({})).expect(200).json;
    assert_eq!((purged["tokens"].clone(), purged["profiles"].clone()), (json!(1), json!(0)));
    admin.get(&path).refused("not_found");
    admin.post(&purge, json!({})).refused("not_found");
    house.until("every memory has forgotten it", || blog.get("/echo").code() == "signature_invalid");
    as_ada.get("/users/me").refused("signature_invalid");
}

#[test]
fn profiles_outlive_their_consumer_unless_it_was_the_last_and_they_are_named() {
    let house = House::start();
    let admin = house.admin();
    let ada = house.user("ada", PASSWORD);
    let access = ["users.me.#"];
    let (old, new) = (house.consumer("blog", &access), house.consumer("blog", &access));
    house.acting(&old, &ada).send("PUT", "/users/me/profile", &json!({ "colour": "teal" })).expect(200);
    let other = house.acting(&house.consumer("shop", &access), &ada);
    other.send("PUT", "/users/me/profile", &json!({ "size": 3 })).expect(200);
    let (one, two) = (format!("/consumers/{}", old.key()), format!("/consumers/{}", new.key()));
    admin.post(&format!("{one}/revoke"), json!({})).expect(200);
    // Both consumers see these profiles: they are not the first one's to take away.
    admin.post(&format!("{one}/purge"), json!({ "profiles": true })).refused("conflict");
    admin.post(&format!("{one}/purge"), json!({})).expect(200);
    assert_eq!(house.acting(&new, &ada).get("/users/me/profile").json["colour"], "teal");
    admin.post(&format!("{two}/revoke"), json!({})).expect(200);
    assert_eq!(admin.post(&format!("{two}/purge"), json!({ "profiles": true })).expect(200).json["profiles"], 1);
    let third = house.consumer("blog", &access);
    house.acting(&third, &ada).get("/users/me/profile").refused("not_found");
    assert_eq!(other.get("/users/me/profile").json["size"], 3);
}

#[test]
fn each_step_needs_its_own_word() {
    let house = House::start();
    let (clerk, blog) = (house.consumer("clerk", &["consumers.*.drain"]), house.consumer("blog", &[]));
    let path = format!("/consumers/{}", blog.key());
    clerk.post(&format!("{path}/drain"), json!({})).expect(200);
    clerk.post(&format!("{path}/revoke"), json!({})).refused("forbidden");
    clerk.post(&format!("{path}/purge"), json!({})).refused("forbidden");
    clerk.delete(&format!("{path}/drain")).expect(200);
    house.consumer("other", &["consumers.read"]).post(&format!("{path}/drain"), json!({})).refused("forbidden");
}
