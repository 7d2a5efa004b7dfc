//! What is known about a request, read with more patience than [`crate::oauth1::Request`] has: a refused request
//! has a base string too.

use super::capture::Capture;
use super::signed::{KeyParts, Parameter, Signed};
use super::spelling::Spelling;
use crate::oauth1::base_url::BaseUrl;
use crate::oauth1::header::{self, Pair};
use crate::oauth1::percent::{self, Plus};
use crate::oauth1::{Authorization, Location, Message, SignatureMethod, is_form};
use crate::secret::Secret;

/// One request, the server it was meant for, and the secrets.
pub(super) struct Case<'a> {
    pub capture: &'a Capture,
    pub base: &'a BaseUrl,
    /// The base URL as it was given, in its own letter case.
    pub base_text: &'a str,
    pub consumer_secret: &'a Secret,
    pub token_secret: &'a Secret,
    pub at: Option<i64>,
    /// All parameters of the base string, as received and unsorted.
    pub parameters: Vec<Parameter>,
    /// `oauth_signature`, decoded from percent-encoding.
    pub signature: Option<String>,
    /// `realm` of the header.
    pub realm: Option<String>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        capture: &'a Capture,
        base: &'a BaseUrl,
        base_text: &'a str,
        (consumer_secret, token_secret): (&'a Secret, &'a Secret),
        at: Option<i64>,
    ) -> Self {
        let mut case = Self {
            capture,
            base,
            base_text,
            consumer_secret,
            token_secret,
            at,
            parameters: Vec::new(),
            signature: None,
            realm: None,
        };
        case.collect();
        case
    }

    /// The request as the doors see it.
    pub(super) fn message(&self) -> Message<'_> {
        let mut fields = self.capture.all("authorization");
        let authorization = match (fields.next(), fields.next()) {
            (None, _) => Authorization::Absent,
            (Some(value), None) => Authorization::One(value),
            (Some(_), Some(_)) => Authorization::Several,
        };
        Message {
            method: &self.capture.method,
            path: &self.capture.path,
            query: self.capture.query.as_deref(),
            authorization,
            content_type: self.capture.header("content-type"),
            form: &self.capture.body,
        }
    }

    /// True if the body enters the base string (RFC 5849 section 3.4.1.3.1).
    pub(super) fn is_form(&self) -> bool {
        is_form(self.capture.header("content-type"))
    }

    /// The first value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|p| p.name == name).map(|p| p.value.as_str())
    }

    /// The token, if there is one that means anything.
    pub(super) fn token(&self) -> Option<&str> {
        self.value("oauth_token").filter(|token| !token.is_empty())
    }

    /// The signature method, in whatever letter case it is named.
    pub(super) fn algorithm(&self) -> Option<SignatureMethod> {
        let name = self.value("oauth_signature_method")?.to_ascii_uppercase();
        SignatureMethod::from_name(&name)
    }

    /// What an honest client signs.
    pub(super) fn honest(&self) -> Signed {
        let whole = self.base.with_path(&self.capture.path);
        let path_at = whole.find("://").and_then(|at| whole.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
        let (origin, path) = path_at.and_then(|at| whole.split_at_checked(at)).unwrap_or((&whole, "/"));
        Signed {
            method: self.capture.method.to_ascii_uppercase(),
            origin: origin.into(),
            path: path.into(),
            parameters: self.parameters.clone(),
            spelling: Spelling::default(),
            key: KeyParts {
                consumer: self.consumer_secret.clone(),
                token: if self.token().is_some() { self.token_secret.clone() } else { Secret::default() },
                ..KeyParts::default()
            },
            algorithm: self.algorithm().unwrap_or(SignatureMethod::HmacSha1),
        }
    }

    fn collect(&mut self) {
        let fields: Vec<&[u8]> = self.capture.all("authorization").collect();
        for pairs in fields.into_iter().filter_map(|value| header::parameters(value).ok().flatten()) {
            for Pair { name, value, .. } in pairs.filter_map(Result::ok) {
                self.add(Parameter::read(name.as_str().as_bytes(), value.as_bytes(), Location::Header));
            }
        }
        self.add_form(self.capture.query.as_deref().unwrap_or("").as_bytes(), Location::Query);
        if self.is_form() {
            self.add_form(&self.capture.body, Location::Body);
        }
    }

    fn add_form(&mut self, raw: &[u8], location: Location) {
        for parameter in form(raw, location) {
            self.add(parameter);
        }
    }

    fn add(&mut self, parameter: Parameter) {
        let in_header = parameter.location == Location::Header;
        if in_header && parameter.name.eq_ignore_ascii_case("realm") {
            self.realm = Some(parameter.raw.1);
        } else if parameter.name == "oauth_signature" {
            self.signature = Some(parameter.value);
        } else {
            self.parameters.push(parameter);
        }
    }
}

/// The pieces of a query or a form.
pub(super) fn form(raw: &[u8], location: Location) -> impl Iterator<Item = Parameter> {
    raw.split(|&b| b == b'&').filter(|piece| !piece.is_empty()).map(move |piece| {
        let mut halves = piece.splitn(2, |&b| b == b'=');
        Parameter::read(halves.next().unwrap_or(b""), halves.next().unwrap_or(b""), location)
    })
}

impl Parameter {
    fn read(name: &[u8], value: &[u8], location: Location) -> Self {
        let plus = if location == Location::Header { Plus::IsPlus } else { Plus::IsSpace };
        let raw = (text(name), text(value));
        Self { name: decode(&raw.0, plus), value: decode(&raw.1, plus), raw, location, verbatim: false }
    }
}

/// Decodes what can be decoded; the rest stays as it is.
pub(super) fn decode(raw: &str, plus: Plus) -> String {
    percent::decode(raw.as_bytes(), plus).unwrap_or_else(|_| raw.to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
