//! A refused request costs no connection, if its body comes soon; and nobody waits long for one that does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::House;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n";

/// A request that nobody signed.
fn unsigned(length: usize) -> Vec<u8> {
    format!("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")
        .into()
}

fn connect(house: &House) -> TcpStream {
    let stream = TcpStream::connect(house.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The head of one answer; its body is read, too, and nothing behind it.
fn answer(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    head
}

#[test]
fn a_refused_request_keeps_its_connection() {
    let house = House::start();
    let mut stream = connect(&house);
    for size in [0, 2, 5000, 16 * 1024] {
        // Along with the head, and a moment later.
        for apart in [false, true] {
            let (mut head, body) = (unsigned(size), vec![b' '; size]);
            if apart {
                stream.write_all(&head).unwrap();
                std::thread::sleep(Duration::from_millis(50));
                head.clear();
            }
            stream.write_all(&[head, body].concat()).unwrap();
            assert!(answer(&mut stream).starts_with("http/1.1 401"), "{size}");
            stream.write_all(HEALTH).unwrap();
            assert!(answer(&mut stream).starts_with("http/1.1 200"), "{size}");
        }
    }
}

#[test]
fn a_body_that_does_not_come_or_is_large_ends_the_connection() {
    let house = House::start();
    for (size, sent) in [(2, 0), (5000, 4999), (64 * 1024, 0)] {
        let mut stream = connect(&house);
        stream.write_all(&[unsigned(size), vec![b' '; sent]].concat()).unwrap();
        // Others are served meanwhile.
        let mut other = connect(&house);
        other.write_all(HEALTH).unwrap();
        assert!(answer(&mut other).starts_with("http/1.1 200"));
        assert!(answer(&mut stream).starts_with("http/1.1 401"), "{size}");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{size}: something came behind the answer");
    }
}
