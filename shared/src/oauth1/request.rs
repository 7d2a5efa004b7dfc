//! Parameter collection (RFC 5849 section 3.4.1.3) and the rules about protocol parameters (sections 3.1, 3.5).

use super::body_hash::SentHash;
use super::header::{self, Name, Pair};
use super::limits;
use super::message::{Authorization, Message, is_form};
use super::method::SignatureMethod;
use super::percent::{DecodeError, Encoded, Plus, Short};
use super::protocol::{Known, Protocol};
use crate::error::{Code, Refusal};
use std::borrow::Cow;

/// Where the protocol parameters stand. RFC 5849 section 3.5: in "one and only one" place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// The `Authorization` header.
    Header,
    /// The query string. Ends up in access logs.
    Query,
    /// A form body.
    Body,
}

/// A parameter that is not one of the protocol's known ones.
#[derive(Clone, Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: Encoded<'a>,
    pub(super) value: Encoded<'a>,
}

impl Parameter<'_> {
    /// What parameters are sorted by (section 3.4.1.3.2).
    fn order(&self) -> (&str, &str) {
        (self.name.as_str(), self.value.as_str())
    }
}

/// A request whose OAuth parameters are complete and well-formed. Nothing is proved yet.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The HTTP method as received.
    pub method: &'a str,
    /// The path as received.
    pub path: &'a str,
    /// Where the protocol parameters stand.
    pub location: Location,
    /// `oauth_signature_method`.
    pub signature_method: SignatureMethod,
    /// `oauth_timestamp`, seconds since the epoch.
    pub timestamp: i64,
    /// True if the body is a form and its parameters therefore among those of the request.
    pub form: bool,
    /// How many parameters are not `oauth_` ones.
    pub plain_parameters: usize,
    pub(super) protocol: Protocol<'a>,
    /// All others, sorted.
    pub(super) others: Vec<Parameter<'a>>,
}

impl<'a> Request<'a> {
    /// Reads the parameters of a message and checks everything that can be checked without a secret.
    pub fn parse(message: &Message<'a>) -> Result<Self, Refusal> {
        let mut collected = Collected::default();
        let form = is_form(message.content_type);
        match message.authorization {
            Authorization::Absent => {}
            Authorization::Several => {
                return Err(Refusal::new(Code::ParameterRejected, "more than one Authorization header"));
            }
            Authorization::One(value) => collected.header(value)?,
        }
        if let Some(query) = message.query {
            if query.len() > limits::QUERY_BYTES {
                return Err(Refusal::new(Code::ParameterRejected, "the query is longer than 16 KiB"));
            }
            collected.form(query, Location::Query)?;
        }
        if form {
            if message.form.len() > limits::FORM_BYTES {
                return Err(Refusal::new(Code::BodyTooLarge, "a form body may have 64 KiB"));
            }
            let form = std::str::from_utf8(message.form).map_err(|_| undecodable(DecodeError::NotUtf8))?;
            collected.form(form, Location::Body)?;
        }
        collected.finish(message, form)
    }

    /// `oauth_consumer_key`.
    #[inline]
    pub fn consumer_key(&self) -> Cow<'_, str> {
        self.text(Known::ConsumerKey).unwrap_or_default()
    }

    /// `oauth_token`; `None` when absent or empty.
    #[inline]
    pub fn token(&self) -> Option<Cow<'_, str>> {
        self.text(Known::Token).filter(|token| !token.is_empty())
    }

    /// `oauth_nonce`.
    #[inline]
    pub fn nonce(&self) -> Cow<'_, str> {
        self.text(Known::Nonce).unwrap_or_default()
    }

    /// `oauth_signature`, decoded from percent-encoding and not yet from Base64.
    #[inline]
    pub fn signature(&self) -> Short<{ limits::SIGNATURE_BYTES }> {
        self.protocol.get(Known::Signature).and_then(Encoded::decoded_short).unwrap_or_default()
    }

    /// `oauth_body_hash`. One that is longer than any hash is read as an empty one, which fits nothing.
    #[inline]
    pub fn body_hash(&self) -> Option<SentHash> {
        let text = |hash: &Encoded<'_>| hash.decoded_short::<{ limits::BODY_HASH_BYTES }>().unwrap_or_default();
        self.protocol.get(Known::BodyHash).map(|hash| SentHash::read(&text(hash)))
    }

    fn text(&self, known: Known) -> Option<Cow<'_, str>> {
        self.protocol.get(known).map(Encoded::decoded)
    }

    /// All parameters of the base string, in order, names and values in canonical percent-encoding: everything but
    /// `realm` of the header and `oauth_signature` (section 3.4.1.3).
    pub fn parameters(&self) -> Vec<(&str, &str)> {
        let protocol = self.protocol.signed().map(|(known, value)| (known.name(), value.as_str()));
        let mut all: Vec<_> = protocol.chain(self.others.iter().map(Parameter::order)).collect();
        all.sort_unstable();
        all
    }
}

/// What was found so far.
#[derive(Default)]
struct Collected<'a> {
    protocol: Protocol<'a>,
    others: Vec<Parameter<'a>>,
    /// How many protocol parameters there are, those without a meaning here too.
    protocol_count: usize,
    /// How many parameters of the base string there are.
    count: usize,
    location: Option<Location>,
    oauth_header: bool,
}

impl<'a> Collected<'a> {
    /// Section 3.4.1.3.1, the header: everything but `realm`.
    fn header(&mut self, value: &'a [u8]) -> Result<(), Refusal> {
        let Some(pairs) = header::parameters(value)? else { return Ok(()) };
        self.oauth_header = true;
        for pair in pairs {
            let Pair { name, value, plain } = pair?;
            let name = match name {
                Name::Known(known) => {
                    let value = if plain { Encoded::plain(value) } else { encoded(value, Plus::IsPlus)? };
                    self.add_known(known, value, Location::Header)?;
                    continue;
                }
                Name::Other(name) => name,
            };
            if name.eq_ignore_ascii_case("realm") {
                continue;
            }
            let name = encoded(name, Plus::IsPlus)?;
            if !is_protocol(name.as_str()) {
                return Err(Refusal::new(
                    Code::ParameterRejected,
                    "the Authorization header holds a parameter that is neither realm nor one of OAuth's",
                ));
            }
            self.add(name, encoded(value, Plus::IsPlus)?, Location::Header)?;
        }
        Ok(())
    }

    /// Section 3.4.1.3.1, query and form body: split at `&` only, empty pieces dropped, `+` is a space.
    fn form(&mut self, raw: &'a str, location: Location) -> Result<(), Refusal> {
        for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            self.add(encoded(name, Plus::IsSpace)?, encoded(value, Plus::IsSpace)?, location)?;
        }
        Ok(())
    }

    /// Adds a parameter of any kind.
    fn add(&mut self, name: Encoded<'a>, value: Encoded<'a>, location: Location) -> Result<(), Refusal> {
        if let Some(known) = Known::of(name.as_str()) {
            return self.add_known(known, value, location);
        }
        if is_protocol(name.as_str()) {
            if self.others.iter().any(|other| other.name == name) {
                return Err(duplicate(name.as_str()));
            }
            self.note_protocol(location)?;
        }
        self.note()?;
        self.others.push(Parameter { name, value });
        Ok(())
    }

    #[inline]
    fn add_known(&mut self, known: Known, value: Encoded<'a>, location: Location) -> Result<(), Refusal> {
        if !self.protocol.put(known, value) {
            return Err(duplicate(known.name()));
        }
        self.note_protocol(location)?;
        // The signature is no part of what is signed.
        if known == Known::Signature { Ok(()) } else { self.note() }
    }

    #[inline]
    fn note_protocol(&mut self, location: Location) -> Result<(), Refusal> {
        if *self.location.get_or_insert(location) != location {
            return Err(Refusal::new(Code::ParameterRejected, "OAuth parameters stand in more than one place"));
        }
        self.protocol_count += 1;
        if self.protocol_count > limits::PROTOCOL_PARAMETERS {
            return Err(Refusal::new(Code::ParameterRejected, "more than 16 OAuth parameters"));
        }
        Ok(())
    }

    #[inline]
    fn note(&mut self) -> Result<(), Refusal> {
        self.count += 1;
        if self.count > limits::PARAMETERS {
            return Err(Refusal::new(Code::ParameterRejected, "more than 1000 parameters"));
        }
        Ok(())
    }

    fn finish(self, message: &Message<'a>, form: bool) -> Result<Request<'a>, Refusal> {
        let Self { protocol, mut others, protocol_count, count, location, oauth_header } = self;
        let Some(location) = location.or(oauth_header.then_some(Location::Header)) else {
            return Err(Refusal::new(Code::Unsigned, "the request carries no OAuth parameters"));
        };
        if protocol.get(Known::Version).is_some_and(|version| version.as_str() != "1.0") {
            return Err(Refusal::new(Code::VersionRejected, "oauth_version must be 1.0 or left out"));
        }
        if protocol.missing().next().is_some() {
            return Err(Refusal::absent(&protocol.missing().collect::<Vec<_>>()));
        }
        let value = |known| protocol.get(known).map_or("", Encoded::as_str);
        let signature_method = SignatureMethod::from_name(value(Known::SignatureMethod)).ok_or_else(|| {
            Refusal::new(Code::SignatureMethodRejected, "only HMAC-SHA1, HMAC-SHA256 and HMAC-SHA512 are accepted")
        })?;
        if form && protocol.get(Known::BodyHash).is_some() {
            return Err(Refusal::new(Code::ParameterRejected, "oauth_body_hash must not be sent with a form body"));
        }
        printable(&protocol, Known::ConsumerKey, limits::KEY_BYTES)?;
        if !value(Known::Token).is_empty() {
            printable(&protocol, Known::Token, limits::KEY_BYTES)?;
        }
        printable(&protocol, Known::Signature, limits::SIGNATURE_BYTES)?;
        let timestamp = timestamp(value(Known::Timestamp))?;
        printable(&protocol, Known::Nonce, limits::NONCE_BYTES)?;
        others.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        Ok(Request {
            method: message.method,
            path: message.path,
            location,
            signature_method,
            timestamp,
            form,
            // The signature, which is required, is among the one and not among the other.
            plain_parameters: count + 1 - protocol_count,
            protocol,
            others,
        })
    }
}

/// Names that begin with exactly `oauth_`; `OAUTH_NONCE` and `oauthx` are ordinary parameters.
fn is_protocol(name: &str) -> bool {
    name.starts_with("oauth_")
}

fn encoded(raw: &str, plus: Plus) -> Result<Encoded<'_>, Refusal> {
    Encoded::read(raw, plus).map_err(undecodable)
}

fn duplicate(name: &str) -> Refusal {
    Refusal::new(Code::ParameterDuplicate, format!("{name} is given more than once"))
}

fn undecodable(error: DecodeError) -> Refusal {
    let detail = match error {
        DecodeError::BadEscape => "a parameter holds a % that is not followed by two hexadecimal digits",
        DecodeError::NotUtf8 => "a parameter is not UTF-8 after decoding",
    };
    Refusal::new(Code::ParameterRejected, detail)
}

/// Refuses a value that is not 1 to `most` printable ASCII characters.
fn printable(protocol: &Protocol<'_>, known: Known, most: usize) -> Result<(), Refusal> {
    if protocol.get(known).is_some_and(|value| value.is_printable(most)) {
        return Ok(());
    }
    let detail = format!("{} must be 1 to {most} printable ASCII characters", known.name());
    Err(Refusal::new(Code::ParameterRejected, detail))
}

/// Section 3.3: a positive integer, as digits alone.
fn timestamp(text: &str) -> Result<i64, Refusal> {
    let digits = (1..=limits::TIMESTAMP_DIGITS).contains(&text.len()) && !text.starts_with('0');
    let number = |bytes: &str| {
        bytes
            .bytes()
            .try_fold(0, |number: i64, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
    };
    (if digits { number(text) } else { None })
        .ok_or_else(|| Refusal::new(Code::ParameterRejected, "oauth_timestamp must be seconds since 1970, in digits"))
}
