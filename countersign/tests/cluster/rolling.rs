//! Three instances are restarted one after the other under load, and no client notices.

use crate::balancer::Balancer;
use crate::client::{Client, request};
use crate::installation::{Installation, until};
use rustix::process::Signal;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// One request after the other over one connection, until it is over; every answer must be a good one.
fn send(client: &Client, to: SocketAddr, over: &AtomicBool, count: &AtomicUsize) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    while !over.load(Ordering::Relaxed) {
        let body = json!({ "number": count.fetch_add(1, Ordering::Relaxed) });
        let header = client.sign("POST", "/echo", Some(&body));
        stream.write_all(&request("POST", "/echo", Some(&header), Some(&body), true)).unwrap();
        let answer = read(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "closed in the middle: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
        if body.len() >= length.parse::<usize>().unwrap() {
            return String::from_utf8(answer).unwrap();
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_rolling_restart_is_not_noticed_by_any_client() {
    let installation = Installation::new();
    let mut instances = installation.start_three();
    let client = installation.register("blog", &[]);
    let balancer = Balancer::over(instances.iter().map(|instance| instance.address));
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..6).map(|_| scope.spawn(|| send(&client, balancer.address, &over, &count))).collect();
        for instance in &mut instances {
            let before = count.load(Ordering::Relaxed);
            until("requests flow", || (count.load(Ordering::Relaxed) > before + 20).then_some(()));
            instance.signal(Signal::TERM);
            // It says so before it stops, and serves meanwhile.
            until("the proxy has noticed", || (!balancer.uses(instance.address)).then_some(()));
            assert_eq!(instance.ended().code(), Some(0), "{}", instance.said());
            installation.restart(instance);
            until("the proxy has noticed that it is back", || balancer.uses(instance.address).then_some(()));
        }
        over.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().unwrap();
        }
    });
    assert!(count.load(Ordering::Relaxed) >= 60);
}

/// While it is about to stop it answers what comes, and lets go of the connection.
#[test]
#[ignore = "needs PostgreSQL"]
fn an_instance_that_is_about_to_stop_serves_and_closes() {
    let installation = Installation::new();
    let mut instance = installation.start_with("one", &[("COUNTERSIGN__DATA_SERVICE__DRAIN_FOR_MILLIS", "600000")]);
    let client = installation.register("blog", &[]);
    let mut kept = TcpStream::connect(instance.address).unwrap();
    let mut ask = |closes: bool| {
        let header = client.sign("GET", "/echo", None);
        kept.write_all(&request("GET", "/echo", Some(&header), None, true)).unwrap();
        let answer = read(&mut kept).to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert_eq!(answer.contains("connection: close"), closes, "{answer}");
    };
    ask(false);
    instance.signal(Signal::TERM);
    let answer = until("it is not ready any more", || {
        instance.send("GET", "/readyz", None, None).filter(|answer| answer.status == 503)
    });
    assert!(answer.json["detail"].as_str().unwrap().contains("about to stop"), "{}", answer.json);
    ask(true);
    assert_eq!(kept.read(&mut [0; 16]).unwrap(), 0, "the connection is closed");
    assert_eq!(instance.send("GET", "/healthz", None, None).unwrap().status, 200);
    // A second signal ends it at once.
    instance.signal(Signal::TERM);
    assert_eq!(instance.ended().code(), Some(143));
}
