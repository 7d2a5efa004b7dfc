//! The body hash (draft-eaton-oauth-bodyhash-00): what puts a JSON body under the signature.

use super::method::SignatureMethod;
use crate::error::{Code, Refusal};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

/// Which hash was sent. Clients differ in what they send with which method, so it is recognised by its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyHashAlgorithm {
    /// 20 bytes; what most clients send whatever the signature method.
    Sha1,
    /// 32 bytes.
    Sha256,
    /// 64 bytes.
    Sha512,
}

impl BodyHashAlgorithm {
    /// The hash that goes with a signature method.
    pub const fn of(method: SignatureMethod) -> Self {
        match method {
            SignatureMethod::HmacSha1 => Self::Sha1,
            SignatureMethod::HmacSha256 => Self::Sha256,
            SignatureMethod::HmacSha512 => Self::Sha512,
        }
    }

    /// The value of `oauth_body_hash` for a body.
    pub fn hash(self, body: &[u8]) -> String {
        match self {
            Self::Sha1 => STANDARD.encode(Sha1::digest(body)),
            Self::Sha256 => STANDARD.encode(Sha256::digest(body)),
            Self::Sha512 => STANDARD.encode(Sha512::digest(body)),
        }
    }
}

/// Bytes that Base64 of the longest hash can hold, padding included.
const LONGEST: usize = 66;

/// What a consumer is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyHash {
    /// A non-empty body that is not a form needs a hash, of any kind.
    #[default]
    Required,
    /// For clients that cannot send one; a hash that is sent is checked all the same.
    Optional,
    /// As `required`, and SHA-1 is not enough: the hash has no key, so collisions count.
    Sha256,
}

/// The hash a request carries, decoded.
#[derive(Clone, Debug)]
pub struct SentHash {
    bytes: [u8; LONGEST],
    /// `None` if it is no Base64.
    length: Option<u8>,
}

impl SentHash {
    /// From its Base64.
    pub fn read(text: &str) -> Self {
        let mut bytes = [0; LONGEST];
        let length = STANDARD.decode_slice(text, &mut bytes).ok().and_then(|length| u8::try_from(length).ok());
        Self { bytes, length }
    }
}

impl BodyHash {
    /// Checks the body of a request against the hash it carries. Answers which hash it was, if there was one.
    pub fn check(self, sent: Option<&SentHash>, form: bool, body: &[u8]) -> Result<Option<BodyHashAlgorithm>, Refusal> {
        let Some(sent) = sent else {
            if self == Self::Optional || form || body.is_empty() {
                return Ok(None);
            }
            return Err(Refusal::new(
                Code::BodyHashRequired,
                "a body that is not a form must be covered by oauth_body_hash",
            ));
        };
        let mismatch = || Refusal::new(Code::BodyHashMismatch, "oauth_body_hash does not fit the body");
        let length = usize::from(sent.length.ok_or_else(mismatch)?);
        let sent = sent.bytes.get(..length).unwrap_or_default();
        // In no particular time: both are known to whoever sent them.
        let (algorithm, same) = match length {
            20 => (BodyHashAlgorithm::Sha1, *Sha1::digest(body) == *sent),
            32 => (BodyHashAlgorithm::Sha256, *Sha256::digest(body) == *sent),
            64 => (BodyHashAlgorithm::Sha512, *Sha512::digest(body) == *sent),
            _ => return Err(mismatch()),
        };
        if !same {
            return Err(mismatch());
        }
        if self == Self::Sha256 && algorithm == BodyHashAlgorithm::Sha1 && !body.is_empty() {
            return Err(Refusal::new(
                Code::BodyHashRequired,
                "this consumer must send a SHA-256 or SHA-512 body hash, and SHA-1 was sent",
            ));
        }
        Ok(Some(algorithm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_known_by_its_length() {
        for algorithm in [BodyHashAlgorithm::Sha1, BodyHashAlgorithm::Sha256, BodyHashAlgorithm::Sha512] {
            let hash = algorithm.hash(b"{}");
            assert_eq!(BodyHash::Required.check(Some(&SentHash::read(&hash)), false, b"{}").unwrap(), Some(algorithm));
            assert_eq!(
                BodyHash::Optional.check(Some(&SentHash::read(&hash)), false, b"{ }").unwrap_err().code,
                Code::BodyHashMismatch
            );
        }
    }

    #[test]
    fn a_missing_hash_is_a_matter_of_policy() {
        assert_eq!(BodyHash::Required.check(None, false, b"{}").unwrap_err().code, Code::BodyHashRequired);
        assert_eq!(BodyHash::Required.check(None, false, b"").unwrap(), None);
        assert_eq!(BodyHash::Required.check(None, true, b"a=b").unwrap(), None);
        assert_eq!(BodyHash::Optional.check(None, false, b"{}").unwrap(), None);
    }

    #[test]
    fn a_strict_consumer_is_not_served_with_sha1() {
        let sha1 = BodyHashAlgorithm::Sha1.hash(b"{}");
        assert_eq!(
            BodyHash::Sha256.check(Some(&SentHash::read(&sha1)), false, b"{}").unwrap_err().code,
            Code::BodyHashRequired
        );
        let sha512 = BodyHashAlgorithm::Sha512.hash(b"{}");
        assert!(BodyHash::Sha256.check(Some(&SentHash::read(&sha512)), false, b"{}").is_ok());
    }

    #[test]
    fn a_hash_that_is_no_base64_or_of_no_known_length_fits_nothing() {
        for sent in ["", "====", "AAAA", "not base64"] {
            assert_eq!(
                BodyHash::Optional.check(Some(&SentHash::read(sent)), false, b"").unwrap_err().code,
                Code::BodyHashMismatch
            );
        }
    }
}
