//! Every command through both doors: the same bytes come back.
//!
//! Two houses live the same life, one asked by HTTP and one by ZeroMQ. What must differ is replaced by a number in the
//! order in which it first appears, in both alike: ids, keys, tokens, secrets, session ids, cursors, request ids and
//! times. `last_used_at` and
//! `uptime_seconds` are left out: they go by the clock. Everything else is compared byte for byte.

use crate::client::{Client, sign};
use crate::common::{Consumer, House};
use crate::house;
use serde_json::{Value, json};
use shared::command::*;
use std::collections::BTreeSet;

/// Fields whose values are made up anew in each house.
const FRESH: [&str; 11] =
    ["id", "key", "token", "secret", "sessionid", "device", "request_id", "next", "subject", "user", "session"];

/// The way to a house.
trait Door {
    fn ask(&self, consumer: &Consumer, command: &str, body: &Value) -> (String, String);
}

struct Http<'a>(&'a House);

impl Door for Http<'_> {
    fn ask(&self, consumer: &Consumer, command: &str, body: &Value) -> (String, String) {
        let request = over_http(command, body);
        let (method, path) = (request.method.as_str(), request.path_and_query.as_str());
        let mut raw = match &request.body {
            Some(body) => consumer.signed_json(method, path, &serde_json::from_slice(body).unwrap()),
            None => consumer.signed(method, path),
        };
        if let Some(version) = request.if_match {
            raw = raw.header("If-Match", &format!("\"{version}\""));
        }
        let answer = self.0.send(&raw);
        (answer.status.to_string(), answer.text)
    }
}

struct ZeroMq<'a>(Client<'a>);

impl Door for ZeroMq<'_> {
    fn ask(&self, consumer: &Consumer, command: &str, body: &Value) -> (String, String) {
        let body = body.to_string();
        let reply = self.0.request(&sign(consumer, command, body.as_bytes()), command, body.as_bytes());
        (reply.status, reply.text)
    }
}

/// The place of a command in HTTP.
fn over_http(name: &str, body: &Value) -> HttpRequest {
    macro_rules! find {
        ($($command:ident,)*) => {
            match name {
                $(name if name == <$command as Command>::NAME => {
                    decode_whole::<$command>(body.to_string().as_bytes()).unwrap().encode().unwrap()
                })*
                _ => panic!("there is no {name}"),
            }
        };
    }
    shared::for_each_command!(find)
}

/// A house, the way to it, and what was said.
struct Life<'a> {
    door: &'a dyn Door,
    nobody: Consumer,
    seen: Vec<String>,
    lines: Vec<String>,
    names: BTreeSet<String>,
}

impl<'a> Life<'a> {
    /// Asks as somebody, as one who may nothing, and as one who has the secret wrong.
    fn ask(&mut self, consumer: &Consumer, command: &str, body: Value) -> Value {
        let mut wrong = consumer.clone();
        wrong.signer.consumer.secret = shared::secret::Secret::new("wrong");
        self.names.insert(command.to_owned());
        for (who, consumer) in [("wrong", &wrong), ("nobody", &self.nobody.clone())] {
            let (status, text) = self.door.ask(consumer, command, &body);
            self.note(who, command, &status, &text);
        }
        let (status, text) = self.door.ask(consumer, command, &body);
        self.note("caller", command, &status, &text)
    }

    fn note(&mut self, who: &str, command: &str, status: &str, text: &str) -> Value {
        let json: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let mut text = text.to_owned();
        self.replace(&json, "", &mut text);
        for (number, seen) in self.seen.iter().enumerate() {
            text = text.replace(seen.as_str(), &format!("FRESH {number}"));
        }
        self.lines.push(format!("{command} as {who}: {status} {text}"));
        json
    }

    /// Replaces what is fresh, wherever it stands in the text.
    fn replace(&mut self, json: &Value, field: &str, text: &mut String) {
        match json {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.replace(value, name, text)),
            Value::Array(items) => items.iter().for_each(|item| self.replace(item, field, text)),
            Value::String(value) => {
                let time = value.len() > 18 && value.ends_with('Z') && value.as_bytes()[10] == b'T';
                if field == "last_used_at" {
                    *text = text.replace(&format!("\"last_used_at\":\"{value}\""), "\"last_used_at\":null");
                } else if time {
                    *text = text.replace(value.as_str(), "TIME");
                } else if FRESH.contains(&field) && value.len() >= 16 && !self.seen.contains(value) {
                    self.seen.push(value.clone());
                }
            }
            Value::Number(number) if field == "uptime_seconds" => {
                *text = text.replace(&format!("\"{field}\":{number}"), &format!("\"{field}\":0"));
            }
            _ => {}
        }
    }
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap_or_else(|| panic!("no {field} in {json}")).to_owned()
}

/// Everything that can be done, once.
fn live(house: &House, door: &dyn Door) -> (Vec<String>, BTreeSet<String>) {
    let nobody = house.consumer("nobody", &["nothing"]);
    let admin = house.admin();
    let mut life = Life { door, nobody, seen: vec![], lines: vec![], names: BTreeSet::new() };
    let mut ask = |who: &Consumer, command: &str, body: Value| life.ask(who, command, body);
    let link = house.runtime.block_on(house.operator.setup_link()).unwrap().unwrap();
    ask(&admin, "whoami", json!({}));
    let setup = json!({"link": link, "username": "root", "password": "correct horse battery"});
    ask(&admin, "setup.claim", setup.clone());
    ask(&admin, "setup.claim", setup);
    let user = json!({"username": "ada", "email": "ada@example.com", "password": "correct horse battery"});
    let ada = text(&ask(&admin, "user.create", user.clone()), "id");
    ask(&admin, "user.create", user);
    ask(&admin, "user.get", json!({"id": ada}));
    ask(&admin, "user.list", json!({"limit": 1}));
    ask(&admin, "user.list", json!({"search": "ad"}));
    ask(&admin, "user.update", json!({"id": ada, "patch": {"name": "Ada"}, "if_match": 1}));
    ask(&admin, "user.update", json!({"id": ada, "patch": {"name": null}, "if_match": 1}));
    ask(&admin, "user.set_access", json!({"id": ada, "access": ["users.me.#", "sessions.me.#", "tokens.me.#"]}));
    ask(&admin, "user.get_access", json!({"id": ada}));
    ask(&admin, "user.set_password", json!({"id": ada, "password": "short"}));
    ask(&admin, "user.set_password", json!({"id": ada, "password": "battery horse correct"}));
    let shop = ask(&admin, "consumer.create", json!({"service": "shop", "label": "Shop", "access": ["#"]}));
    let key = text(&shop, "key");
    let shop = Consumer::new(&house.url, shared::oauth1::Credentials::new(&key, text(&shop, "secret")));
    ask(&admin, "consumer.list", json!({"limit": 2}));
    ask(&admin, "consumer.get", json!({"key": key}));
    ask(&admin, "consumer.update", json!({"key": key, "patch": {"label": "The shop"}}));
    let login = json!({"username": "ada", "password": "battery horse correct"});
    ask(&shop, "authenticate", json!({"username": "ada", "password": "wrong"}));
    let login = ask(&shop, "authenticate", login);
    let acting = shop.with_token(&text(&login, "token"), &text(&login, "secret"));
    let sessionid = text(&login, "sessionid");
    ask(&acting, "whoami", json!({}));
    ask(&acting, "user.get", json!({"id": "me"}));
    ask(&acting, "profile.get", json!({"id": "me"}));
    ask(&acting, "profile.put", json!({"id": "me", "document": {"a": 1}}));
    ask(&acting, "profile.patch", json!({"id": "me", "patch": {"b": [true, null]}, "if_match": 1}));
    ask(&acting, "profile.patch", json!({"id": "me", "patch": {"b": 1}, "if_match": 7}));
    ask(&acting, "profile.get", json!({"id": "me"}));
    ask(&acting, "profile.delete", json!({"id": "me"}));
    let job = ask(&admin, "token.create", json!({"user": ada, "consumer": key, "expires_in": 60}));
    ask(&acting, "token.list", json!({"id": "me"}));
    ask(&acting, "token.revoke", json!({"token": text(&job, "token")}));
    let created = ask(&shop, "session.create", json!({"data": {"own": {"cart": [1]}}}));
    let visitor = text(&created, "sessionid");
    ask(&shop, "session.resolve", json!({"sessionid": visitor}));
    ask(&shop, "session.save", json!({"sessionid": visitor, "patch": {"shared": {"lang": "de"}}}));
    ask(&shop, "session.save", json!({"sessionid": visitor, "patch": {"own": null}, "version": 9}));
    ask(&shop, "session.touch", json!({"sessionid": visitor}));
    let visitor = text(&ask(&shop, "session.cycle", json!({"sessionid": visitor})), "sessionid");
    ask(&shop, "session.end", json!({"sessionid": visitor}));
    ask(&shop, "session.resolve", json!({"sessionid": visitor}));
    ask(&shop, "session.resolve", json!({"sessionid": sessionid}));
    ask(&acting, "session.list", json!({"id": "me"}));
    let other = ask(&shop, "session.create", json!({"user": ada}));
    ask(&acting, "session.revoke", json!({"id": "me", "session": text(&other, "id")}));
    ask(&acting, "session.end_others", json!({"id": "me"}));
    ask(&admin, "user.disable", json!({"id": ada}));
    ask(&admin, "user.enable", json!({"id": ada}));
    ask(&admin, "user.delete", json!({"id": ada, "if_match": 1}));
    ask(&admin, "user.delete", json!({"id": ada}));
    ask(&admin, "user.get", json!({"id": ada}));
    ask(&admin, "consumer.impact", json!({"key": key}));
    ask(&admin, "consumer.rotate", json!({"key": key, "overlap_seconds": 10}));
    ask(&admin, "consumer.drain", json!({"key": key}));
    ask(&admin, "consumer.undrain", json!({"key": key}));
    ask(&admin, "consumer.purge", json!({"key": key}));
    ask(&admin, "consumer.revoke", json!({"key": key}));
    ask(&shop, "whoami", json!({}));
    ask(&admin, "consumer.purge", json!({"key": key, "profiles": true}));
    ask(&admin, "event.list", json!({"after": 5, "limit": 200}));
    ask(&admin, "stats", json!({}));
    (life.lines, life.names)
}

#[test]
fn every_command_answers_the_same_through_both_doors() {
    let (one, other) = (house(), house());
    let (by_http, names) = live(&one, &Http(&one));
    let (by_zeromq, _) = live(&other, &ZeroMq(other.client()));
    for (http, zeromq) in by_http.iter().zip(&by_zeromq) {
        assert_eq!(http, zeromq);
    }
    assert_eq!(by_http.len(), by_zeromq.len());
    macro_rules! every {
        ($($command:ident,)*) => { [$(<$command as Command>::NAME,)*] };
    }
    let missing: Vec<_> = shared::for_each_command!(every).into_iter().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "add to the table: {missing:?}");
    // The table is worth something only if things went well in it, and badly too.
    for status in ["200", "201", "204", "401", "403", "404", "409", "410", "412", "422"] {
        assert!(by_http.iter().any(|line| line.contains(&format!(": {status} "))), "no {status} in the table");
    }
}

/// What does not fit is told in the same words, up to the byte.
#[test]
fn what_does_not_fit_is_told_alike() {
    let house = house();
    let (admin, client) = (house.admin(), house.client());
    for body in [
        &b"{"[..],
        b"[]",
        b"null",
        b"7",
        b"\xff",
        b"{}",
        br#"{"username": 7}"#,
        br#"{"username": "ada", "rank": 1}"#,
        br#"{"username": "a b"}"#,
        br#"{"username": "ada", "password": "short"}"#,
        br#"{"username": "eve"} x"#,
    ] {
        let mut raw = admin.signed_at(
            "POST",
            "/users",
            shared::oauth1::SignBody::Other(body),
            crate::common::now(),
            &crate::common::nonce(),
        );
        raw = raw.body("application/json", body);
        let answer = house.send(&raw);
        let reply = client.request(&sign(&admin, "user.create", body), "user.create", body);
        let without_id = |text: &str, json: &Value| text.replace(json["request_id"].as_str().unwrap_or("-"), "");
        assert_eq!(reply.status, answer.status.to_string(), "{reply:?}");
        assert_eq!(without_id(&reply.text, &reply.json()), without_id(&answer.text, &answer.json));
        assert_eq!(reply.status, "422", "{}", reply.text);
    }
}
