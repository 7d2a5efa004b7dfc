//! What is no request gets an answer where one is possible, and costs nothing.

use crate::client::{sign, sign_at};
use crate::common::{nonce, now};
use crate::{Client, house, house_with};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn what_is_no_request_is_told_so() {
    let house = house();
    let client = house.client();
    for (frames, field) in [
        (&[&b""[..]][..], "frames"),
        (&[b"", b"1", b"OAuth"], "frames"),
        (&[b"", b"1", b"OAuth", b"echo", b"{}", b"more"], "frames"),
        (&[b"no empty frame"], "frames"),
        (&[b"", b"0", b"", b"echo", b""], "version"),
        (&[b"", b"", b"", b"echo", b""], "version"),
        (&[b"", b"1", b"", b"\xff\xff", b""], "command"),
        (&[b"", b"1", b"", b"../etc", b""], "command"),
    ] {
        client.send(frames);
        let reply = client.reply().is("invalid");
        assert_eq!((reply.status.as_str(), &reply.json()["errors"][0]["field"]), ("422", &json!(field)), "{frames:?}");
    }
    client.send(&[b"", b"1", b"", b"whoami", b""]);
    client.reply().is("unsigned");
    client.send(&[b"", b"1", b"Basic eA==", b"whoami", b""]);
    client.reply().is("unsigned");
    client.send(&[b"", b"1", b"OAuth oauth_nonce=\"%ff\"", b"whoami", b""]);
    client.reply().is("parameter_rejected");
    client.send(&[b"", b"1", format!("OAuth oauth_nonce=\"{}\"", "x".repeat(9000)).as_bytes(), b"whoami", b""]);
    client.reply().is("parameter_rejected");
    client.ask(&house.consumer("blog", &[]), "no.such_command", &json!({})).is("not_found");
}

#[test]
fn a_refused_frame_spends_no_nonce() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let signed = sign_at(&blog, "zeromq://countersign/echo", b"{}", now(), &nonce());
    let client = house.client();
    client.send(&[b"", b"1", signed.as_bytes(), b"echo"]);
    client.reply().is("invalid");
    client.send(&[b"", b"2", signed.as_bytes(), b"echo", b"{}"]);
    client.reply().is("invalid");
    client.request(&signed, "echo", b"{}").is("ok");
}

#[test]
fn a_body_that_is_too_large_is_told_so_and_a_huge_one_is_cut_off() {
    let house = house_with(|settings| settings.body_limit = 2000);
    let blog = house.consumer("blog", &[]);
    let client = house.client();
    let ask = |bytes: usize| {
        let body = vec![b' '; bytes];
        client.request(&sign(&blog, "echo", &body), "echo", &body)
    };
    ask(2000).is("ok");
    ask(2001).is("body_too_large");
    ask(40_000).is("body_too_large");
    let huge = vec![b' '; 1024 * 1024];
    client.send_request(&sign(&blog, "echo", &huge), "echo", &huge);
    assert_eq!(client.receive_within(Duration::from_millis(500)), None, "there is no answer to what was not read");
    house.client().ask(&blog, "echo", &json!({})).is("ok");
}

/// A connection that has shaken hands without encryption, by hand.
fn raw(address: &str) -> TcpStream {
    raw_as(address, b"")
}

/// The same, under a routing id of its own choice.
pub fn raw_as(address: &str, identity: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let greeting = [&b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL"[..], &[0; 48]].concat();
    stream.write_all(&greeting).unwrap();
    stream.read_exact(&mut [0; 64]).unwrap();
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER".to_vec();
    if !identity.is_empty() {
        ready.extend([b"\x08Identity\0\0\0", &[identity.len() as u8][..], identity].concat());
    }
    stream.write_all(&[&[4, ready.len() as u8][..], &ready].concat()).unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 4, "a command");
    stream.read_exact(&mut vec![0; head[1].into()]).unwrap();
    stream
}

/// Reads until the other side hangs up, and fails if it does not.
fn is_cut_off(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn what_is_no_zeromq_is_cut_off_and_holds_nobody_up() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let address = house.zeromq[0].as_str();
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(&address["tcp://".len()..]).unwrap()).collect();
    let mut garbage = TcpStream::connect(&address["tcp://".len()..]).unwrap();
    garbage.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    garbage.write_all(&[b'x'; 100]).unwrap();
    assert!(is_cut_off(garbage));
    let mut announces_a_terabyte = raw(address);
    announces_a_terabyte.write_all(b"\x02\0\0\x01\0\0\0\0\0rest").unwrap();
    assert!(is_cut_off(announces_a_terabyte));
    let mut never_ends = raw(address);
    never_ends.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    let frames = [1, 0].repeat(50_000);
    assert!((0..200).any(|_| never_ends.write_all(&frames).is_err()), "ten million empty frames were taken");
    let mut breaks_off = raw(address);
    breaks_off.write_all(b"\x01\0\x01\x01").unwrap();
    drop(breaks_off);
    Client::connect(&house, address).ask(&blog, "echo", &json!({})).is("ok");
    drop(silent);
}
