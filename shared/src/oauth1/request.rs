//! Parameter collection (RFC 5849 section 3.4.1.3) and the rules about protocol parameters (sections 3.1, 3.5).

use super::header;
use super::limits;
use super::message::{Authorization, Message, is_form};
use super::method::SignatureMethod;
use super::percent::{self, DecodeError, Plus};
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

/// A parameter of the base string, name and value in canonical percent-encoding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameter<'a> {
    /// The encoded name.
    pub name: Cow<'a, str>,
    /// The encoded value.
    pub value: Cow<'a, str>,
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
    /// `oauth_consumer_key`.
    pub consumer_key: Cow<'a, str>,
    /// `oauth_token`; `None` when absent or empty.
    pub token: Option<Cow<'a, str>>,
    /// `oauth_signature_method`.
    pub signature_method: SignatureMethod,
    /// `oauth_signature`, decoded from percent-encoding and not yet from Base64.
    pub signature: Cow<'a, str>,
    /// `oauth_timestamp`, seconds since the epoch.
    pub timestamp: i64,
    /// `oauth_nonce`.
    pub nonce: Cow<'a, str>,
    /// `oauth_body_hash`, in Base64.
    pub body_hash: Option<Cow<'a, str>>,
    /// True if the body is a form and therefore among [`Request::parameters`].
    pub form: bool,
    /// How many parameters are not `oauth_` ones.
    pub plain_parameters: usize,
    /// All parameters of the base string, sorted: everything but `realm` of the header and `oauth_signature`.
    pub parameters: Vec<Parameter<'a>>,
}

impl<'a> Request<'a> {
    /// Reads the parameters of a message and checks everything that can be checked without a secret.
    pub fn parse(message: &Message<'a>) -> Result<Self, Refusal> {
        let mut collected = Collected::new();
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
}

/// The protocol parameters that have a meaning here; others are signed and otherwise left alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    ConsumerKey,
    Token,
    SignatureMethod,
    Signature,
    Timestamp,
    Nonce,
    Version,
    BodyHash,
}

impl Known {
    #[inline]
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "oauth_consumer_key" => Self::ConsumerKey,
            "oauth_token" => Self::Token,
            "oauth_signature_method" => Self::SignatureMethod,
            "oauth_signature" => Self::Signature,
            "oauth_timestamp" => Self::Timestamp,
            "oauth_nonce" => Self::Nonce,
            "oauth_version" => Self::Version,
            "oauth_body_hash" => Self::BodyHash,
            _ => return None,
        })
    }
}

/// Their values, decoded.
#[derive(Default)]
struct Protocol<'a> {
    consumer_key: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    signature_method: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    body_hash: Option<Cow<'a, str>>,
}

impl<'a> Protocol<'a> {
    #[inline]
    fn place(&mut self, known: Known) -> &mut Option<Cow<'a, str>> {
        match known {
            Known::ConsumerKey => &mut self.consumer_key,
            Known::Token => &mut self.token,
            Known::SignatureMethod => &mut self.signature_method,
            Known::Signature => &mut self.signature,
            Known::Timestamp => &mut self.timestamp,
            Known::Nonce => &mut self.nonce,
            Known::Version => &mut self.version,
            Known::BodyHash => &mut self.body_hash,
        }
    }

    /// What RFC 5849 section 3.1 requires and is not there.
    fn missing(&self) -> Vec<&'static str> {
        let required = [
            ("oauth_consumer_key", &self.consumer_key),
            ("oauth_signature_method", &self.signature_method),
            ("oauth_signature", &self.signature),
            ("oauth_timestamp", &self.timestamp),
            ("oauth_nonce", &self.nonce),
        ];
        required.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect()
    }
}

/// What was found so far.
struct Collected<'a> {
    parameters: Vec<Parameter<'a>>,
    protocol: Protocol<'a>,
    /// How many protocol parameters there are, those without a meaning here too.
    protocol_count: usize,
    location: Option<Location>,
    oauth_header: bool,
}

impl<'a> Collected<'a> {
    fn new() -> Self {
        Self {
            parameters: Vec::with_capacity(12),
            protocol: Protocol::default(),
            protocol_count: 0,
            location: None,
            oauth_header: false,
        }
    }

    /// Section 3.4.1.3.1, the header: everything but `realm`.
    fn header(&mut self, value: &'a [u8]) -> Result<(), Refusal> {
        let Some(pairs) = header::parameters(value)? else { return Ok(()) };
        self.oauth_header = true;
        for pair in pairs {
            let (name, value) = pair?;
            if let Some(known) = Known::of(name) {
                // Nothing in such a name is encoded.
                self.add_known(known, Cow::Borrowed(name), value, Plus::IsPlus, Location::Header)?;
                continue;
            }
            if name.eq_ignore_ascii_case("realm") {
                continue;
            }
            let name = canonical(name, Plus::IsPlus)?;
            if !is_protocol(&name) {
                return Err(Refusal::new(
                    Code::ParameterRejected,
                    "the Authorization header holds a parameter that is neither realm nor one of OAuth's",
                ));
            }
            self.add(name, value, Plus::IsPlus, Location::Header)?;
        }
        Ok(())
    }

    /// Section 3.4.1.3.1, query and form body: split at `&` only, empty pieces dropped, `+` is a space.
    fn form(&mut self, raw: &'a str, location: Location) -> Result<(), Refusal> {
        for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            self.add(canonical(name, Plus::IsSpace)?, value, Plus::IsSpace, location)?;
        }
        Ok(())
    }

    /// Adds a parameter whose name is canonical and whose value is as received.
    fn add(&mut self, name: Cow<'a, str>, value: &'a str, plus: Plus, location: Location) -> Result<(), Refusal> {
        if let Some(known) = Known::of(&name) {
            return self.add_known(known, name, value, plus, location);
        }
        if is_protocol(&name) {
            if self.parameters.iter().any(|parameter| parameter.name == name) {
                return Err(duplicate(&name));
            }
            self.note_protocol(location)?;
        }
        self.push(name, canonical(value, plus)?)
    }

    /// Keeps the value of a protocol parameter, decoded. The signature itself is not part of what is signed.
    #[inline]
    fn add_known(
        &mut self,
        known: Known,
        name: Cow<'a, str>,
        value: &'a str,
        plus: Plus,
        location: Location,
    ) -> Result<(), Refusal> {
        let (canonical, decoded) = percent::canonical_and_decoded(value, plus).map_err(undecodable)?;
        let place = self.protocol.place(known);
        if place.is_some() {
            return Err(duplicate(&name));
        }
        *place = Some(decoded);
        self.note_protocol(location)?;
        if known == Known::Signature { Ok(()) } else { self.push(name, canonical) }
    }

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

    fn push(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), Refusal> {
        if self.parameters.len() == limits::PARAMETERS {
            return Err(Refusal::new(Code::ParameterRejected, "more than 1000 parameters"));
        }
        self.parameters.push(Parameter { name, value });
        Ok(())
    }

    fn finish(mut self, message: &Message<'a>, form: bool) -> Result<Request<'a>, Refusal> {
        let Some(location) = self.location.or(self.oauth_header.then_some(Location::Header)) else {
            return Err(Refusal::new(Code::Unsigned, "the request carries no OAuth parameters"));
        };
        let protocol = self.protocol;
        let plain_parameters = self.parameters.len() + usize::from(protocol.signature.is_some()) - self.protocol_count;
        if protocol.version.as_ref().is_some_and(|version| version != "1.0") {
            return Err(Refusal::new(Code::VersionRejected, "oauth_version must be 1.0 or left out"));
        }
        let missing = protocol.missing();
        if !missing.is_empty() {
            return Err(Refusal::absent(&missing));
        }
        let method = protocol.signature_method.unwrap_or_default();
        let signature_method = SignatureMethod::from_name(&method).ok_or_else(|| {
            Refusal::new(Code::SignatureMethodRejected, "only HMAC-SHA1, HMAC-SHA256 and HMAC-SHA512 are accepted")
        })?;
        if form && protocol.body_hash.is_some() {
            return Err(Refusal::new(Code::ParameterRejected, "oauth_body_hash must not be sent with a form body"));
        }
        self.parameters.sort_unstable();
        Ok(Request {
            method: message.method,
            path: message.path,
            location,
            consumer_key: printable("oauth_consumer_key", protocol.consumer_key, limits::KEY_BYTES)?,
            token: match protocol.token {
                Some(token) if !token.is_empty() => Some(printable("oauth_token", Some(token), limits::KEY_BYTES)?),
                _ => None,
            },
            signature_method,
            signature: printable("oauth_signature", protocol.signature, limits::SIGNATURE_BYTES)?,
            timestamp: timestamp(&protocol.timestamp.unwrap_or_default())?,
            nonce: printable("oauth_nonce", protocol.nonce, limits::NONCE_BYTES)?,
            body_hash: protocol.body_hash,
            form,
            plain_parameters,
            parameters: self.parameters,
        })
    }
}

/// Names that begin with exactly `oauth_`; `OAUTH_NONCE` and `oauthx` are ordinary parameters.
fn is_protocol(name: &str) -> bool {
    name.starts_with("oauth_")
}

fn canonical(raw: &str, plus: Plus) -> Result<Cow<'_, str>, Refusal> {
    percent::canonical(raw, plus).map_err(undecodable)
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

/// A value of 1 to `most` printable ASCII characters.
fn printable<'a>(name: &str, value: Option<Cow<'a, str>>, most: usize) -> Result<Cow<'a, str>, Refusal> {
    // What did not have to be decoded holds unreserved characters alone.
    let fine = |text: &Cow<'_, str>| match text {
        Cow::Borrowed(_) => true,
        Cow::Owned(text) => text.bytes().all(|b| (0x20..0x7f).contains(&b)),
    };
    value.filter(|text| !text.is_empty() && text.len() <= most && fine(text)).ok_or_else(|| {
        Refusal::new(Code::ParameterRejected, format!("{name} must be 1 to {most} printable ASCII characters"))
    })
}

/// Section 3.3: a positive integer, as digits alone.
fn timestamp(text: &str) -> Result<i64, Refusal> {
    let digits = !text.is_empty() && text.len() <= limits::TIMESTAMP_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits && !text.starts_with('0'))
        .ok_or_else(|| Refusal::new(Code::ParameterRejected, "oauth_timestamp must be seconds since 1970, in digits"))
}
