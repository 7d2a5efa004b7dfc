//! The signature doctor: why a captured request is refused, in plain words.
//!
//! The verdict comes from the very functions every door uses. Where the signature does not verify, the search signs
//! the request again in each of the ways clients and proxies are known to get wrong, alone and two at a time, until
//! one gives the signature that was sent: what had to be changed is the cause.
//!
//! Everything shown may be pasted into a ticket: no secret, no key, nothing of a PLAINTEXT signature.

mod body;
mod capture;
mod case;
mod cause;
mod clock;
mod encoding;
mod json;
mod key;
mod method;
mod notes;
mod origin;
mod parameters;
mod path;
mod redact;
mod search;
mod signature;
mod signed;
mod spelling;
mod syntax;
mod variant;
mod written;

pub use capture::NotRead;
pub use cause::Cause;

use super::base_url::{BaseUrl, UrlError};
use super::{BodyHash, Key, Request, Window, base_string, decode_signature};
use crate::error::{Code, Refusal};
use crate::secret::Secret;
use case::Case;

/// What was found out about one captured request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diagnosis {
    /// The signature base string as the server computes it (RFC 5849 section 3.4.1).
    pub base_string: String,
    /// The signature that goes with it (section 3.4.2); empty if the signature method is none of ours.
    pub signature: String,
    /// What the data service would answer: `ok`, or the code of the refusal.
    pub verdict: String,
    /// What is wrong, in the order in which the server checks; then what is only worth knowing.
    pub causes: Vec<Cause>,
    /// `oauth_signature` as sent, if it can be a signature at all: PLAINTEXT would be the secrets themselves.
    #[serde(skip)]
    pub sent_signature: Option<String>,
}

impl Diagnosis {
    /// True if the data service would take the request.
    pub fn is_ok(&self) -> bool {
        self.verdict == OK
    }
}

const OK: &str = "ok";

/// Why there is no diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExplained {
    /// The base URL.
    #[error("the base URL: {0}")]
    BaseUrl(#[from] UrlError),
    /// The captured request.
    #[error("the captured request: {0}")]
    Request(#[from] NotRead),
}

/// Explains a captured HTTP/1.1 request, as the data service at `base_url` would see it from a consumer with default
/// settings, wherever its OAuth parameters stand. The time is checked if it is given, in seconds since the epoch;
/// the nonce is not, for that takes a memory.
pub fn explain(
    request: &[u8],
    base_url: &str,
    consumer_secret: &Secret,
    token_secret: &Secret,
    at: Option<i64>,
) -> Result<Diagnosis, NotExplained> {
    let base = BaseUrl::parse(base_url)?;
    let capture = capture::Capture::read(request)?;
    let at = at.map(|seconds| seconds.clamp(0, clock::LAST_SECOND));
    let case = Case::new(&capture, &base, base_url, (consumer_secret, token_secret), at);
    let refusal = judge(&case).err();
    let honest = case.honest();
    let mut diagnosis = Diagnosis {
        base_string: honest.base_string(),
        signature: if case.algorithm().is_some() { honest.signature() } else { String::new() },
        verdict: refusal.as_ref().map_or(OK, |refusal| refusal.code.word()).into(),
        causes: causes(&case, refusal.as_ref()),
        sent_signature: signature::printable(&case),
    };
    redact::redact(&mut diagnosis, &case);
    Ok(diagnosis)
}

/// The checks of the data service, in its order.
fn judge(case: &Case<'_>) -> Result<(), Refusal> {
    let message = case.message();
    let request = Request::parse(&message)?;
    if let Some(now) = case.at {
        Window::at(now, 0).check(request.timestamp)?;
    }
    let none = Secret::default();
    let token_secret = if request.token().is_some() { case.token_secret } else { &none };
    let key = Key::new(request.signature_method, case.consumer_secret, token_secret);
    if !key.verify(base_string(&request, case.base).as_bytes(), &decode_signature(&request.signature())) {
        return Err(Refusal::new(Code::SignatureInvalid, "the signature does not verify"));
    }
    BodyHash::Required.check(request.body_hash().as_ref(), request.form, &case.capture.body)?;
    Ok(())
}

/// Everything that is wrong, not only what the server would have stopped at.
fn causes(case: &Case<'_>, refusal: Option<&Refusal>) -> Vec<Cause> {
    let mut causes = case.capture.causes.clone();
    if let Some(refusal) = refusal {
        causes.extend(syntax::causes(case, refusal));
        if refusal.code == Code::Unsigned {
            return causes;
        }
    }
    causes.extend(clock::causes(case));
    causes.extend(signature::causes(case));
    causes.extend(body::causes(case));
    causes.extend(notes::causes(case));
    causes
}
