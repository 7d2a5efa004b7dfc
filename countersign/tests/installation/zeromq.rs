//! The ZeroMQ door, as far as the executable has a say in it.

use crate::place::{Place, Up, get};
use std::net::{TcpListener, TcpStream};

const FREE: [&str; 5] = ["up", "--data-service", "127.0.0.1:0", "--frontend", "127.0.0.1:0"];

fn listens(address: &str) -> bool {
    TcpStream::connect(address.strip_prefix("tcp://").unwrap()).is_ok()
}

#[test]
fn up_opens_the_door_and_says_where() {
    let (one, other) = (Place::new(), Place::new());
    // The usual port is taken by one of these at the latest: then a free one does.
    let (first, second) = (one.up(), other.up());
    let (here, there) = (first.zeromq.clone().unwrap(), second.zeromq.clone().unwrap());
    assert_ne!(here, there);
    for (up, address) in [(&first, &here), (&second, &there)] {
        assert!(listens(address) && up.said().contains(address.as_str()), "{address}: {}", up.said());
    }
    assert_eq!((first.stop().code(), second.stop().code()), (Some(0), Some(0)));
    assert!(!listens(&here));
}

#[test]
fn off_is_off_and_what_is_asked_for_is_what_is_bound() {
    let place = Place::new();
    let up = place.up_with(&[&FREE[1..], &["--zeromq", "off"]].concat());
    assert_eq!((up.zeromq.as_deref(), up.said().contains("ZeroMQ")), (None, false));
    up.stop();
    let up = place.up_with(&[&FREE[1..], &["--zeromq", "ipc://door.sock, tcp://127.0.0.1:0"]].concat());
    let door = place.folder().join("var/door.sock");
    assert!(up.zeromq.as_ref().unwrap().ends_with("/var/door.sock") && door.exists(), "{:?}", up.zeromq);
    assert!(up.said().contains("tcp://127.0.0.1:"), "{}", up.said());
    up.stop();
    assert!(!door.exists(), "nothing is left behind");
}

#[test]
fn a_taken_address_that_was_asked_for_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", taken.local_addr().unwrap());
    let place = Place::made();
    let words = place.fails(&[&FREE[..], &["--zeromq", &address]].concat(), 1);
    assert!(words.contains(&format!("cannot listen on {address}")) && words.contains("zeromq.listen"), "{words}");
    // Nothing was left half open: it starts as ever.
    let up = place.up();
    assert_eq!(get(&format!("{}/readyz", up.data_service)), 200);
}

#[test]
fn a_network_in_the_clear_is_bad_configuration() {
    let place = Place::made();
    let words = place.fails(&[&FREE[..], &["--zeromq", "tcp://0.0.0.0:0"]].concat(), 78);
    assert!(words.contains("nothing there is encrypted") && words.contains("zeromq.allow_plain"), "{words}");
    let mut check = place.command(&["config", "check"]);
    let output = check.env("COUNTERSIGN__ZEROMQ__PUBLISH", "tcp://*:0").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("tcp://0.0.0.0:0 can be reached from other machines"), "{said}");
    for bad in ["udp://127.0.0.1:1", "tcp://nowhere:1", "ipc://", "tcp://127.0.0.1"] {
        let words = place.fails(&[&FREE[..], &["--zeromq", bad]].concat(), 78);
        assert!(words.contains("zeromq.listen (--zeromq)"), "{bad}: {words}");
    }
}

#[test]
fn a_curve_key_encrypts_and_is_told_only_by_its_public_half() {
    let place = Place::made();
    let pair = place.json(&["curve-key"]);
    let (public, secret) = (pair["public"].as_str().unwrap(), pair["secret"].as_str().unwrap());
    assert_eq!((public.len(), secret.len()), (40, 40));
    assert_ne!(place.json(&["curve-key"])["secret"], secret);
    let environment =
        [("COUNTERSIGN__ZEROMQ__CURVE_SECRET_KEY", secret), ("COUNTERSIGN__ZEROMQ__CURVE_CLIENTS", public)];
    let up = Up::start(&place, &[&FREE[..], &["--zeromq", "tcp://0.0.0.0:0"]].concat(), &environment);
    assert!(up.said().contains(public) && !up.said().contains(secret), "{}", up.said());
    let shown = place.command(&["config", "show"]).envs(environment).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(public) && !shown.contains(secret), "{shown}");
    let mut wrong = place.command(&["config", "check"]);
    let output = wrong.env("COUNTERSIGN__ZEROMQ__CURVE_SECRET_KEY", "hunter2").output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("not a CURVE key") && !words.contains("hunter2"), "{words}");
}
