//! What goes wrong, in one short list of words that is the same on every door, and its face as problem+json
//! (RFC 9457).

use crate::timestamp::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $title:literal;)*) => {
        /// The word for what is wrong. Words are stable; titles and details may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A few words for people; the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The type of the problem.
            const fn kind(self) -> &'static str {
                match self { $(Self::$name => concat!("urn:countersign:problem:", $word),)* }
            }

            /// What is challenged for, with the word.
            const fn challenge(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("OAuth realm=\"countersign\", oauth_problem=\"", $word, "\""),)*
                }
            }
        }
    };
}

codes! {
    /// An OAuth parameter that is needed is not there.
    ParameterAbsent = "parameter_absent", 400, "An OAuth parameter is missing";
    /// An OAuth parameter is malformed or in the wrong place.
    ParameterRejected = "parameter_rejected", 400, "An OAuth parameter is not acceptable";
    /// An OAuth parameter is there twice.
    ParameterDuplicate = "parameter_duplicate", 400, "An OAuth parameter is given more than once";
    /// `oauth_version` is not 1.0.
    VersionRejected = "version_rejected", 400, "This version of OAuth is not spoken here";
    /// The signature method is unknown, or not allowed for this consumer.
    SignatureMethodRejected = "signature_method_rejected", 400, "This signature method is not accepted";
    /// No OAuth parameters at all.
    Unsigned = "unsigned", 401, "The request is not signed";
    /// Also for an unknown consumer or token, and a revoked one.
    SignatureInvalid = "signature_invalid", 401, "The signature is not valid";
    /// Told only to who proves the consumer's secret.
    ConsumerRevoked = "consumer_revoked", 401, "This consumer has been revoked";
    /// Told only to who proves the consumer's and the token's secret.
    TokenExpired = "token_expired", 401, "This token has expired";
    /// Told only to who proves the consumer's and the token's secret.
    TokenRevoked = "token_revoked", 401, "This token has been revoked";
    /// The timestamp is outside the window.
    TimestampRefused = "timestamp_refused", 401, "The timestamp is too far from the time here";
    /// A replay.
    NonceUsed = "nonce_used", 401, "This nonce has been used";
    /// The body is not covered by the signature.
    BodyHashRequired = "body_hash_required", 401, "The body must be covered by a body hash";
    /// The body is not the one that was signed.
    BodyHashMismatch = "body_hash_mismatch", 401, "The body hash does not fit the body";
    /// Wrong name or password, disabled, unknown: one answer, one cost.
    InvalidCredentials = "invalid_credentials", 401, "Wrong name or password";
    /// The access word that is missing is named.
    Forbidden = "forbidden", 403, "This is not permitted";
    /// There is no such thing, or it is not to be seen.
    NotFound = "not_found", 404, "Not found";
    /// The path is there, the method is not.
    MethodNotAllowed = "method_not_allowed", 405, "This method is not offered here";
    /// A name or an address is taken, or a state does not allow it.
    Conflict = "conflict", 409, "This collides with what is there";
    /// The consumer is drained: the tokens it has live on.
    ConsumerDrained = "consumer_drained", 409, "This consumer is given no new tokens";
    /// It was there and is no more, or can be used only once.
    Gone = "gone", 410, "No longer there";
    /// `If-Match` names another version.
    PreconditionFailed = "precondition_failed", 412, "It has changed in the meantime";
    /// More bytes than allowed.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body is not JSON where JSON is wanted.
    UnsupportedMediaType = "unsupported_media_type", 415, "The body is of the wrong media type";
    /// The request is understood, and a field is not acceptable.
    Invalid = "invalid", 422, "Something in the request is not acceptable";
    /// Too many attempts; see `Retry-After`.
    Throttled = "throttled", 429, "Too many attempts";
    /// A fault of ours; its cause is in the log under the request id.
    Internal = "internal", 500, "Something went wrong here";
    /// The store or the hashing gate is out of reach or full; see `Retry-After`.
    Unavailable = "unavailable", 503, "Not available at the moment";
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// The name of the field.
    pub field: String,
    /// A word: `required`, `too_short`, `too_long`, `malformed`, `unknown`, `taken`.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}

/// A refusal that may be told to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.word())]
pub struct Refusal {
    /// The word.
    pub code: Code,
    /// A sentence for people. Holds nothing secret.
    pub detail: Cow<'static, str>,
    /// Further facts; boxed, because most refusals have none.
    pub facts: Option<Box<Facts>>,
}

/// The facts some refusals carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// With `invalid`: the fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With `parameter_absent`: the names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters_absent: Vec<String>,
    /// With `timestamp_refused`: lowest and highest acceptable timestamp, `700-1060`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptable_timestamps: Option<String>,
    /// With `timestamp_refused`: the time it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<Timestamp>,
    /// With `forbidden`: the access word that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// With `throttled` and `unavailable`: seconds to wait, also in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// A refusal with a sentence.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), facts: None }
    }

    /// The same refusal with facts.
    fn with(mut self, facts: Facts) -> Self {
        self.facts = Some(Box::new(facts));
        self
    }

    /// `parameter_absent`, naming what is missing.
    pub fn absent(names: &[&str]) -> Self {
        Self::new(Code::ParameterAbsent, format!("missing: {}", names.join(", ")))
            .with(Facts { parameters_absent: names.iter().map(|&n| n.into()).collect(), ..Facts::default() })
    }

    /// `timestamp_refused`, with what would be accepted; all in seconds since the epoch.
    pub fn timestamp(lowest: i64, highest: i64, now: i64) -> Self {
        Self::new(Code::TimestampRefused, "oauth_timestamp is outside the accepted window: is the clock right?").with(
            Facts {
                acceptable_timestamps: Some(format!("{lowest}-{highest}")),
                server_time: Some(Timestamp::from_seconds(now)),
                ..Facts::default()
            },
        )
    }

    /// `forbidden`, naming the access word that is missing and who lacks it.
    pub fn forbidden(access: &str, who: &str) -> Self {
        Self::new(Code::Forbidden, format!("{who} does not hold {access}"))
            .with(Facts { access: Some(access.into()), ..Facts::default() })
    }

    /// `invalid` for one field.
    pub fn invalid(field: &str, code: &str, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { field: field.into(), code: code.into(), detail: detail.into() }])
    }

    /// `invalid` for several fields.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let details: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.detail)).collect();
        Self::new(Code::Invalid, details.join("; ")).with(Facts { errors, ..Facts::default() })
    }

    /// `throttled` or `unavailable`, with the seconds to wait.
    pub fn retry(code: Code, detail: impl Into<Cow<'static, str>>, seconds: u32) -> Self {
        Self::new(code, detail).with(Facts { retry_after: Some(seconds.max(1)), ..Facts::default() })
    }

    /// Seconds the caller should wait.
    pub fn retry_after(&self) -> Option<u32> {
        self.facts.as_ref().and_then(|facts| facts.retry_after)
    }
}

/// The body of every error answer, `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:countersign:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// A few words for people.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// A sentence for people.
    pub detail: Cow<'static, str>,
    /// The word for programs.
    pub code: Code,
    /// Where to look in the log.
    pub request_id: String,
    /// Further facts.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Problem {
    /// The answer to a refusal.
    pub fn new(refusal: &Refusal, request_id: impl Into<String>) -> Self {
        Self {
            kind: refusal.code.kind().into(),
            title: refusal.code.title().into(),
            status: refusal.code.status(),
            detail: refusal.detail.clone(),
            code: refusal.code,
            request_id: request_id.into(),
            facts: refusal.facts.as_deref().cloned().unwrap_or_default(),
        }
    }

    /// The refusal behind an answer, for clients.
    pub fn into_refusal(self) -> Refusal {
        Refusal { code: self.code, detail: self.detail, facts: Some(Box::new(self.facts)) }
    }

    /// The value of `WWW-Authenticate` that goes with a 401, with OAuth's own word where there is one (OAuth Problem
    /// Reporting extension). Nothing of the request goes into it.
    pub fn challenge(&self) -> Cow<'static, str> {
        let value = match self.code {
            Code::Unsigned | Code::InvalidCredentials => "OAuth realm=\"countersign\"",
            Code::ConsumerRevoked => "OAuth realm=\"countersign\", oauth_problem=\"consumer_key_rejected\"",
            code => code.challenge(),
        };
        match &self.facts.acceptable_timestamps {
            Some(range) => format!("{value}, oauth_acceptable_timestamps=\"{range}\"").into(),
            None => value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_json_is_the_word_in_the_table() {
        for &code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
        }
    }

    #[test]
    fn a_problem_survives_the_wire() {
        let refusal = Refusal::timestamp(700, 1060, 1000);
        let problem = Problem::new(&refusal, "r1");
        let back: Problem = serde_json::from_str(&serde_json::to_string(&problem).unwrap()).unwrap();
        assert_eq!(back, problem);
        assert_eq!(back.clone().into_refusal(), refusal);
        assert_eq!(
            back.challenge(),
            "OAuth realm=\"countersign\", oauth_problem=\"timestamp_refused\", oauth_acceptable_timestamps=\"700-1060\""
        );
    }
}
