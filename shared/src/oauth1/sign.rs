//! Signing, over the `oauth1-request` crate where it is right.
//!
//! Its known faults are mended here: names are encoded, pairs are sorted after encoding, the base string URI is
//! normalised, the method is upper-cased, the body hash is part of the header, and SHA-256 and SHA-512 exist.
//! What comes out is checked against [`super::Request`] by property tests.

use super::base_string::encode_method;
use super::base_url::{BaseUrl, UrlError, split};
use super::body_hash::BodyHashAlgorithm;
use super::method::{Key, SignatureMethod};
use super::percent::{self, Plus};
use crate::secret::Secret;
use oauth1_request::serializer::{Serializer, auth};
use oauth1_request::signature_method::{HmacSha1, Sign, SignatureMethod as Method};
use std::fmt::{Display, Write};
use std::num::NonZeroU64;

/// A key (or token) and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The public half.
    pub key: String,
    /// The secret half.
    pub secret: Secret,
}

impl Credentials {
    /// Both halves.
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { key: key.into(), secret: Secret::new(secret) }
    }
}

/// The body of a request that is to be signed.
#[derive(Clone, Copy, Debug)]
pub enum SignBody<'a> {
    /// No body, and no body hash.
    None,
    /// A form: its parameters enter the base string.
    Form(&'a [u8]),
    /// Anything else, JSON for instance: its hash enters the base string.
    Other(&'a [u8]),
    /// Anything else for a server that knows no body hash: the body is **not** protected.
    Unprotected,
}

/// What is to be signed, byte for byte as it will be sent.
#[derive(Clone, Copy, Debug)]
pub struct ToSign<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The whole URL as it will be sent, query included.
    pub url: &'a str,
    /// The body.
    pub body: SignBody<'a>,
    /// Unique for this timestamp; at least 96 random bits.
    pub nonce: &'a str,
    /// Seconds since the epoch.
    pub timestamp: u64,
}

/// Why a request cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A parameter cannot be decoded.
    #[error("a parameter of the query or form is not percent-encoded UTF-8")]
    Parameter,
    /// A parameter whose name begins with `oauth_`.
    #[error("the query or form holds a parameter that begins with oauth_, which is OAuth's own")]
    Reserved,
    /// A consumer without a secret.
    #[error("the consumer secret is empty")]
    NoSecret,
    /// RFC 5849 section 3.3 wants a positive integer.
    #[error("the timestamp must be positive")]
    Timestamp,
}

/// Signs requests for a consumer, and for a user if there is a token.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The consumer's key and secret.
    pub consumer: Credentials,
    /// The token and its secret; `None` signs "two-legged".
    pub token: Option<Credentials>,
    /// The method; HMAC-SHA256 is the one to prefer.
    pub method: SignatureMethod,
}

impl Signer {
    /// A signer with HMAC-SHA256.
    pub fn new(consumer: Credentials, token: Option<Credentials>) -> Self {
        Self { consumer, token, method: SignatureMethod::HmacSha256 }
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self, request: &ToSign<'_>) -> Result<String, SignError> {
        if self.consumer.secret.is_empty() {
            return Err(SignError::NoSecret);
        }
        match self.method {
            SignatureMethod::HmacSha1 => self.sign_with(HmacSha1::new(), request),
            method => self.sign_with(Hmac(method), request),
        }
    }

    fn sign_with<M: Method>(&self, method: M, request: &ToSign<'_>) -> Result<String, SignError> {
        let parts = split(request.url)?;
        let origin = BaseUrl::parse(&[parts.scheme, "://", parts.authority].concat())?;
        let mut pairs = encoded_pairs(parts.query.unwrap_or("").as_bytes())?;
        let body_hash = match request.body {
            SignBody::None | SignBody::Unprotected => None,
            SignBody::Form(form) => {
                pairs.extend(encoded_pairs(form)?);
                None
            }
            SignBody::Other(body) => Some(BodyHashAlgorithm::of(self.method).hash(body)),
        };
        pairs.sort();
        let mut verb = String::new();
        encode_method(&mut verb, request.method);
        let options = {
            let mut options = auth::Options::new();
            options.nonce(request.nonce).timestamp(NonZeroU64::new(request.timestamp).ok_or(SignError::Timestamp)?);
            options.version(true);
            options
        };
        let mut serializer = auth::Authorizer::authorization(
            &verb,
            origin.with_path(parts.path),
            borrowed(&self.consumer),
            self.token.as_ref().map(borrowed),
            &options,
            method,
        );
        let after = pairs.partition_point(|(name, _)| name.as_str() < "oauth_");
        let (before, after) = pairs.split_at_checked(after).unwrap_or((&pairs, &[]));
        feed(&mut serializer, before);
        if let Some(hash) = &body_hash {
            serializer.serialize_parameter("oauth_body_hash", hash);
        }
        oauth1_request::serializer::SerializerExt::serialize_oauth_parameters(&mut serializer);
        feed(&mut serializer, after);
        let mut header = serializer.end();
        if let Some(hash) = &body_hash {
            header.push_str(",oauth_body_hash=\"");
            percent::encode_into(&mut header, hash.as_bytes());
            header.push('"');
        }
        Ok(header)
    }
}

fn borrowed(credentials: &Credentials) -> oauth1_request::Credentials<&str> {
    oauth1_request::Credentials { identifier: credentials.key.as_str(), secret: credentials.secret.expose() }
}

/// The serializer writes names as they are and encodes values once: an encoded name is given encoded again.
fn feed<S: Serializer>(serializer: &mut S, pairs: &[(String, String)]) {
    for (name, value) in pairs {
        let mut twice = String::with_capacity(name.len());
        percent::encode_encoded_into(&mut twice, name);
        serializer.serialize_parameter_encoded(&twice, value);
    }
}

fn encoded_pairs(raw: &[u8]) -> Result<Vec<(String, String)>, SignError> {
    let encoded = |text: &str| {
        percent::canonical(text, Plus::IsSpace).map(|text| text.into_owned()).map_err(|_| SignError::Parameter)
    };
    let raw = std::str::from_utf8(raw).map_err(|_| SignError::Parameter)?;
    let mut pairs = Vec::new();
    for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let name = encoded(name)?;
        if name.starts_with("oauth_") {
            return Err(SignError::Reserved);
        }
        pairs.push((name, encoded(value)?));
    }
    Ok(pairs)
}

/// HMAC with the hashes the crate does not bring, by its public traits.
struct Hmac(SignatureMethod);

struct HmacSign {
    method: SignatureMethod,
    key: Key,
    base_string: String,
}

impl Method for Hmac {
    type Sign = HmacSign;

    fn sign_with(self, client_secret: &str, token_secret: Option<&str>) -> HmacSign {
        let token_secret = Secret::new(token_secret.unwrap_or(""));
        HmacSign {
            method: self.0,
            key: Key::new(self.0, &Secret::new(client_secret), &token_secret),
            base_string: String::with_capacity(512),
        }
    }
}

impl Sign for HmacSign {
    type Signature = String;

    fn get_signature_method_name(&self) -> &'static str {
        self.method.name()
    }

    fn request_method(&mut self, method: &str) {
        self.base_string.push_str(method);
        self.base_string.push('&');
    }

    fn uri<T: Display>(&mut self, uri: T) {
        // Writing into a String cannot fail.
        let _ = write!(self.base_string, "{uri}&");
    }

    fn parameter<V: Display>(&mut self, key: &str, value: V) {
        let _ = write!(self.base_string, "{key}%3D{value}");
    }

    fn delimiter(&mut self) {
        self.base_string.push_str("%26");
    }

    fn end(self) -> String {
        percent::encode(self.key.sign(self.base_string.as_bytes()).as_bytes()).into_owned()
    }
}
