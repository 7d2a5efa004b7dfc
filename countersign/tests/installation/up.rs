//! `up`: both services on one folder.

use crate::place::{Place, Up, fails, get, ok, until};
use rustix::process::Signal;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

#[test]
fn an_empty_folder_and_the_same_folder_again() {
    let place = Place::new();
    let up = place.up();
    assert_eq!((get(&format!("{}/readyz", up.data_service)), get(&format!("{}/healthz", up.frontend))), (200, 200));
    let said = up.said();
    assert!(said.contains(&up.data_service) && said.contains(&up.frontend) && said.contains("./var"), "{said}");
    assert!(said.contains(" consumer add --service "), "{said}");
    let [first] = <[String; 1]>::try_from(up.links()).unwrap();
    assert!(first.starts_with(&format!("{}/setup?link=", up.frontend)), "{first}");
    assert_eq!(get(&first), 200);
    let made = ["countersign.toml", "seal.keys", "frontend.secret", "admin.json"].map(|file| place.read(file));
    assert_eq!(up.stop().code(), Some(0));

    let up = place.up();
    let [second] = <[String; 1]>::try_from(up.links()).unwrap();
    assert_ne!(first, second, "each start makes a new link");
    assert!(claim(&place, &up, &first).contains("\"gone\""), "and the one before has ended");
    assert!(claim(&place, &up, &second).contains("\"username\":\"ada\""));
    assert_eq!(made, ["countersign.toml", "seal.keys", "frontend.secret", "admin.json"].map(|file| place.read(file)));
    assert_eq!(up.stop().code(), Some(0));

    let up = place.up();
    assert_eq!(up.links().len(), 0, "there is an administrator");
    up.signal(Signal::INT);
    assert_eq!({ up }.ended().code(), Some(0));
}

/// What the data service answers to whoever has the link.
fn claim(place: &Place, up: &Up, link: &str) -> String {
    let link = link.split_once('=').unwrap().1;
    let body = format!(r#"{{"link":"{link}","username":"ada","password":"correct horse battery"}}"#);
    let url = format!("{}/setup", up.data_service);
    let output = place.output(&["request", "POST", &url, "--credentials", &place.admin(), "--json", &body]);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_administrator_of_the_operators_making_needs_no_link() {
    let place = Place::made();
    let add = ["user", "add", "ada", "--admin", "--password-stdin"];
    ok(place.typed(&add, "correct horse battery\n"), &add);
    let up = place.up();
    assert_eq!(up.links().len(), 0);
}

#[test]
fn two_on_one_folder_and_the_first_goes_on() {
    let place = Place::new();
    let up = place.up();
    let words = place.fails(&["up", "--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"], 1);
    assert!(words.contains("another data service is running on"), "{words}");
    assert_eq!(get(&format!("{}/readyz", up.data_service)), 200);
    assert!(claim(&place, &up, &up.links()[0]).contains("\"username\":\"ada\""), "nor has its link ended");
}

#[test]
fn an_address_in_use_is_named_with_the_way_out() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = place.fails(&["up", "--data-service", &address, "--frontend", "127.0.0.1:0"], 1);
    assert!(words.contains(&address) && words.contains("--data-service 127.0.0.1:0"), "{words}");
    let words = place.fails(&["up", "--data-service", "127.0.0.1:0", "--frontend", &address], 1);
    assert!(words.contains(&address) && words.contains("--frontend 127.0.0.1:0"), "{words}");
    let up = place.up();
    let revoked = place.json(&["consumer", "revoke", &key_of(&place, "accounts")]);
    assert_eq!(revoked["silent"], serde_json::json!([]), "what did not start is not waited for");
    assert_eq!(up.stop().code(), Some(0));
}

#[test]
fn without_its_consumer_the_frontend_does_not_start() {
    let place = Place::made();
    let key = key_of(&place, "accounts");
    place.ok(&["consumer", "revoke", &key, "--yes"]);
    let words = place.fails(&["up", "--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"], 1);
    assert!(words.contains(&key) && words.contains("was revoked"), "{words}");
}

fn key_of(place: &Place, service: &str) -> String {
    let consumers = place.json(&["consumer", "list"]);
    let mut consumers = consumers.as_array().unwrap().iter();
    consumers.find(|consumer| consumer["service"] == service).unwrap()["key"].as_str().unwrap().to_owned()
}

#[test]
fn what_runs_is_finished_unless_a_second_signal_comes() {
    let place = Place::made();
    let mut up = place.up();
    // A request that does not come to its end.
    let mut stream = TcpStream::connect(up.frontend.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nusername=").unwrap();
    // Connections are accepted in order: once this is answered, the one before is being served.
    assert_eq!(get(&format!("{}/healthz", up.frontend)), 200);
    up.signal(Signal::TERM);
    until("it says that it stops", || up.said().contains("stopping").then_some(()));
    up.signal(Signal::TERM);
    let status = up.ended();
    assert_eq!(status.code(), Some(128 + 15), "{status}");
}

#[test]
fn without_a_subcommand_it_is_up() {
    let place = Place::new();
    let mut command = place.command(&[]);
    command.env("COUNTERSIGN__DATA_SERVICE__LISTEN", "nowhere");
    let words = fails(command.output().unwrap(), &[], 78);
    assert!(words.contains("data_service.listen (COUNTERSIGN__DATA_SERVICE__LISTEN): `nowhere`"), "{words}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = place.command(&[]);
    command.env("COUNTERSIGN__DATA_SERVICE__LISTEN", "192.0.2.1:1");
    command.env("COUNTERSIGN__FRONTEND__LISTEN", taken.to_string());
    let words = fails(command.output().unwrap(), &[], 1);
    assert!(words.contains("cannot listen on 192.0.2.1:1"), "{words}");
    assert_eq!(place.mode("countersign.toml"), 0o600, "and it has made ./var");
}

#[test]
fn a_base_path_is_part_of_the_link() {
    let place = Place::new();
    let args = ["up", "--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"];
    let environment = [
        ("COUNTERSIGN__FRONTEND__BASE_PATH", "/accounts"),
        ("COUNTERSIGN__FRONTEND__PUBLIC_URL", "https://example.com"),
        ("COUNTERSIGN__LOG__FORMAT", "json"),
    ];
    let up = Up::start(&place, &args, &environment);
    assert!(up.links()[0].starts_with("https://example.com/accounts/setup?link="), "{:?}", up.links());
    assert!(up.frontend.starts_with("http://127.0.0.1:") && up.frontend.ends_with("/accounts"), "{}", up.frontend);
    let line = up.said().lines().find(|line| line.contains("both services answer")).unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["data_service"], up.data_service.as_str());
}

#[test]
fn a_descriptor_that_is_not_open_is_wrong_usage() {
    let place = Place::new();
    let words = place.fails(&["up", "--json-ready", "77"], 2);
    assert!(words.contains("--json-ready 77"), "{words}");
    assert!(!place.file("countersign.db").exists());
}
