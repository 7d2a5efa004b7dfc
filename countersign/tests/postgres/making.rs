//! An installation on PostgreSQL, from nothing.

use crate::place::{Place, ended, status, until, without_password};
use serde_json::json;
use std::fs;

/// A key that seals.
const KEY: (&str, &str) = ("COUNTERSIGN__SEAL__KEYS", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn it_is_made_and_operated_by_the_same_commands() {
    let place = Place::made();
    assert!(!place.file("countersign.db").exists());
    // The password stands in the file for its owner, and nowhere else.
    assert!(fs::read_to_string(place.file("countersign.toml")).unwrap().contains(&place.url()));
    let shown = place.ok(&["config", "show"]);
    assert!(shown.contains("postgres://postgres:********@127.0.0.1:"), "{shown}");
    place.ok(&["config", "show", "--json"]);
    place.ok(&["config", "check"]);
    place.add_user("ada", &[]);
    assert_eq!(place.json(&["user", "show", "ada"])["username"], "ada");
    let blog = place.json(&["consumer", "add", "--service", "blog"]);
    let token = place.json(&["token", "add", "--user", "ada", "--consumer", blog["key"].as_str().unwrap()]);
    assert!(token["secret"].is_string());
    let config = place.file("countersign.toml").display().to_string();
    assert!(place.ok(&["consumer", "list", "--config", &config]).contains("blog"));
    // Doing it again does nothing.
    place.ok(&["init", "--database-url", &place.url()]);
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn the_url_can_come_from_the_environment_or_from_a_file() {
    let place = Place::new();
    let url = place.url();
    let output = place.command(&["init"]).env("COUNTERSIGN__DATABASE__URL", &url).output().unwrap();
    ended(output, &["init"], 0);
    without_password(fs::read_to_string(place.file("countersign.toml")).unwrap());
    let file = place.file("url");
    fs::write(&file, format!("{url}\n")).unwrap();
    let with_file = || {
        let mut command = place.command(&["user", "list"]);
        command.env("COUNTERSIGN__DATABASE__URL_FILE", &file).output().unwrap()
    };
    let words = ended(with_file(), &["user", "list"], 78);
    assert!(words.contains("chmod 600"), "{words}");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    ended(with_file(), &["user", "list"], 0);
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_database_that_holds_an_installation_is_not_taken_over() {
    let place = Place::made();
    let before = place.json(&["consumer", "list"]);
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().join("var").display().to_string();
    let args = ["init", "--dir", &folder, "--database-url", &place.url()];
    for _ in 0..2 {
        let words = ended(place.command(&args).output().unwrap(), &args[..3], 1);
        assert!(words.contains("holds an installation already"), "{words}");
    }
    assert_eq!(place.json(&["consumer", "list"]), before, "no consumer was made, and none got a new secret");
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_plan_says_what_would_be_done_and_does_nothing() {
    let place = Place::new();
    fs::create_dir(place.file("")).unwrap();
    let toml = format!("[database]\nurl = '{}'\nmigrate = 'check'\n", place.server.url("postgres"));
    fs::write(place.file("countersign.toml"), toml).unwrap();
    let words = place.ok(&["migrate", "--plan"]);
    assert!(words.contains("@127.0.0.1:") && words.contains("  m0001_users\n"), "{words}");
    let plan = place.json(&["migrate", "--plan"]);
    assert_eq!(plan["there"], json!([]));
    // Who may not change the schema says so; `migrate` is told by somebody who may.
    let refused = place.command(&["user", "list"]).envs([KEY]).output().unwrap();
    let words = ended(refused, &["user", "list"], 1);
    assert!(words.contains("run `countersign migrate`"), "{words}");
    assert_eq!(place.json(&["migrate"])["done"], plan["pending"]);
    assert_eq!(place.json(&["migrate", "--plan"])["pending"], json!([]));
    let listed = place.command(&["user", "list"]).envs([KEY]).output().unwrap();
    ended(listed, &["user", "list"], 0);
}

/// As docs/operations.md has it: one role owns the schema, another one serves.
#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_role_that_may_not_touch_the_schema_can_serve() {
    let place = Place::new();
    let on = |name: &str, statements: &[&str]| testbed::run(&place.server.url(name), statements);
    on(
        "postgres",
        &[
            "CREATE ROLE accounts_owner LOGIN",
            "CREATE ROLE accounts LOGIN",
            "CREATE DATABASE accounts OWNER accounts_owner ENCODING 'UTF8'",
        ],
    );
    let url = |role: &str| place.server.url("accounts").replace("postgres@", &format!("{role}@"));
    testbed::run(
        &url("accounts_owner"),
        &[
            "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO accounts",
            "ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO accounts",
        ],
    );
    fs::create_dir(place.file("")).unwrap();
    fs::write(place.file("countersign.toml"), "").unwrap();
    let with = |role: &str, args: &[&str], code: i32| {
        let mut command = place.command(args);
        command.env("COUNTERSIGN__DATABASE__URL", url(role)).env("COUNTERSIGN__DATABASE__MIGRATE", "check");
        command.envs([KEY]);
        ended(command.output().unwrap(), args, code)
    };
    assert!(with("accounts", &["migrate"], 1).contains("permission denied"));
    with("accounts_owner", &["migrate"], 0);
    place.add_user("ada", &[("COUNTERSIGN__DATABASE__URL", &url("accounts")), KEY]);
    with("accounts", &["consumer", "add", "--service", "blog"], 0);
    assert!(with("accounts", &["user", "list"], 0).contains("ada"));
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn up_makes_an_installation_there_too() {
    let mut place = Place::prepared();
    let url = place.url();
    let args = ["up", "--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"];
    // The database comes later: the folder is filled then.
    let up = place.start(&args, &[("COUNTERSIGN__DATABASE__URL", &url)]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    place.server.go();
    until("it says that it runs", || up.said().contains("Countersign is running.").then_some(()));
    let said = up.said();
    assert!(said.contains("setup?link="), "{said}");
    let line = said.lines().find(|line| line.trim_start().starts_with("services talk to")).unwrap();
    assert_eq!(status(&format!("{}/readyz", line.rsplit(' ').next().unwrap())), 200);
    assert_eq!(up.stop(), Some(0));
}
