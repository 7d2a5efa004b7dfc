//! Signing and verifying against each other, over requests nobody would write by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod client;
#[path = "../common/mod.rs"]
mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Body, Client, FORM, client, printable};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use shared::error::Code;
use shared::oauth1::percent;
use shared::oauth1::{Authorization, BodyHash, Message, Request, SentHash, SignatureMethod};

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_verifies(client in client()) {
        let sent = client.sign();
        let message = sent.message().unwrap();
        let request = Request::parse(&message).unwrap();
        prop_assert_eq!(&*request.consumer_key(), &*client.consumer.0);
        let token = request.token();
        prop_assert_eq!(token.as_deref(), client.token.as_ref().map(|t| t.0.as_str()).filter(|t| !t.is_empty()));
        prop_assert_eq!((&*request.nonce(), request.timestamp), (client.nonce.as_str(), client.timestamp as i64));
        prop_assert_eq!(request.signature_method, client.algorithm);
        sent.answer(&client).unwrap();
    }

    #[test]
    fn another_secret_does_not(client in client(), other in printable(1, 12)) {
        let sent = client.sign();
        let mut thief = client.clone();
        if other != client.consumer.1 {
            thief.consumer.1.clone_from(&other);
            prop_assert_eq!(sent.answer(&thief).unwrap_err().code, Code::SignatureInvalid);
        }
        let mut thief = client.clone();
        if let Some((_, secret)) = thief.token.as_mut().filter(|(_, secret)| *secret != other) {
            *secret = other;
            prop_assert_eq!(sent.answer(&thief).unwrap_err().code, Code::SignatureInvalid);
        }
    }

    /// One byte changed, taken out or put in, anywhere: refused, or it is the same request in another spelling.
    #[test]
    fn nothing_that_means_something_can_change(
        client in client(), place in any::<Index>(), at in any::<Index>(), byte in prop_oneof![any::<u8>(), 0x20..0x7f_u8],
        how in 0..3_u8,
    ) {
        let sent = client.sign();
        let mut changed = sent.clone();
        let mut places: Vec<&mut Vec<u8>> = vec![&mut changed.method, &mut changed.path, &mut changed.header];
        places.extend(changed.query.as_mut());
        places.push(&mut changed.body);
        let count = places.len();
        let text = &mut places[place.index(count)];
        let at = at.index(text.len() + 1);
        match how {
            0 => text.insert(at, byte),
            1 if at < text.len() => text[at] = byte,
            _ if at < text.len() => _ = text.remove(at),
            _ => {}
        }
        if changed.answer(&client).is_ok() {
            prop_assert_eq!(changed.meaning(), sent.meaning());
        }
    }

    /// The body alone, where no other spelling exists.
    #[test]
    fn a_body_cannot_change(client in client(), body in vec(any::<u8>(), 1..20)) {
        let mut sent = client.sign();
        if matches!(client.body, Body::Json(_)) && sent.body != body {
            sent.body = body;
            prop_assert_eq!(sent.answer(&client).unwrap_err().code, Code::BodyHashMismatch);
        }
    }

    #[test]
    fn a_body_cannot_be_relabelled(client in client()) {
        let mut sent = client.sign();
        if matches!(client.body, Body::Json(_)) {
            sent.content_type = Some(FORM);
            prop_assert!(sent.answer(&client).is_err());
        }
    }

    /// Somebody drops every parameter in which the word is found.
    #[test]
    fn the_word_realm_is_nothing_special(
        client in client(), nonce in "[A-Za-z0-9+/=,\" ]{0,12}[rR]ealm(=\"?)?[A-Za-z0-9+/=]{0,12}", name in "[a-z]{0,2}realm[a-z]{0,2}",
    ) {
        let client = Client { nonce: nonce.clone(), query: Some(format!("{name}=1")), ..client };
        let mut sent = client.sign();
        let message = sent.message().unwrap();
        let request = Request::parse(&message).unwrap();
        prop_assert_eq!(&*request.nonce(), nonce);
        prop_assert!(request.parameters().iter().any(|(known, _)| *known == name));
        sent.header = [b"OAuth realm=\"oauth_nonce=x, y\", ", &sent.header[6..]].concat();
        sent.answer(&client).unwrap();
        sent.query = Some(format!("{name}=2").into());
        prop_assert!(sent.answer(&client).is_err());
    }

    /// A signature of the right length is not good enough, nor is one by another name.
    #[test]
    fn random_signatures_are_refused(client in client(), bytes in vec(any::<u8>(), 64), length in select(vec![0_usize, 19, 20, 32, 64])) {
        let mut sent = client.sign();
        let header = String::from_utf8(sent.header.clone()).unwrap();
        let good = header.split("oauth_signature=\"").nth(1).unwrap().split('"').next().unwrap();
        let forged = percent::encode(STANDARD.encode(&bytes[..length]).as_bytes()).into_owned();
        sent.header = header.replace(good, &forged).into();
        prop_assert!(sent.answer(&client).is_err());
        for method in SignatureMethod::ALL.into_iter().filter(|method| *method != client.algorithm) {
            sent.header = header.replace(client.algorithm.name(), method.name()).into();
            prop_assert_eq!(sent.answer(&client).unwrap_err().code, Code::SignatureInvalid);
        }
    }

    #[test]
    fn no_message_makes_it_panic(
        header in vec(any::<u8>(), 0..60), query in any::<String>(), form in vec(any::<u8>(), 0..40), path in any::<String>(),
    ) {
        let header = [b"OAuth oauth_nonce=\"", header.as_slice()].concat();
        let message = Message {
            method: &query, path: &path, query: Some(&query), authorization: Authorization::One(&header),
            content_type: Some(FORM), form: &form,
        };
        _ = Request::parse(&message);
        _ = BodyHash::Required.check(Some(&SentHash::read(&path)), false, &form);
    }
}

/// What AWS and Flickr fell for: texts that mean two things.
#[test]
fn joining_is_not_ambiguous() {
    let sign = |query: &str| {
        let client = Client {
            consumer: ("k".into(), "s".into()),
            token: None,
            algorithm: SignatureMethod::HmacSha256,
            verb: "GET".into(),
            origin: "http://a.example",
            path: "/".into(),
            query: Some(query.into()),
            body: Body::None,
            nonce: "n".into(),
            timestamp: 1,
        };
        (client.sign(), client)
    };
    let queries = ["a=b&c=d", "a=b%26c%3Dd", "a%3Db=c%3Dd", "a=b&c=d&", "ab=cd", "a=bc&d", "a=b&c%3Dd"];
    for (index, first) in queries.iter().enumerate() {
        let (sent, client) = sign(first);
        for (other_index, other) in queries.iter().enumerate() {
            let mut changed = sent.clone();
            changed.query = Some((*other).into());
            // The fourth is the first with an empty piece at its end.
            let same = index == other_index || [index, other_index].iter().all(|i| matches!(i, 0 | 3));
            assert_eq!(changed.answer(&client).is_ok(), same, "{first} as {other}");
        }
    }
}
