//! An instance that stands still: the receipt names it, and when it wakes up it knows.

use crate::client::{exchange, request};
use crate::installation::Installation;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["instance"].as_str().or(item.as_str()).unwrap()).collect()
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_receipt_names_the_silent_one_and_it_refuses_from_its_first_answer_on() {
    let installation = Installation::new();
    let instances = installation.start_three();
    for service in ["blog", "shop"] {
        let client = installation.register(service, &[]);
        for instance in &instances {
            assert_eq!(client.get(instance, "/echo").status, 200);
        }
        let stopped = &instances[1];
        stopped.signal(Signal::STOP);
        // Signed and sent before the revocation; it lies in the socket of the one that stands still.
        let mut waiting = TcpStream::connect(stopped.address).unwrap();
        let header = client.sign("GET", "/echo", None);
        waiting.write_all(&request("GET", "/echo", Some(&header), None, false)).unwrap();

        let output = installation.output(&["consumer", "revoke", client.key(), "--yes", "--json", "--wait", "30s"]);
        assert_eq!(output.status.code(), Some(1), "not everybody has confirmed");
        let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(names(&receipt["silent"]), ["two"], "{receipt}");
        assert_eq!(names(&receipt["confirmed"]), ["one", "three"], "{receipt}");
        assert!(receipt["sequence"].as_i64().unwrap() > 0 && receipt["ended"] == json!({ "tokens": 0, "sessions": 0 }));
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("not confirmed by two"), "{words}");
        for instance in [&instances[0], &instances[2]] {
            assert_eq!(client.get(instance, "/echo").code(), "consumer_revoked");
        }

        stopped.signal(Signal::CONT);
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("consumer_revoked"), "{answer}");
        let again = client.sign("GET", "/echo", None);
        assert_eq!(exchange(stopped.address, "GET", "/echo", Some(&again), None).unwrap().code(), "consumer_revoked");
        // Awake, it is a witness again.
        let other = installation.register("wiki", &[]);
        assert_eq!(other.get(stopped, "/echo").status, 200);
        let people = installation.output(&["consumer", "revoke", other.key(), "--yes", "--wait", "60s"]);
        let people = String::from_utf8(people.stdout).unwrap();
        let confirmed = |name: &str| people.lines().any(|line| line.starts_with(name) && line.contains("confirmed at"));
        assert!(["one", "two", "three"].into_iter().all(confirmed), "{people}");
    }
}
