//! The published test vectors, and the order in which a door checks a request.

#![allow(dead_code, reason = "each test file uses its part")]

use serde::Deserialize;
use shared::error::{Code, Refusal};
use shared::oauth1::base_url::{BaseUrl, UrlParts, split};
use shared::oauth1::percent;
use shared::oauth1::{
    Authorization, BodyHash, Key, Message, Request, SignatureMethod, Window, base_string, decode_signature,
};
use shared::secret::Secret;

/// `vectors/oauth1.json`.
#[derive(Deserialize)]
pub struct Vectors {
    pub requests: Vec<Vector>,
    pub percent_encoding: Vec<Percent>,
    pub normalization: Vec<Normalization>,
    pub hmac: Vec<Hmac>,
    pub negative: Vec<Negative>,
}

#[derive(Clone, Deserialize)]
pub struct Vector {
    pub name: String,
    pub method: String,
    pub url: String,
    pub params: Vec<(String, String)>,
    pub authorization: Option<String>,
    pub content_type: Option<String>,
    pub body: Option<String>,
    pub consumer_secret: String,
    pub token_secret: String,
    pub signature_method: String,
    /// None for PLAINTEXT.
    pub base_string: Option<String>,
    pub signature: String,
    pub oauth_location: String,
}

#[derive(Deserialize)]
pub struct Percent {
    pub input: String,
    pub encoded: String,
}

#[derive(Deserialize)]
pub struct Normalization {
    pub query: String,
    pub normalized: String,
}

#[derive(Deserialize)]
pub struct Hmac {
    pub signature_method: SignatureMethod,
    pub consumer_secret: Secret,
    pub token_secret: Secret,
    pub base_string: String,
    pub signature: String,
}

#[derive(Deserialize)]
pub struct Negative {
    pub name: String,
    pub based_on: String,
    pub expect: serde_json::Value,
}

impl Vectors {
    pub fn load() -> Self {
        serde_json::from_str(include_str!("../vectors/oauth1.json")).unwrap()
    }

    pub fn request(&self, name: &str) -> Vector {
        self.requests.iter().find(|vector| vector.name == name).unwrap().clone()
    }
}

impl Vector {
    /// The request with its signature put where the protocol parameters stand.
    pub fn signed(mut self) -> Self {
        let signature = format!("&oauth_signature={}", percent::encode(self.signature.as_bytes()));
        match self.oauth_location.as_str() {
            "query" => self.url.push_str(&signature),
            "body" => self.body.get_or_insert_default().push_str(&signature),
            _ => {}
        }
        self
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn parts(&self) -> UrlParts<'_> {
        split(&self.url).unwrap()
    }

    /// Scheme and authority, as written.
    pub fn origin(&self) -> String {
        let parts = self.parts();
        format!("{}://{}", parts.scheme, parts.authority)
    }

    pub fn base(&self) -> BaseUrl {
        BaseUrl::parse(&self.origin()).unwrap()
    }

    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or("").as_bytes()
    }

    pub fn message(&self) -> Message<'_> {
        let parts = self.parts();
        Message {
            method: &self.method,
            path: parts.path,
            query: parts.query,
            authorization: self
                .authorization
                .as_ref()
                .map_or(Authorization::Absent, |a| Authorization::One(a.as_bytes())),
            content_type: self.content_type.as_deref(),
            form: self.body(),
        }
    }

    pub fn secrets(&self) -> (Secret, Secret) {
        (Secret::new(self.consumer_secret.clone()), Secret::new(self.token_secret.clone()))
    }

    /// What a door answers at the time the request was made.
    pub fn answer(&self) -> Result<(), Refusal> {
        self.answer_to(&self.message(), &self.base())
    }

    pub fn answer_to(&self, message: &Message<'_>, base: &BaseUrl) -> Result<(), Refusal> {
        let (consumer, token) = self.secrets();
        answer(message, base, (&consumer, &token), self.body())
    }
}

/// The checks of a door in their order: syntax, time, signature, body.
pub fn answer(
    message: &Message<'_>,
    base: &BaseUrl,
    (consumer, token): (&Secret, &Secret),
    body: &[u8],
) -> Result<(), Refusal> {
    let request = Request::parse(message)?;
    Window::at(request.timestamp, 0).check(request.timestamp)?;
    let key = Key::new(request.signature_method, consumer, token);
    if !key.verify(base_string(&request, base).as_bytes(), &decode_signature(&request.signature())) {
        return Err(Refusal::new(Code::SignatureInvalid, "no"));
    }
    BodyHash::Required.check(request.body_hash().as_ref(), request.form, body)?;
    Ok(())
}
