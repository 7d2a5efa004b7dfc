//! Signing and verifying against each other, over requests nobody would write by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use shared::error::{Code, Refusal};
use shared::oauth1::base_url::{BaseUrl, split};
use shared::oauth1::percent;
use shared::oauth1::{
    Authorization, BodyHash, Credentials, Message, Request, SignBody, SignatureMethod, Signer, ToSign, base_string,
    decode_signature, is_form,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request as sent.
#[derive(Clone, Debug)]
struct Sent {
    method: Vec<u8>,
    path: Vec<u8>,
    query: Option<Vec<u8>>,
    header: Vec<u8>,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl Sent {
    /// What the functions of a door make of it; bytes that are no text never get that far.
    fn message(&self) -> Option<Message<'_>> {
        Some(Message {
            method: std::str::from_utf8(&self.method).ok()?,
            path: std::str::from_utf8(&self.path).ok()?,
            query: self.query.as_deref().map(std::str::from_utf8).transpose().ok()?,
            authorization: Authorization::One(&self.header),
            content_type: self.content_type,
            form: &self.body,
        })
    }

    fn answer(&self, client: &Client) -> Result<(), Refusal> {
        let message = self.message().ok_or_else(|| Refusal::new(Code::ParameterRejected, "no text"))?;
        let signer = client.signer();
        let token = signer.token.map(|token| token.secret).unwrap_or_default();
        common::answer(&message, &client.base(), (&signer.consumer.secret, &token), &self.body)
    }

    /// What the signature stands for. Two requests with the same meaning are the same request.
    fn meaning(&self, client: &Client) -> (String, Vec<u8>, Vec<u8>) {
        let message = self.message().unwrap();
        let request = Request::parse(&message).unwrap();
        let body = if is_form(self.content_type) { Vec::new() } else { self.body.clone() };
        (base_string(&request, &client.base()), decode_signature(&request.signature), body)
    }
}

/// Who signs what.
#[derive(Clone, Debug)]
struct Client {
    consumer: (String, String),
    token: Option<(String, String)>,
    algorithm: SignatureMethod,
    verb: String,
    origin: &'static str,
    path: String,
    query: Option<String>,
    body: Body,
    nonce: String,
    timestamp: u64,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Form(String),
    Json(Vec<u8>),
}

impl Client {
    fn base(&self) -> BaseUrl {
        BaseUrl::parse(self.origin).unwrap()
    }

    fn signer(&self) -> Signer {
        let credentials = |(key, secret): &(String, String)| Credentials::new(key, secret);
        Signer {
            consumer: credentials(&self.consumer),
            token: self.token.as_ref().map(credentials),
            method: self.algorithm,
        }
    }

    fn url(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{query}", self.origin, self.path)
    }

    fn sign(&self) -> Sent {
        let (body, content_type) = match &self.body {
            Body::None => (SignBody::None, None),
            Body::Form(form) => (SignBody::Form(form.as_bytes()), Some(FORM)),
            Body::Json(json) => (SignBody::Other(json), Some("application/json")),
        };
        let (method, nonce, timestamp) = (self.verb.as_str(), self.nonce.as_str(), self.timestamp);
        let url = self.url();
        let header = self.signer().authorization(&ToSign { method, url: &url, body, nonce, timestamp }).unwrap();
        Sent {
            method: self.verb.clone().into(),
            path: split(&url).unwrap().path.into(),
            query: self.query.clone().map(Into::into),
            header: header.into(),
            content_type,
            body: match &self.body {
                Body::None => Vec::new(),
                Body::Form(form) => form.clone().into(),
                Body::Json(json) => json.clone(),
            },
        }
    }
}

/// Texts that are sorted, encoded or split wrongly by somebody.
fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]{0,2}",
        3 => "[a-c\\[\\]%+ &=;,~!*'(){}|^:/?#@\"\\\\._-]{0,6}",
        2 => "[\u{e9}\u{65e5}\u{1f600}\u{301}\u{0}\n\u{7f}\u{fffd} a]{0,4}",
        1 => select(vec!["realm", "tag[]", "tag[0]", "oauth", "oauthx", "OAUTH_NONCE", "%41", "a=b&c=d", "100%"]).prop_map(Into::into),
        1 => any::<String>().prop_map(|text| text.chars().take(6).collect()),
    ]
    .prop_filter("OAuth's own names are OAuth's", |text: &String| !text.starts_with("oauth_"))
}

/// A list of parameters with duplicates, written in one of the legal ways.
fn form() -> impl Strategy<Value = String> {
    vec((awkward(), awkward(), 0..4_u8), 0..6).prop_map(|pairs| {
        let write = |text: &str, style: u8| {
            let right = percent::encode(text.as_bytes()).into_owned();
            match style {
                0 => right,
                1 => right.replace("%20", "+"),
                2 => right.replace("%2F", "/").replace("%3A", ":").replace("%2A", "*").replace("%5B", "["),
                _ => right.replace("%2F", "%2f").replace('a', "%61").replace("%C3%A9", "%c3%a9"),
            }
        };
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value, style)| match (*style, value.is_empty(), name.is_empty()) {
                (3, true, false) => write(name, 3),
                (style, ..) => format!("{}={}", write(name, style), write(value, style)),
            })
            .collect();
        pairs.join("&")
    })
}

fn printable(least: usize, most: usize) -> impl Strategy<Value = String> {
    vec(prop_oneof![3 => 0x21..0x7f_u8, 1 => Just(b' '), 1 => select(b"&%+=/\",".to_vec())], least..=most)
        .prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

fn token() -> impl Strategy<Value = Option<(String, String)>> {
    prop_oneof![Just(None), Just(Some((String::new(), String::new()))), (printable(1, 12), awkward()).prop_map(Some),]
}

fn client() -> impl Strategy<Value = Client> {
    let credentials = (printable(1, 12), printable(1, 12));
    let verb = select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get", "X-Purge!"]).prop_map(String::from);
    let origin = select(vec!["http://a.example", "HTTPS://A.example:443", "http://[2001:DB8::1]:8080", "https://a:80"]);
    let path = "(/|/([a-z0-9~;,:@!-]|%2[fF]|%C3%A9|//|\\.\\.?/){0,6}){1,2}";
    let body = prop_oneof![Just(Body::None), form().prop_map(Body::Form), vec(any::<u8>(), 0..20).prop_map(Body::Json)];
    let rest = (proptest::option::of(form()), body, printable(1, 40), 1..=999_999_999_999_u64);
    (credentials, token(), select(SignatureMethod::ALL.to_vec()), verb, origin, path, rest).prop_map(
        |(consumer, token, algorithm, verb, origin, path, (query, body, nonce, timestamp))| Client {
            consumer,
            token,
            algorithm,
            verb,
            origin,
            path,
            query,
            body,
            nonce,
            timestamp,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn what_is_signed_verifies(client in client()) {
        let sent = client.sign();
        let message = sent.message().unwrap();
        let request = Request::parse(&message).unwrap();
        prop_assert_eq!(&request.consumer_key, &client.consumer.0);
        prop_assert_eq!(request.token.as_deref(), client.token.as_ref().map(|t| t.0.as_str()).filter(|t| !t.is_empty()));
        prop_assert_eq!((&*request.nonce, request.timestamp), (client.nonce.as_str(), client.timestamp as i64));
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
            prop_assert_eq!(changed.meaning(&client), sent.meaning(&client));
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
        prop_assert_eq!(&*request.nonce, nonce);
        prop_assert!(request.parameters.iter().any(|p| p.name == name));
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
        _ = BodyHash::Required.check(Some(&path), false, &form);
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
