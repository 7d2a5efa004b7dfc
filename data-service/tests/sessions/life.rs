//! Begun, used, cycled, ended.

use super::*;
use data_service::Clock;
use shared::timestamp::Timestamp;
use std::time::Duration;

#[test]
fn a_visitor_has_a_session_without_a_user() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let made = shop.post("/sessions", json!({ "data": { "own": { "cart": [1] }, "shared": { "lang": "en" } } }));
    let made = made.expect(201);
    assert_eq!(text(&made, "sessionid").len(), 43, "256 bits in base64url");
    for nothing in ["user", "token", "secret"] {
        assert_eq!(made.json[nothing], Value::Null, "{nothing}");
    }
    let found = resolve(&shop, &text(&made, "sessionid")).expect(200);
    assert_eq!(found.json["data"], json!({ "shared": { "lang": "en" }, "own": { "cart": [1] } }));
    assert_eq!((&found.json["version"], &found.json["id"]), (&json!(1), &made.json["id"]));
    assert!(found.json.get("sessionid").is_none(), "the secret is told once");
}

#[test]
fn unknown_ended_expired_and_malformed_are_one_answer() {
    let start = Timestamp::from_seconds(i64::try_from(common::now()).unwrap());
    let clock = Clock::by_hand(start);
    let house = House::start_with(clock.clone(), |settings| {
        settings.sessions.anonymous_idle = Duration::from_secs(30);
    });
    let shop = house.consumer("shop", SERVICE);
    let (ended, expired) = (visitor(&shop), visitor(&shop));
    shop.post("/sessions/end", json!({ "sessionid": ended })).expect(204);
    clock.set(start.plus_seconds(31));
    let mut answers = Vec::new();
    for sessionid in [ended.as_str(), &expired, &"A".repeat(43), "", "x", &"y".repeat(4000), "é\u{0}"] {
        for path in ["/sessions/resolve", "/sessions/touch", "/sessions/cycle"] {
            let mut answer = shop.post(path, json!({ "sessionid": sessionid })).expect(404).json;
            answer["request_id"].take();
            answers.push(answer);
        }
        let mut answer = save(&shop, sessionid, json!({ "own": { "a": 1 } })).expect(404).json;
        answer["request_id"].take();
        answers.push(answer);
        shop.post("/sessions/end", json!({ "sessionid": sessionid })).expect(204);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn sessions_end_when_idle_and_at_their_absolute_limit() {
    // Signed with the real time, which may lie 300 seconds back and 60 ahead.
    let start = Timestamp::from_seconds(i64::try_from(common::now()).unwrap() - 25);
    let clock = Clock::by_hand(start);
    let house = House::start_with(clock.clone(), |settings| {
        settings.sessions.idle = Duration::from_secs(240);
        settings.sessions.absolute = Duration::from_secs(320);
    });
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    let (used, idle) = (login(&shop, "ada"), login(&shop, "ada"));
    let expires = |answer: &Answer| Timestamp::parse(&text(answer, "expires_at")).unwrap();
    assert_eq!(expires(&resolve(&shop, &used).expect(200)), start.plus_seconds(240));
    clock.set(start.plus_seconds(59));
    assert_eq!(expires(&resolve(&shop, &used).expect(200)), start.plus_seconds(240), "written once a minute");
    clock.set(start.plus_seconds(70));
    let touched = shop.post("/sessions/touch", json!({ "sessionid": used })).expect(200);
    assert_eq!(expires(&touched), start.plus_seconds(310));
    clock.set(start.plus_seconds(150));
    assert_eq!(expires(&resolve(&shop, &used).expect(200)), start.plus_seconds(320), "the absolute limit is nearer");
    clock.set(start.plus_seconds(241));
    resolve(&shop, &idle).refused("not_found");
    let found = resolve(&shop, &used).expect(200);
    let acting = shop.with_token(&text(&found, "token"), &text(&found, "secret"));
    acting.get("/users/me").expect(200);
    // Used a moment before, so that nothing has to be written when it is asked for again.
    clock.set(start.plus_seconds(310));
    resolve(&shop, &used).expect(200);
    clock.set(start.plus_seconds(321));
    resolve(&shop, &used).refused("not_found");
    acting.get("/users/me").refused("token_expired");
}

/// The guard remembers tokens and when they end. A session that is used lasts longer than that.
#[test]
fn a_token_lasts_as_long_as_its_session() {
    let start = Timestamp::from_seconds(i64::try_from(common::now()).unwrap());
    let clock = Clock::by_hand(start);
    let house = House::start_with(clock.clone(), |settings| {
        settings.sessions.idle = Duration::from_secs(100);
    });
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    let (acting, answer) = shop.sign_in("ada", "correct horse battery");
    acting.get("/users/me").expect(200);
    clock.set(start.plus_seconds(90));
    resolve(&shop, &text(&answer, "sessionid")).expect(200);
    clock.set(start.plus_seconds(150));
    acting.get("/users/me").expect(200);
    let session = acting.get("/").expect(200).json["session"].clone();
    assert_eq!(session["expires_at"], start.plus_seconds(190).to_string());
    clock.set(start.plus_seconds(191));
    acting.get("/users/me").refused("token_expired");
}

#[test]
fn a_new_id_leaves_the_old_one_dead() {
    let house = House::start();
    let (shop, blog) = (house.consumer("shop", SERVICE), house.consumer("blog", SERVICE));
    person(&house, "ada");
    let (acting, answer) = shop.sign_in("ada", "correct horse battery");
    let old = text(&answer, "sessionid");
    save(&shop, &old, json!({ "own": { "a": 1 } })).expect(200);
    let before = resolve(&shop, &old).expect(200).json;
    let new = text(&shop.post("/sessions/cycle", json!({ "sessionid": old })).expect(200), "sessionid");
    assert_ne!(new, old);
    resolve(&shop, &old).refused("not_found");
    resolve(&blog, &old).refused("not_found");
    assert_eq!(resolve(&shop, &new).expect(200).json, before, "the same session: id, user, token, data, version");
    acting.get("/users/me").expect(200);
}

/// Two good values for one session would be one too many.
#[test]
fn of_many_new_ids_at_once_one_is_good() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let old = visitor(&shop);
    let cycle = || shop.post("/sessions/cycle", json!({ "sessionid": old }));
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(cycle)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 404)), "{answers:?}");
    resolve(&shop, &text(won[0], "sessionid")).expect(200);
}

#[test]
fn a_restart_forgets_no_session() {
    let mut house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let sessionid = visitor(&shop);
    save(&shop, &sessionid, json!({ "own": { "a": 1 } })).expect(200);
    house.restart();
    let shop = Consumer { url: house.url.clone(), ..shop };
    let found = resolve(&shop, &sessionid).expect(200);
    assert_eq!((&found.json["data"]["own"], &found.json["version"]), (&json!({ "a": 1 }), &json!(2)));
}
