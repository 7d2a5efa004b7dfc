//! What `docs/protocol.md` says about ZeroMQ.

use crate::client::Client;
use crate::common::Consumer;
use crate::events::until_heard;
use crate::house;
use omq_tokio::{Options, SocketType};
use serde_json::Value;
use shared::event::Topic;
use shared::oauth1::{Authorization, BaseUrl, Credentials, Message, Request, SignBody, ToSign, base_string_into};

const PAGE: &str = include_str!("../../../docs/protocol.md");

fn block(name: &str) -> &'static str {
    let rest = PAGE.split(&format!(" name={name}\n")).nth(1).unwrap_or_else(|| panic!("no {name} on the page"));
    rest.split("\n```").next().unwrap()
}

#[test]
fn the_signed_example_is_true() {
    let blog = Consumer::new("", Credentials::new("blog-1", "sesame"));
    let to_sign = ToSign {
        method: "POST",
        url: "zeromq://countersign/whoami",
        body: SignBody::Other(b"{}"),
        nonce: "n1",
        timestamp: 1_700_000_000,
    };
    let authorization = blog.signer.authorization(&to_sign).unwrap();
    let frames: Vec<&str> = block("frames").lines().collect();
    let [empty, version, header, command, body] = frames[..] else { panic!("{frames:?}") };
    let parts = |header: &str| {
        let mut parts: Vec<String> = header.trim_start_matches("OAuth ").split(',').map(str::to_owned).collect();
        parts.sort();
        parts
    };
    assert_eq!(parts(header), parts(&authorization), "{authorization}");
    let message = Message {
        method: "POST",
        path: "/whoami",
        query: None,
        authorization: Authorization::One(header.as_bytes()),
        content_type: None,
        form: b"",
    };
    let mut base_string = String::new();
    let base = BaseUrl::parse("zeromq://countersign").unwrap();
    base_string_into(&mut base_string, &Request::parse(&message).unwrap(), &base);
    assert_eq!(base_string, block("base-string"));

    let house = house();
    let client = house.client();
    client.send(&[empty, version, header, command, body].map(str::as_bytes));
    let reply = client.reply();
    let (head, wanted) = block("answer").split_once("\n{").unwrap();
    assert_eq!(head, format!("\n1\n{}", reply.status));
    let wanted: Value = serde_json::from_str(&format!("{{{wanted}")).unwrap();
    for (name, value) in wanted.as_object().unwrap() {
        let there = &reply.json()[name];
        assert!(if value == "…" { there.is_string() } else { there == value }, "{name}: {there}");
    }
    assert_eq!(wanted.as_object().unwrap().len(), reply.json().as_object().unwrap().len(), "{}", reply.text);
}

#[test]
fn the_event_on_the_page_is_like_those_that_are_sent() {
    let house = house();
    let client = Client::with(&house, SocketType::Sub, Options::default(), &house.published[0]);
    house.runtime.block_on(client.socket.subscribe("user.created")).unwrap();
    let there = until_heard(&house, &client).remove(0).1;
    let page: Value = serde_json::from_str(block("event")).unwrap();
    let names =
        |json: &Value| json.as_object().unwrap().keys().filter(|name| *name != "data").cloned().collect::<Vec<_>>();
    assert_eq!((names(&page), &page["topic"]), (names(&there), &there["topic"]));
}

#[test]
fn every_topic_is_on_the_page_and_no_other() {
    let line = PAGE.split("\nTopics: ").nth(1).unwrap().split("\n\n").next().unwrap();
    let words: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    assert!(words.len() > 10 && words.iter().all(|word| Topic::from_word(word).is_some()), "{words:?}");
    let source = include_str!("../../../shared/src/event.rs");
    let declared = source.lines().filter(|line| line.trim_start().starts_with(char::is_uppercase));
    let declared = declared.filter_map(|line| line.split_once(" = \"")?.1.strip_suffix("\";"));
    assert_eq!(words, declared.collect::<Vec<_>>());
}
