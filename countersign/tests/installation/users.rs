//! Users and the tokens that act for them.

use crate::place::{Place, fails, ok};
use serde_json::Value;

const PASSWORD: &str = "correct horse battery\n";

#[test]
fn a_user_is_made_shown_disabled_and_enabled() {
    let place = Place::made();
    let add = ["user", "add", "ada", "--email", "ada@example.com", "--name", "Ada L.", "--password-stdin"];
    assert_eq!(ok(place.typed(&add, PASSWORD), &add), "ada is a user now.\n");
    assert!(fails(place.typed(&add, PASSWORD), &add, 1).contains("(conflict)"));
    let short = ["user", "add", "bob", "--password-stdin"];
    assert!(fails(place.typed(&short, "short\n"), &short, 1).contains("(invalid)"));
    assert!(fails(place.typed(&short, "\n"), &short, 1).contains("empty"));
    let user = place.json(&["user", "show", "ADA@example.com"]);
    assert_eq!((&user["username"], &user["name"]), (&"ada".into(), &"Ada L.".into()));
    assert_eq!(user["access"], serde_json::json!(["users.me.#", "sessions.me.#", "tokens.me.#"]));
    assert!(place.ok(&["user", "list"]).contains("ada@example.com"));
    assert_eq!(place.json(&["user", "list", "--search", "bob"]), serde_json::json!([]));
    assert!(place.ok(&["user", "disable", "ada"]).contains("ada is disabled"));
    assert!(place.ok(&["user", "show", "ada"]).contains("disabled 2"));
    assert!(place.ok(&["user", "enable", "ada"]).contains("can sign in again"));
    assert_eq!(place.json(&["user", "show", "ada"])["disabled_at"], Value::Null);
    let set = place.ok(&["user", "access", "ada", "--set", "users.*.read", "--set", "users.me.#"]);
    assert_eq!(set, "users.*.read\nusers.me.#\n");
    assert_eq!(place.ok(&["user", "access", "ada"]), set);
    assert!(place.fails(&["user", "show", "nobody"], 1).contains("there is no user nobody (not_found)"));
}

#[test]
fn a_password_is_asked_for_at_a_terminal_or_read_when_told_so() {
    let place = Place::made();
    let words = place.fails(&["user", "add", "ada"], 2);
    assert!(words.contains("--password-stdin"), "{words}");
    let add = ["user", "add", "ada", "--password-stdin"];
    ok(place.typed(&add, PASSWORD), &add);
    assert!(place.fails(&["user", "password", "ada"], 2).contains("--password-stdin"));
    let change = ["user", "password", "ada", "--password-stdin"];
    ok(place.typed(&change, "another horse battery\r\n"), &change);
    let up = place.up();
    let sign_in = |password: &str| {
        let (url, body) = (
            format!("{}/authenticate", up.data_service),
            serde_json::json!({ "username": "ada", "password": password }).to_string(),
        );
        let args = ["request", "POST", &url, "--credentials", &place.admin(), "--json", &body];
        place.output(&args).status.success()
    };
    assert!(!sign_in("correct horse battery"));
    assert!(sign_in("another horse battery"), "without the line's end");
}

#[test]
fn tokens_act_for_a_user_until_they_are_ended() {
    let place = Place::made();
    let add = ["user", "add", "ada", "--password-stdin"];
    ok(place.typed(&add, PASSWORD), &add);
    let made = place.ok(&["consumer", "add", "--service", "jobs", "--json"]);
    std::fs::write(place.folder().join("jobs.json"), &made).unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let key = made["key"].as_str().unwrap();
    let up = place.up();
    let lines =
        place.ok(&["token", "add", "--user", "ada", "--consumer", key, "--count", "3", "--expires-in", "1h", "--json"]);
    let pairs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(pairs.len(), 3);
    assert!(pairs.iter().all(|pair| pair.as_object().unwrap().len() == 2));
    std::fs::write(place.folder().join("token.json"), pairs[0].to_string()).unwrap();
    let url = format!("{}/users/me", up.data_service);
    let request = ["request", "GET", &url, "--credentials", "jobs.json", "--token", "token.json"];
    assert!(place.ok(&request).contains("\"ada\""));
    let tokens = place.json(&["token", "list", "--user", "ada"]);
    assert_eq!(tokens.as_array().unwrap().len(), 3);
    assert!(place.ok(&["consumer", "impact", key]).contains("3 live tokens of 1 user"));
    let token = pairs[0]["token"].as_str().unwrap();
    let receipt = place.json(&["token", "revoke", token]);
    assert_eq!(receipt["ended"]["tokens"], 1, "{receipt}");
    assert_eq!(receipt["confirmed"].as_array().unwrap().len(), 1);
    let refused = place.output(&request);
    assert!(String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap().contains("token_revoked"));
    assert_eq!(place.json(&["user", "disable", "ada"])["ended"]["tokens"], 2);
    assert_eq!(place.ok(&["token", "list", "--user", "ada"]), "No token is alive.\n");
    let add = ["token", "add", "--user", "ada", "--consumer", key];
    assert!(place.fails(&add, 1).contains("(conflict)"), "a disabled user gets none");
    assert!(place.fails(&["token", "revoke", "t_nothing"], 1).contains("(not_found)"));
    place.fails(&["token", "add", "--user", "ada", "--consumer", key, "--count", "0"], 2);
}

#[test]
fn sessions_are_listed_and_ended() {
    let place = Place::made();
    let add = ["user", "add", "ada", "--password-stdin"];
    ok(place.typed(&add, PASSWORD), &add);
    assert!(place.ok(&["session", "list", "--user", "ada"]).contains("No session is alive."));
    let up = place.up();
    let post = |path: &str, body: &Value| {
        let url = format!("{}{path}", up.data_service);
        let body = body.to_string();
        place.output(&["request", "POST", &url, "--credentials", &place.admin(), "--json", &body])
    };
    let sign_in = || {
        let output = post("/authenticate", &serde_json::json!({ "username": "ada", "password": PASSWORD.trim() }));
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["sessionid"].clone()
    };
    let lives =
        |sessionid: &Value| post("/sessions/resolve", &serde_json::json!({ "sessionid": sessionid })).status.success();
    let cookies = [sign_in(), sign_in(), sign_in()];
    let sessions = place.json(&["session", "list", "--user", "ada"]);
    let newest = sessions[0]["id"].as_str().unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 3);
    assert!(place.ok(&["session", "list", "--user", "ada"]).contains(newest));
    assert_eq!(place.ok(&["session", "end", newest]), "Ended: 1 session.\n");
    assert_eq!([lives(&cookies[0]), lives(&cookies[1]), lives(&cookies[2])], [true, true, false]);
    assert!(place.fails(&["session", "end", newest], 1).contains("not_found"));
    assert!(place.fails(&["session", "end", "01900000-0000-7000-8000-000000000000"], 1).contains("(not_found)"));
    assert_eq!(place.json(&["session", "end", "--user", "ada"]), serde_json::json!({ "ended": 2 }));
    assert!(!lives(&cookies[0]) && !lives(&cookies[1]));
    for wrong in [&["session", "end"][..], &["session", "end", "x"], &["session", "end", newest, "--user", "ada"]] {
        place.fails(wrong, 2);
    }
}
