//! The configuration, as commands meet it.

use crate::place::Place;
use serde_json::Value;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

/// Every command that reads the configuration.
const READERS: [&[&str]; 6] = [
    &["up"],
    &["data-service", "--config", "var/countersign.toml"],
    &["frontend", "--config", "var/countersign.toml"],
    &["user", "list"],
    &["config", "show"],
    &["config", "check"],
];

#[test]
fn show_says_where_each_value_comes_from_and_no_secret() {
    let place = Place::made();
    let mut command = place.command(&["config", "show", "--json"]);
    let output = command.env("COUNTERSIGN__LOG__LEVEL", "debug").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let shown: Value = serde_json::from_str(&text).unwrap();
    let of = |key: &str| shown.as_array().unwrap().iter().find(|shown| shown["key"] == key).unwrap();
    assert_eq!(
        (&of("log.level")["value"], &of("log.level")["origin"]),
        (&"debug".into(), &"COUNTERSIGN__LOG__LEVEL".into())
    );
    assert_eq!(of("log.format")["origin"], "default");
    assert!(of("frontend.consumer_key")["origin"].as_str().unwrap().contains("countersign.toml:"));
    assert!(of("seal.keys")["origin"].as_str().unwrap().contains("seal.keys, named by"));
    let people = place.ok(&["config", "show"]);
    for secret in ["seal.keys", "frontend.secret"] {
        let secret = place.read(secret);
        assert!(!text.contains(secret.trim()) && !people.contains(secret.trim()));
    }
    assert!(people.contains("********") && people.contains("(the bound address)"), "{people}");
}

#[test]
fn bad_configuration_ends_every_command_with_78() {
    let place = Place::made();
    let mut file = OpenOptions::new().append(true).open(place.file("countersign.toml")).unwrap();
    write!(file, "\n[zeromq]\nlisten = 'x'\n[sesions]\nidle = 1\n").unwrap();
    for args in READERS {
        let words = place.fails(args, 78);
        assert!(words.contains("zeromq.listen (") && words.contains("there is no such key"), "{words}");
        assert!(words.contains("sesions.idle") && words.contains("`sessions.idle`"), "{words}");
    }
    let output = place.output(&["config", "check", "--json"]);
    assert_eq!(output.status.code(), Some(78));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let place = Place::made();
    fs::set_permissions(place.file("seal.keys"), Permissions::from_mode(0o644)).unwrap();
    for args in READERS {
        let words = place.fails(args, 78);
        assert!(words.contains("chmod 600") && words.contains("seal.keys"), "{words}");
    }
}

#[test]
fn secrets_can_come_from_elsewhere() {
    let place = Place::made();
    fs::rename(place.file("seal.keys"), place.folder().join("elsewhere")).unwrap();
    let elsewhere = place.folder().join("elsewhere").display().to_string();
    place.fails(&["user", "list"], 78);
    let with = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["user", "list"]);
        command.envs(variables.iter().copied()).output().unwrap()
    };
    let key = fs::read_to_string(&elsewhere).unwrap();
    // The file still names what is not there. That does not matter when the environment says more.
    assert!(with(&[("COUNTERSIGN__SEAL__KEYS_FILE", &elsewhere)]).status.success());
    assert!(with(&[("COUNTERSIGN__SEAL__KEYS", key.trim())]).status.success());
    let both = with(&[("COUNTERSIGN__SEAL__KEYS", key.trim()), ("COUNTERSIGN__SEAL__KEYS_FILE", &elsewhere)]);
    let words = String::from_utf8(both.stderr).unwrap();
    assert_eq!(both.status.code(), Some(78), "{words}");
    assert!(words.contains("one of them must go") && !words.contains(key.trim()), "{words}");
    let text = place.read("countersign.toml").replace("keys_file =", "#keys_file =");
    fs::write(place.file("countersign.toml"), text).unwrap();
    let none = with(&[]);
    assert_eq!(none.status.code(), Some(78));
    assert!(String::from_utf8(none.stderr).unwrap().contains("seal.keys is not set"));
}

#[test]
fn check_warns_of_what_is_probably_not_meant() {
    let place = Place::made();
    assert_eq!(place.ok(&["config", "check"]), "./var/countersign.toml can be used.\n");
    let mut command = place.command(&["config", "check"]);
    let output = command.env("COUNTERSIGN__DATA_SERVICE__LISTEN", "0.0.0.0:8000").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && words.starts_with("warning: data_service.public_urls is not set"), "{words}");
}
