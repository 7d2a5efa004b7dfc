//! Who does what, and what comes back: a visitor, a consumer, a signed user, an administrator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{House, Raw};
use serde_json::{Value, json};
use shared::oauth1::{BodyHash, Location, SignatureMethod};

const PASSWORD: &str = "correct horse battery";

#[test]
fn a_visitor_sees_health_and_documents_and_nothing_else() {
    let house = House::start();
    assert_eq!(house.get("/healthz").expect(200).text, "ok");
    assert_eq!(house.get("/readyz").expect(200).text, "ready");
    let document = house.get("/openapi.json").expect(200).json;
    assert_eq!(document["paths"]["/authenticate"]["post"]["operationId"], "authenticate");
    for path in ["/", "/echo", "/users", "/users/me", "/consumers", "/nowhere"] {
        let answer = house.get(path).expect(401).refused("unsigned");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("www-authenticate"), Some("OAuth realm=\"countersign\""));
        for field in ["type", "title", "status", "detail", "code", "request_id"] {
            assert!(!answer.json[field].is_null(), "{field} in {}", answer.text);
        }
    }
    house.send(&Raw::new("POST", "/authenticate").body("application/json", b"{}")).refused("unsigned");
}

#[test]
fn a_consumer_points_its_client_at_echo() {
    let house = House::start();
    let blog = house.consumer("blog", &[]);
    let echoed = blog.get("/echo/a%2Fb?x=1&x=2&empty").expect(200).json;
    assert_eq!(echoed["consumer"], blog.key().as_str());
    assert_eq!(echoed["url"], format!("{}/echo/a%2Fb", house.url));
    assert_eq!((echoed["parameters"].clone(), echoed["user"].clone()), (json!(3), Value::Null));
    assert_eq!((echoed["method"].clone(), echoed["body_hash"].clone()), (json!("GET"), Value::Null));
    let echoed = blog.post("/echo", json!({"a": 1})).expect(200).json;
    assert_eq!(echoed["body_hash"], "sha256");
    assert_eq!((echoed["body_bytes"].clone(), echoed["signature_method"].clone()), (json!(7), json!("HMAC-SHA256")));
    let form = house.send(&blog.signed_form("POST", "/echo", "a=1+2&b=%26")).expect(200).json;
    assert_eq!((form["parameters"].clone(), form["body_bytes"].clone()), (json!(2), json!(11)));
    for method in SignatureMethod::ALL {
        assert_eq!(blog.with_method(method).get("/echo").expect(200).json["signature_method"], method.name());
    }
    for verb in ["PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
        assert_eq!(house.send(&blog.signed(verb, "/echo/deep/er")).expect(200).json["method"], verb);
    }
    house.send(&blog.signed("HEAD", "/echo")).expect(200);
}

#[test]
fn a_person_logs_in_through_a_consumer_and_out_again() {
    let house = House::start();
    let frontend =
        house.consumer("frontend", &["authenticate", "users.me.#", "tokens.me.#", "sessions.resolve", "sessions.end"]);
    let ada = house.user("Ada", PASSWORD);
    let (as_ada, login) = frontend.sign_in("ada", PASSWORD);
    assert_eq!(login.json["user"]["id"], ada.id.to_string());
    assert!(login.json["sessionid"].as_str().unwrap().len() >= 43);
    let (_, by_mail) = frontend.sign_in("ADA@Example.com", PASSWORD);
    assert_ne!(by_mail.json["token"], login.json["token"], "each call makes its own pair");
    assert_ne!(by_mail.json["sessionid"], login.json["sessionid"]);

    let who = as_ada.get("/").expect(200).json;
    assert_eq!(who["user"]["username"], "Ada");
    assert_eq!(who["consumer"]["service"], "frontend");
    assert!(who["session"]["id"].is_string());
    let alone = frontend.get("/").expect(200).json;
    assert_eq!((alone["user"].clone(), alone["session"].clone()), (Value::Null, Value::Null));

    let resolved = frontend.post("/sessions/resolve", json!({ "sessionid": login.json["sessionid"] })).expect(200).json;
    assert_eq!(resolved["token"], login.json["token"], "the same pair each time");
    assert_eq!(resolved["secret"], login.json["secret"]);
    assert_eq!(resolved["user"]["id"], ada.id.to_string());

    let receipt = as_ada.delete("/tokens/self").expect(200).json;
    assert_eq!(receipt["ended"], json!({ "tokens": 1, "sessions": 1 }));
    assert_eq!(receipt["confirmed"][0]["instance"], "one");
    as_ada.get("/").expect(401).refused("token_revoked");
    frontend.post("/sessions/resolve", json!({ "sessionid": login.json["sessionid"] })).refused("not_found");
    let other = frontend.post("/sessions/resolve", json!({ "sessionid": by_mail.json["sessionid"] }));
    other.expect(200);
}

#[test]
fn one_logout_ends_the_session_for_every_service() {
    let house = House::start();
    house.user("ada", PASSWORD);
    let frontend = house.consumer("frontend", &["authenticate", "sessions.resolve", "sessions.end", "users.me.#"]);
    let blog = house.consumer("blog", &["sessions.resolve", "users.me.#"]);
    let (_, login) = frontend.sign_in("ada", PASSWORD);
    let cookie = json!({ "sessionid": login.json["sessionid"] });
    let pair = blog.post("/sessions/resolve", cookie.clone()).expect(200).json;
    assert_ne!(pair["token"], login.json["token"], "each service has a pair of its own");
    let as_ada = blog.with_token(pair["token"].as_str().unwrap(), pair["secret"].as_str().unwrap());
    as_ada.get("/users/me").expect(200);
    frontend.post("/sessions/end", cookie.clone()).expect(204);
    as_ada.get("/users/me").refused("token_revoked");
    blog.post("/sessions/resolve", cookie.clone()).refused("not_found");
    frontend.post("/sessions/end", cookie).expect(204);
    frontend.post("/sessions/end", json!({ "sessionid": "never was" })).expect(204);
    blog.post("/sessions/end", json!({ "sessionid": "x" })).refused("forbidden");
}

#[test]
fn a_service_that_was_ended_on_the_account_page_stays_ended_for_that_session() {
    let house = House::start();
    house.user("ada", PASSWORD);
    let frontend = house.consumer("frontend", &["authenticate", "sessions.resolve", "users.me.#", "tokens.me.#"]);
    let blog = house.consumer("blog", &["sessions.resolve", "users.me.#"]);
    let (as_ada, login) = frontend.sign_in("ada", PASSWORD);
    let cookie = json!({ "sessionid": login.json["sessionid"] });
    let pair = blog.post("/sessions/resolve", cookie.clone()).expect(200).json;
    let listed = as_ada.get("/users/me/tokens").expect(200).json;
    let services: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|t| t["service"].as_str().unwrap()).collect();
    assert_eq!(services.len(), 2);
    assert!(services.contains(&"blog") && services.contains(&"frontend"));
    as_ada.delete(&format!("/tokens/{}", pair["token"].as_str().unwrap())).expect(200);
    blog.post("/sessions/resolve", cookie).refused("not_found");
    as_ada.get("/").expect(200);
}

#[test]
fn a_user_keeps_their_own_things_and_no_others() {
    let house = House::start();
    let blog = house.consumer("blog", &["users.#", "tokens.#"]);
    let (ada, bob) = (house.user("ada", PASSWORD), house.user("bob", PASSWORD));
    let as_ada = house.acting(&blog, &ada);
    assert_eq!(as_ada.get("/users/me").expect(200).json["username"], "ada");
    assert_eq!(as_ada.get(&format!("/users/{}", ada.id)).expect(200).json["username"], "ada");
    let refused = as_ada.get(&format!("/users/{}", bob.id)).expect(403).refused("forbidden");
    assert_eq!(refused.json["access"], format!("users.{}.read", bob.id));
    as_ada.get("/users").refused("forbidden");
    as_ada.send("PUT", "/users/me/access", &json!({ "access": ["#"] })).refused("forbidden");
    blog.get("/users/me").refused("forbidden");
    blog.get(&format!("/users/{}", bob.id)).expect(200);

    let patched = as_ada.send("PATCH", "/users/me", &json!({ "name": "Ada L.", "email": null })).expect(200);
    assert_eq!((patched.json["name"].clone(), patched.json["email"].clone()), (json!("Ada L."), Value::Null));
    assert_eq!(patched.header("etag"), Some("\"2\""));
    let stale = as_ada.signed_json("PATCH", "/users/me", &json!({ "name": "x" })).header("If-Match", "\"1\"");
    house.send(&stale).expect(412).refused("precondition_failed");
    as_ada.send("PATCH", "/users/me", &json!({ "username": "bob" })).expect(409).refused("conflict");
    let invalid = as_ada.send("PATCH", "/users/me", &json!({ "rank": 1 })).expect(422).refused("invalid");
    assert_eq!(invalid.json["errors"][0]["field"], "rank");
    assert_eq!(invalid.json["errors"][0]["code"], "unknown");
}

#[test]
fn a_profile_belongs_to_one_service() {
    let house = House::start();
    let ada = house.user("ada", PASSWORD);
    let words = ["users.*.profile.#", "users.me.#"];
    let (blog, shop) = (house.consumer("blog", &words), house.consumer("shop", &words));
    let (as_blog, as_shop) = (house.acting(&blog, &ada), house.acting(&shop, &ada));
    as_blog.get("/users/me/profile").refused("not_found");
    let put = as_blog.send("PUT", "/users/me/profile", &json!({ "colour": "teal", "theme": { "dark": true } }));
    assert_eq!(
        (put.json.clone(), put.header("etag")),
        (json!({ "colour": "teal", "theme": { "dark": true } }), Some("\"1\""))
    );
    as_shop.get("/users/me/profile").refused("not_found");
    let patched =
        as_blog.send("PATCH", "/users/me/profile", &json!({ "colour": null, "theme": { "size": 3 } })).expect(200);
    assert_eq!(patched.json, json!({ "theme": { "dark": true, "size": 3 } }));
    assert_eq!(blog.get(&format!("/users/{}/profile", ada.id)).expect(200).json, patched.json);
    let stale = as_blog.signed_json("PUT", "/users/me/profile", &json!({})).header("If-Match", "\"1\"");
    house.send(&stale).refused("precondition_failed");
    as_blog.send("PUT", "/users/me/profile", &json!([1])).refused("invalid");
    as_blog.send("PUT", "/users/me/profile", &json!({ "x": "y".repeat(64 * 1024) })).refused("invalid");
    as_blog.delete("/users/me/profile").expect(204);
    as_blog.get("/users/me/profile").refused("not_found");
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let house = House::start();
    house.user("ada", PASSWORD);
    let frontend = house.consumer("frontend", &["authenticate", "users.me.#"]);
    let ((here, _), (elsewhere, _)) = (frontend.sign_in("ada", PASSWORD), frontend.sign_in("ada", PASSWORD));
    let put = |body: Value| here.send("PUT", "/users/me/password", &body);
    put(json!({ "password": "another long one" })).expect(422).refused("invalid");
    put(json!({ "password": "another long one", "current_password": "wrong" }))
        .expect(401)
        .refused("invalid_credentials");
    put(json!({ "password": "short", "current_password": PASSWORD })).expect(422);
    put(json!({ "password": "another long one", "current_password": PASSWORD })).expect(204);
    here.get("/").expect(200);
    elsewhere.get("/").refused("token_revoked");
    let old = frontend.post("/authenticate", json!({ "username": "ada", "password": PASSWORD }));
    old.refused("invalid_credentials");
    frontend.sign_in("ada", "another long one");
}

#[test]
fn an_administrator_runs_the_place() {
    let house = House::start();
    let console = house.consumer("console", &["#"]);
    let root = house.administrator("root", PASSWORD);
    let admin = house.acting(&console, &root);
    let made = admin
        .post("/users", json!({ "username": "eve", "email": "eve@example.com", "password": PASSWORD }))
        .expect(201);
    let id = made.json["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), Some(format!("/users/{id}").as_str()));
    admin.post("/users", json!({ "username": "EVE" })).refused("conflict");
    assert_eq!(admin.post("/users", json!({})).refused("invalid").json["errors"][0]["code"], "required");
    admin.post("/users", json!({ "username": "two words" })).refused("invalid");
    for index in 0..5 {
        house.user(&format!("user{index}"), PASSWORD);
    }
    let mut names = Vec::new();
    let mut path = "/users?limit=3".to_owned();
    loop {
        let page = admin.get(&path).expect(200).json;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        names.extend(items.iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/users?limit=3&after={next}"),
            None => break,
        }
    }
    // The oldest first; but those that were made within one millisecond come in any order.
    names.get_mut(2..).unwrap().sort();
    assert_eq!(names, ["root", "eve", "user0", "user1", "user2", "user3", "user4"]);
    assert_eq!(admin.get("/users?search=USER").expect(200).json["items"].as_array().unwrap().len(), 5);
    admin.get("/users?after=nonsense").refused("invalid");

    let blog = house.consumer("blog", &["authenticate", "users.me.#"]);
    let (as_eve, _) = blog.sign_in("eve", PASSWORD);
    let receipt = admin.post(&format!("/users/{id}/disable"), json!({})).expect(200).json;
    assert_eq!(receipt["ended"], json!({ "tokens": 1, "sessions": 1 }));
    as_eve.get("/").refused("token_revoked");
    blog.post("/authenticate", json!({ "username": "eve", "password": PASSWORD })).refused("invalid_credentials");
    assert!(admin.get(&format!("/users/{id}")).json["disabled_at"].is_string());
    admin.post(&format!("/users/{id}/enable"), json!({})).expect(200);
    as_eve.get("/").refused("token_revoked");
    blog.sign_in("eve", PASSWORD);
    admin.delete(&format!("/users/{id}")).expect(204);
    admin.get(&format!("/users/{id}")).refused("not_found");
}

#[test]
fn a_consumer_is_registered_rotated_and_revoked_while_everything_runs() {
    let house = House::start();
    let admin = house.admin();
    let made = admin
        .post("/consumers", json!({ "service": "blog", "label": "The blog", "access": ["users.me.#"] }))
        .expect(201);
    let key = made.json["key"].as_str().unwrap().to_owned();
    let old = common::Consumer::new(
        &house.url,
        shared::oauth1::Credentials::new(&*key, made.json["secret"].as_str().unwrap()),
    );
    old.get("/echo").expect(200);

    let rotated = admin.post(&format!("/consumers/{key}/secrets"), json!({ "overlap_seconds": 60 })).expect(201).json;
    let new =
        common::Consumer::new(&house.url, shared::oauth1::Credentials::new(&*key, rotated["secret"].as_str().unwrap()));
    old.get("/echo").expect(200);
    new.get("/echo").expect(200);
    assert_eq!(rotated["secrets"].as_array().unwrap().len(), 2);
    admin.post(&format!("/consumers/{key}/secrets"), json!({ "overlap_seconds": 0 })).expect(201);
    old.get("/echo").refused("signature_invalid");
    new.get("/echo").refused("signature_invalid");

    let blog = house.consumer("blog", &["consumers.*.rotate", "users.me.#"]);
    let own = format!("/consumers/{}", blog.key());
    blog.post(&format!("{own}/secrets"), json!({})).expect(201);
    blog.get(&own).refused("forbidden");
    let ada = house.user("ada", PASSWORD);
    let as_ada = house.acting(&blog, &ada);
    as_ada.get("/users/me").expect(200);
    let impact = admin.get(&format!("{own}/impact")).expect(200).json;
    assert_eq!(
        (impact["tokens"].clone(), impact["users"].clone(), impact["sessions"].clone()),
        (json!(1), json!(1), json!(0))
    );
    let receipt = admin.post(&format!("{own}/revoke"), json!({})).expect(200).json;
    assert_eq!(receipt["ended"]["tokens"], 1);
    assert_eq!((receipt["confirmed"][0]["instance"].clone(), receipt["silent"].clone()), (json!("one"), json!([])));
    assert!(receipt["sequence"].as_i64().unwrap() > 0);
    blog.get("/echo").expect(401).refused("consumer_revoked");
    as_ada.get("/echo").expect(401).refused("consumer_revoked");
    assert!(admin.get(&own).json["revoked_at"].is_string());
    admin.post(&format!("{own}/secrets"), json!({})).refused("conflict");
    let tokens = admin.post("/tokens", json!({ "user": ada.id, "consumer": blog.key() }));
    tokens.refused("conflict");
}

#[test]
fn a_change_to_a_consumer_holds_from_the_next_request_on() {
    let house = House::start();
    let (admin, blog) = (house.admin(), house.consumer("blog", &["users.#"]));
    let path = format!("/consumers/{}", blog.key());
    blog.get("/users").expect(200);
    admin.send("PATCH", &path, &json!({ "access": ["users.me.#"] })).expect(200);
    blog.get("/users").refused("forbidden");
    admin.send("PATCH", &path, &json!({ "signature_methods": ["HMAC-SHA512"] })).expect(200);
    blog.get("/echo").expect(400).refused("signature_method_rejected");
    blog.with_method(SignatureMethod::HmacSha512).get("/echo").expect(200);
    admin.send("PATCH", &path, &json!({ "signature_methods": [] })).refused("invalid");
    admin.send("PATCH", &path, &json!({ "key": "other" })).refused("invalid");
}

#[test]
fn last_uses_are_shown() {
    let house = House::start();
    let (admin, blog) = (house.admin(), house.consumer("blog", &["users.me.#"]));
    let as_ada = house.acting(&blog, &house.user("ada", PASSWORD));
    as_ada.get("/echo").expect(200);
    house.until("the last use is written down", || {
        let consumer = admin.get(&format!("/consumers/{}", blog.key())).json;
        consumer["last_used_at"].is_string() && consumer["secrets"][0]["last_used_at"].is_string()
    });
    // Tokens are written down after consumers, in a transaction of their own.
    house.until("the last use of the token, too", || {
        as_ada.get("/users/me/tokens").expect(200).json["items"][0]["last_used_at"].is_string()
    });
    assert_eq!(admin.get(&format!("/consumers/{}", blog.key())).json["live_tokens"], 1);
}

#[test]
fn nobody_hands_out_more_than_they_hold() {
    let house = House::start();
    let clerk = house.consumer("clerk", &["users.#", "consumers.#", "tokens.create", "access.#"]);
    clerk.post("/users", json!({ "username": "eve", "access": ["#"] })).refused("forbidden");
    clerk.post("/consumers", json!({ "service": "evil", "access": ["#"] })).refused("forbidden");
    clerk.post("/consumers", json!({ "service": "fine", "access": ["users.*.read"] })).expect(201);
    let root = house.administrator("root", PASSWORD);
    clerk.post("/tokens", json!({ "user": root.id, "consumer": clerk.key() })).refused("forbidden");
    let eve = house.user("eve2", PASSWORD);
    clerk.send("PUT", &format!("/users/{}/access", eve.id), &json!({ "access": ["#"] })).refused("forbidden");
    clerk.send("PUT", &format!("/users/{}/access", root.id), &json!({ "access": [] })).refused("forbidden");
    let password = json!({ "password": "taken over by me" });
    clerk.send("PUT", &format!("/users/{}/password", root.id), &password).refused("forbidden");
    let admin = format!("/consumers/{}", house.admin().key());
    clerk.post(&format!("{admin}/secrets"), json!({})).refused("forbidden");
    clerk.send("PATCH", &admin, &json!({ "body_hash": "optional" })).refused("forbidden");
    // One ordinary user is not another: what is `me` to them is not theirs to hand out.
    let helper = house.acting(&house.consumer("jobs", &["#"]), &eve);
    let words = json!({ "access": ["users.me.#", "sessions.me.#", "tokens.me.#", "tokens.create"] });
    house.admin().send("PUT", &format!("/users/{}/access", eve.id), &words).expect(200);
    let ada = house.user("ada", PASSWORD);
    helper.post("/tokens", json!({ "user": ada.id, "consumer": helper.key() })).refused("forbidden");
    helper.post("/tokens", json!({ "user": eve.id, "consumer": helper.key() })).expect(201);
}

#[test]
fn what_a_consumer_was_registered_with_is_kept() {
    let house = House::start();
    let strict = house.consumer_with("strict", |c| c.body_hash = Some(BodyHash::Sha256));
    strict.post("/echo", json!({})).expect(200);
    strict.with_method(SignatureMethod::HmacSha1).post("/echo", json!({})).refused("body_hash_required");
    let lax = house.consumer_with("lax", |c| {
        c.body_hash = Some(BodyHash::Optional);
        c.locations = Some(vec![Location::Header, Location::Query, Location::Body]);
    });
    house.send(&lax.signed("POST", "/echo").body("application/json", b"{}")).expect(200);
    let blog = house.consumer("blog", &[]);
    house.send(&blog.signed("POST", "/echo").body("application/json", b"{}")).refused("body_hash_required");
}

#[test]
fn bodies_are_json_and_not_too_large() {
    let house = House::start();
    let admin = house.admin();
    house.send(&admin.signed_form("POST", "/users", "username=eve")).expect(415).refused("unsupported_media_type");
    let mut large = admin.signed("POST", "/echo");
    large.body = vec![b'x'; 1024 * 1024 + 1];
    house.send(&large).expect(413).refused("body_too_large");
    let malformed = admin.signed_at("POST", "/users", shared::oauth1::SignBody::Other(b"{\"a"), common::now(), "bad");
    house.send(&malformed.body("application/json", b"{\"a")).expect(422).refused("invalid");
    admin.get("/nowhere").expect(404).refused("not_found");
    admin.send("PUT", "/users", &json!({})).expect(405).refused("method_not_allowed");
}
