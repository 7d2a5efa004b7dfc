//! What the executable does when the database is away, and how it ends.

use crate::place::{Place, get, status, until};
use testbed::Stop;

const SERVICE: [&str; 3] = ["data-service", "--config", "var/countersign.toml"];
const UP: [&str; 5] = ["up", "--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"];

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn the_service_starts_before_its_database_and_goes_on_when_it_comes() {
    let mut place = Place::made();
    place.server.stop(Stop::Fast);
    let service = place.start(&SERVICE, &[("COUNTERSIGN__DATA_SERVICE__LISTEN", "127.0.0.1:0")]);
    let url = service.url();
    assert_eq!(status(&format!("{url}/healthz")), 200);
    let answer = get(&format!("{url}/readyz"));
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");
    place.server.go();
    until("it is ready", || (status(&format!("{url}/readyz")) == 200).then_some(()));
    assert_eq!(service.stop(), Some(0));
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn up_starts_before_its_database_and_goes_on_when_it_comes() {
    let mut place = Place::made();
    place.server.stop(Stop::Fast);
    let up = place.start(&UP, &[]);
    until("it says what it waits for", || up.said().contains("until the database comes").then_some(()));
    place.server.go();
    until("it says that it runs", || up.said().contains("Countersign is running.").then_some(()));
    assert_eq!(up.stop(), Some(0));
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_database_that_does_not_come_is_given_up_with_129() {
    let mut place = Place::made();
    place.server.stop(Stop::Fast);
    let listen = ("COUNTERSIGN__DATA_SERVICE__LISTEN", "127.0.0.1:0");
    for patience in ["0", "1s"] {
        for args in [&SERVICE[..], &UP[..]] {
            let give_up = ("COUNTERSIGN__DEPENDENCIES__GIVE_UP_AFTER", patience);
            let mut service = place.start(args, &[listen, give_up]);
            assert_eq!(service.ended(), Some(129), "{}", service.said());
            assert!(service.said().contains("given up after") && service.said().contains("cannot be reached"));
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_database_that_goes_is_given_up_with_129_too() {
    let mut place = Place::made();
    let give_up = ("COUNTERSIGN__DEPENDENCIES__GIVE_UP_AFTER", "0");
    let mut up = place.start(&UP, &[give_up]);
    until("it says that it runs", || up.said().contains("Countersign is running.").then_some(()));
    place.server.stop(Stop::Crash);
    assert_eq!(up.ended(), Some(129), "{}", up.said());
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn the_operator_is_not_kept_waiting_and_is_told_129() {
    let mut place = Place::made();
    place.server.stop(Stop::Fast);
    for args in [
        &["user", "list"][..],
        &["consumer", "add", "--service", "blog"],
        &["token", "list", "--user", "ada"],
        &["migrate"],
        &["migrate", "--plan"],
    ] {
        let words = place.fails(args, 129);
        assert!(words.contains("postgres:********@") && words.contains("cannot be reached"), "{words}");
    }
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().join("var").display().to_string();
    place.fails(&["init", "--dir", &folder, "--database-url", &place.url()], 129);
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_server_that_lets_us_not_in_is_told_at_once() {
    let mut place = Place::made();
    place.server.stop(Stop::Fast);
    place.server.admit("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256");
    place.server.go();
    let stranger = place.url().replace("postgres:", "stranger:").replace("stranger://", "postgres://");
    let nowhere = place.url().replace("/postgres", "/nowhere").replace("//nowhere", "//postgres");
    for (url, words) in [(stranger, "stranger"), (nowhere, "nowhere")] {
        let mut service = place.start(&SERVICE, &[("COUNTERSIGN__DATABASE__URL", &url)]);
        assert_eq!(service.ended(), Some(1), "{}", service.said());
        let said = service.said();
        assert!(said.contains("does not let us in") && said.contains(words), "{said}");
    }
}
