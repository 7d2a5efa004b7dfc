//! Requests nobody would write by hand, and what a door makes of them.

use super::common;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use shared::error::{Code, Refusal};
use shared::oauth1::base_url::{BaseUrl, split};
use shared::oauth1::percent;
use shared::oauth1::{
    Authorization, Credentials, Message, Request, SignBody, SignatureMethod, Signer, ToSign, decode_signature, is_form,
};

pub const FORM: &str = "application/x-www-form-urlencoded";

/// A request as sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: Vec<u8>,
    pub path: Vec<u8>,
    pub query: Option<Vec<u8>>,
    pub header: Vec<u8>,
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
}

impl Sent {
    /// What the functions of a door make of it; bytes that are no text never get that far.
    pub fn message(&self) -> Option<Message<'_>> {
        Some(Message {
            method: std::str::from_utf8(&self.method).ok()?,
            path: std::str::from_utf8(&self.path).ok()?,
            query: self.query.as_deref().map(std::str::from_utf8).transpose().ok()?,
            authorization: Authorization::One(&self.header),
            content_type: self.content_type,
            form: &self.body,
        })
    }

    pub fn answer(&self, client: &Client) -> Result<(), Refusal> {
        let message = self.message().ok_or_else(|| Refusal::new(Code::ParameterRejected, "no text"))?;
        let signer = client.signer();
        let token = signer.token.map(|token| token.secret).unwrap_or_default();
        common::answer(&message, &client.base(), (&signer.consumer.secret, &token), &self.body)
    }

    /// What the request says, read by another's code where there is one. Two requests that say the same are the same.
    pub fn meaning(&self) -> Meaning {
        let message = self.message().unwrap();
        let request = Request::parse(&message).unwrap();
        let form = if is_form(self.content_type) { self.body.as_slice() } else { b"" };
        let pairs = url::form_urlencoded::parse(self.query.as_deref().unwrap_or_default());
        let mut pairs: Vec<_> =
            pairs.chain(url::form_urlencoded::parse(form)).map(|(n, v)| (n.into(), v.into())).collect();
        pairs.extend(
            request
                .parameters()
                .into_iter()
                .filter(|(name, _)| name.starts_with("oauth_"))
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        pairs.sort();
        let body = if form.is_empty() { self.body.clone() } else { Vec::new() };
        let path = if self.path.is_empty() { b"/".to_vec() } else { self.path.clone() };
        (self.method.to_ascii_uppercase(), path, pairs, decode_signature(&request.signature()).to_vec(), body)
    }
}

/// Method, path, parameters, signature, and the body if it is no form.
pub type Meaning = (Vec<u8>, Vec<u8>, Vec<(String, String)>, Vec<u8>, Vec<u8>);

/// Who signs what.
#[derive(Clone, Debug)]
pub struct Client {
    pub consumer: (String, String),
    pub token: Option<(String, String)>,
    pub algorithm: SignatureMethod,
    pub verb: String,
    pub origin: &'static str,
    pub path: String,
    pub query: Option<String>,
    pub body: Body,
    pub nonce: String,
    pub timestamp: u64,
}

#[derive(Clone, Debug)]
pub enum Body {
    None,
    Form(String),
    Json(Vec<u8>),
}

impl Client {
    pub fn base(&self) -> BaseUrl {
        BaseUrl::parse(self.origin).unwrap()
    }

    pub fn signer(&self) -> Signer {
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

    pub fn sign(&self) -> Sent {
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

pub fn printable(least: usize, most: usize) -> impl Strategy<Value = String> {
    vec(prop_oneof![3 => 0x21..0x7f_u8, 1 => Just(b' '), 1 => select(b"&%+=/\",".to_vec())], least..=most)
        .prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

fn token() -> impl Strategy<Value = Option<(String, String)>> {
    prop_oneof![Just(None), Just(Some((String::new(), String::new()))), (printable(1, 12), awkward()).prop_map(Some),]
}

pub fn client() -> impl Strategy<Value = Client> {
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
