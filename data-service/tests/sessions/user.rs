//! The sessions of a person: seen, ended, and ended by what happens to the person.

use super::*;
use shared::command::User;
use std::time::Duration;

fn sessions(acting: &Consumer) -> Vec<Value> {
    acting.get("/users/me/sessions").expect(200).json["items"].as_array().unwrap().clone()
}

/// A service, and somebody who is signed in there: the one acting for them, and the secret of the session.
fn signed_in(house: &House) -> (Consumer, User, Consumer, String) {
    let shop = house.consumer("shop", &["authenticate", "sessions.#", "users.#", "tokens.me.#"]);
    let ada = person(house, "ada");
    let (acting, answer) = shop.sign_in("ada", "correct horse battery");
    (shop, ada, acting, text(&answer, "sessionid"))
}

#[test]
fn a_logout_is_seen_by_every_service_at_once() {
    let house = House::start();
    let (shop, blog) = (house.consumer("shop", SERVICE), house.consumer("blog", SERVICE));
    person(&house, "ada");
    let id = login(&shop, "ada");
    let acting = |consumer: &Consumer| {
        let found = resolve(consumer, &id).expect(200);
        consumer.with_token(&text(&found, "token"), &text(&found, "secret"))
    };
    let (at_shop, at_blog) = (acting(&shop), acting(&blog));
    at_blog.get("/users/me").expect(200);
    save(&blog, &id, json!({ "own": { "a": 1 } })).expect(200);
    shop.post("/sessions/end", json!({ "sessionid": id })).expect(204);
    resolve(&blog, &id).refused("not_found");
    save(&blog, &id, json!({ "own": { "a": 1 } })).refused("not_found");
    blog.post("/sessions/cycle", json!({ "sessionid": id })).refused("not_found");
    at_blog.get("/users/me").refused("token_revoked");
    at_shop.get("/users/me").refused("token_revoked");
}

#[test]
fn people_see_and_end_their_own_sessions() {
    let house = House::start();
    let (shop, ada, acting, here) = signed_in(&house);
    let there = login(&shop, "ada");
    let list = sessions(&acting);
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|session| session.get("sessionid").is_none()), "public ids only: {list:?}");
    let current: Vec<bool> = list.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, true], "newest first");
    let other = list[0]["id"].as_str().unwrap();
    // Of somebody else's there is nothing to be seen and nothing to be ended.
    person(&house, "eve");
    let (eve, _) = shop.sign_in("eve", "correct horse battery");
    eve.get(&format!("/users/{}/sessions", ada.id)).refused("forbidden");
    eve.delete(&format!("/users/{}/sessions/{other}", ada.id)).refused("forbidden");
    eve.delete(&format!("/users/{}/sessions", ada.id)).refused("forbidden");
    eve.delete(&format!("/users/me/sessions/{other}")).refused("not_found");
    resolve(&shop, &there).expect(200);
    acting.delete(&format!("/users/me/sessions/{other}")).expect(204);
    acting.delete(&format!("/users/me/sessions/{other}")).refused("not_found");
    acting.delete("/users/me/sessions/not-an-id").refused("invalid");
    resolve(&shop, &there).refused("not_found");
    resolve(&shop, &here).expect(200);
    let (one, two) = (login(&shop, "ada"), login(&shop, "ada"));
    assert_eq!(acting.delete("/users/me/sessions").expect(200).json, json!({ "ended": 2 }));
    assert_eq!(acting.delete("/users/me/sessions").expect(200).json, json!({ "ended": 0 }));
    for ended in [one, two] {
        resolve(&shop, &ended).refused("not_found");
    }
    resolve(&shop, &here).expect(200);
    assert_eq!(sessions(&eve).len(), 1, "others keep theirs");
}

#[test]
fn the_list_has_pages_and_only_what_lives() {
    let house = House::start();
    let (shop, _, acting, _) = signed_in(&house);
    for _ in 0..4 {
        login(&shop, "ada");
    }
    shop.post("/sessions/end", json!({ "sessionid": login(&shop, "ada") })).expect(204);
    let mut seen = Vec::new();
    let mut path = "/users/me/sessions?limit=2".to_owned();
    loop {
        let page = acting.get(&path).expect(200).json;
        seen.extend(page["items"].as_array().unwrap().iter().map(|session| session["id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/users/me/sessions?limit=2&after={next}");
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);
    acting.get("/users/me/sessions?after=x").refused("invalid");
}

#[test]
fn a_new_password_ends_the_other_sessions_and_what_lies_in_them() {
    let house = House::start();
    let (shop, _, acting, here) = signed_in(&house);
    let there = login(&shop, "ada");
    save(&shop, &there, json!({ "own": { "a": 1 } })).expect(200);
    let body = json!({ "password": "another battery", "current_password": "correct horse battery" });
    acting.send("PUT", "/users/me/password", &body).expect(204);
    resolve(&shop, &there).refused("not_found");
    resolve(&shop, &here).expect(200);
}

#[test]
fn a_user_who_is_disabled_has_no_session_anywhere() {
    let house = House::start();
    let (shop, ada, acting, here) = signed_in(&house);
    let admin = house.admin();
    admin.post(&format!("/users/{}/disable", ada.id), json!({})).expect(200);
    resolve(&shop, &here).refused("not_found");
    save(&shop, &here, json!({ "own": { "a": 1 } })).refused("not_found");
    acting.get("/users/me").refused("token_revoked");
    admin.post(&format!("/users/{}/enable", ada.id), json!({})).expect(200);
    resolve(&shop, &here).refused("not_found");
    admin.delete(&format!("/users/{}", ada.id)).expect(204);
    resolve(&shop, &here).refused("not_found");
}

#[test]
fn with_one_session_too_many_the_oldest_ends() {
    let house = House::start_with(data_service::Clock::system(), |settings| settings.sessions.per_user = 3);
    let (shop, ada, acting, first) = signed_in(&house);
    person(&house, "eve");
    let eves = login(&shop, "eve");
    let mut rest = vec![login(&shop, "ada"), login(&shop, "ada")];
    resolve(&shop, &first).expect(200);
    rest.push(login(&shop, "ada"));
    resolve(&shop, &first).refused("not_found");
    acting.get("/users/me").refused("token_revoked");
    let admin = house.admin();
    rest.push(text(&admin.post("/sessions", json!({ "user": ada.id })).expect(201), "sessionid"));
    resolve(&shop, &rest.remove(0)).refused("not_found");
    for alive in rest.iter().chain([&eves]) {
        resolve(&shop, alive).expect(200);
    }
    // Visitors are nobody's, and do not count.
    let visitors: Vec<String> = (0..5).map(|_| visitor(&shop)).collect();
    assert!(visitors.iter().all(|id| resolve(&shop, id).status == 200));
}

#[test]
fn logins_at_once_do_not_get_around_the_limit() {
    let house = House::start_with(data_service::Clock::system(), |settings| settings.sessions.per_user = 2);
    let admin = house.admin();
    let ada = person(&house, "ada");
    let made: Vec<String> = std::thread::scope(|scope| {
        let make = || text(&admin.post("/sessions", json!({ "user": ada.id })).expect(201), "sessionid");
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|id| resolve(&admin, id).status == 200).count(), 2);
}

/// What lets anybody in is a right of its own, and goes no further than the one who holds it.
#[test]
fn signing_somebody_in_without_a_password_is_a_right_of_its_own() {
    let house = House::start();
    let (ada, root) = (person(&house, "ada"), house.administrator("root", "correct horse battery"));
    let plain = house.consumer("plain", &["authenticate", "sessions.#", "users.me.#"]);
    let word = format!("users.{}.impersonate", ada.id);
    let refused = plain.post("/sessions", json!({ "user": ada.id })).expect(403);
    assert_eq!(refused.json["access"], word.as_str(), "{}", refused.text);
    // Nor can a service that acts for somebody make itself another session of theirs, which outlives their logout.
    let (acting, _) = plain.sign_in("ada", "correct horse battery");
    let access = json!({ "access": ["users.me.#", "sessions.#", "tokens.me.#"] });
    house.admin().send("PUT", &format!("/users/{}/access", ada.id), &access).expect(200);
    acting.post("/sessions", json!({})).expect(201);
    assert_eq!(acting.post("/sessions", json!({ "user": ada.id })).expect(403).json["access"], word.as_str());
    let trusted = house.consumer("trusted", &["sessions.#", "users.*.impersonate"]);
    let made = trusted.post("/sessions", json!({ "user": ada.id, "data": { "own": { "a": 1 } } })).expect(201);
    assert_eq!(made.json["user"]["username"], "ada");
    assert_eq!(made.json["data"]["own"], json!({ "a": 1 }));
    trusted.with_token(&text(&made, "token"), &text(&made, "secret"));
    resolve(&plain, &text(&made, "sessionid")).expect(200);
    // Whoever may do more than an ordinary user is out of its reach.
    trusted.post("/sessions", json!({ "user": root.id })).refused("forbidden");
    house.admin().post("/sessions", json!({ "user": root.id })).expect(201);
    house.consumer("narrow", &["users.#"]).post("/sessions", json!({})).refused("forbidden");
    trusted.post("/sessions", json!({ "user": uuid() })).refused("not_found");
    trusted.post("/sessions", json!({ "user": "ada" })).refused("invalid");
    house.admin().post(&format!("/users/{}/disable", ada.id), json!({})).expect(200);
    trusted.post("/sessions", json!({ "user": ada.id })).refused("conflict");
}

fn uuid() -> String {
    "01900000-0000-7000-8000-000000000000".into()
}

#[test]
fn every_command_needs_its_word() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let id = visitor(&shop);
    for (word, path) in [
        ("sessions.create", "/sessions"),
        ("sessions.resolve", "/sessions/resolve"),
        ("sessions.save", "/sessions/save"),
        ("sessions.cycle", "/sessions/cycle"),
        ("sessions.touch", "/sessions/touch"),
        ("sessions.end", "/sessions/end"),
    ] {
        let bare = house.consumer("bare", &["sessions.#", &format!("!{word}")]);
        let body = match word {
            "sessions.create" => json!({}),
            "sessions.save" => json!({ "sessionid": id, "patch": {} }),
            _ => json!({ "sessionid": id }),
        };
        let refused = bare.post(path, body).expect(403);
        assert_eq!(refused.json["access"], word);
    }
    resolve(&shop, &id).expect(200);
}

/// Somebody has ended what one service may do: the others go on, and that one has no session to write to either.
#[test]
fn a_service_that_was_sent_away_finds_no_session() {
    let house = House::start();
    let (shop, _, acting, here) = signed_in(&house);
    let blog = house.consumer("blog", SERVICE);
    let token = text(&resolve(&blog, &here).expect(200), "token");
    acting.delete(&format!("/tokens/{token}")).expect(200);
    resolve(&blog, &here).refused("not_found");
    save(&blog, &here, json!({ "shared": { "a": 1 } })).refused("not_found");
    blog.post("/sessions/cycle", json!({ "sessionid": here })).refused("not_found");
    resolve(&shop, &here).expect(200);
}

#[test]
fn a_remembered_browser_stays_signed_in_for_longer() {
    let house = House::start_with(data_service::Clock::system(), |settings| {
        settings.sessions.idle = Duration::from_secs(1000);
        settings.sessions.remember_idle = Duration::from_secs(5000);
        settings.sessions.remember_absolute = Duration::from_secs(3000);
    });
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    let lasts = |remember: bool| {
        let body = json!({ "username": "ada", "password": "correct horse battery", "remember": remember });
        let found = resolve(&shop, &text(&shop.post("/authenticate", body).expect(200), "sessionid"));
        let time = |field: &str| shared::timestamp::Timestamp::parse(&text(&found, field)).unwrap().millis();
        time("expires_at") - time("created_at")
    };
    assert_eq!((lasts(false), lasts(true)), (1_000_000, 3_000_000));
}

/// Nothing of a session is kept in memory: what another process writes to the database holds from the next request on.
#[test]
fn what_another_process_changes_is_seen_at_once() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    let id = login(&shop, "ada");
    save(&shop, &id, json!({ "own": { "a": 1 }, "shared": { "b": 2 } })).expect(200);
    let first = resolve(&shop, &id).expect(200).json;
    assert_eq!(first["data"], json!({ "own": { "a": 1 }, "shared": { "b": 2 } }));
    for (change, back) in [
        ("UPDATE sessions SET ended_at = 1", "UPDATE sessions SET ended_at = NULL"),
        ("UPDATE sessions SET expires_at = 1", "UPDATE sessions SET expires_at = ends_at"),
        ("UPDATE tokens SET revoked_at = 1", "UPDATE tokens SET revoked_at = NULL"),
        ("UPDATE users SET disabled_at = 1", "UPDATE users SET disabled_at = NULL"),
    ] {
        for _ in 0..3 {
            house.sql(change);
            resolve(&shop, &id).refused("not_found");
            house.sql(back);
            let again = resolve(&shop, &id).expect(200).json;
            for field in ["id", "user", "token", "secret", "data", "version", "created_at"] {
                assert_eq!(again[field], first[field], "{field} after {back}");
            }
        }
    }
    house.sql("UPDATE session_data SET document = '{\"c\":3}' WHERE namespace <> '*'");
    let found = resolve(&shop, &id).expect(200).json;
    assert_eq!(found["data"], json!({ "own": { "c": 3 }, "shared": { "b": 2 } }));
    house.sql("UPDATE session_data SET document = 'no JSON'");
    resolve(&shop, &id).expect(503).refused("unavailable");
    house.sql("DELETE FROM session_data");
    assert_eq!(resolve(&shop, &id).expect(200).json["data"], json!({ "own": {}, "shared": {} }));
}
