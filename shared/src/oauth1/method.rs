//! Signature methods (RFC 5849 section 3.4.2) and keys.
//!
//! HMAC-SHA1 is the RFC's; HMAC-SHA256 and HMAC-SHA512 follow it word for word with another hash, as every client
//! library does. PLAINTEXT and RSA-SHA1 do not exist here: the sender must not choose a weaker proof.

use super::keyed::Keyed;
use super::{limits, percent, scan};
use crate::secret::Secret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub enum SignatureMethod {
    /// RFC 5849 section 3.4.2.
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// The same with SHA-256.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
    /// The same with SHA-512.
    #[serde(rename = "HMAC-SHA512")]
    HmacSha512,
}

impl SignatureMethod {
    /// All of them, weakest first.
    pub const ALL: [Self; 3] = [Self::HmacSha1, Self::HmacSha256, Self::HmacSha512];

    /// The value of `oauth_signature_method`. Values are case-sensitive.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha512 => "HMAC-SHA512",
        }
    }

    /// The method of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Bytes of a signature.
    pub const fn signature_bytes(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
        }
    }
}

impl std::fmt::Display for SignatureMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// An HMAC that has taken in its key, ready to be cloned for each request.
#[derive(Clone)]
pub enum Key {
    /// For HMAC-SHA1.
    Sha1(Hmac<Sha1>),
    /// For HMAC-SHA256.
    Sha256(Hmac<Sha256>),
    /// For HMAC-SHA512.
    Sha512(Hmac<Sha512>),
}

impl Key {
    /// Section 3.4.2: the key is the encoded consumer secret, `&`, and the encoded token secret, which may be empty.
    pub fn new(method: SignatureMethod, consumer_secret: &Secret, token_secret: &Secret) -> Self {
        with_key(consumer_secret.expose(), token_secret.expose(), |key| Self::from_bytes(method, key))
    }

    /// From the bytes of the key as they are.
    pub(super) fn from_bytes(method: SignatureMethod, key: &[u8]) -> Self {
        match method {
            SignatureMethod::HmacSha1 => Self::Sha1(keyed(key)),
            SignatureMethod::HmacSha256 => Self::Sha256(keyed(key)),
            SignatureMethod::HmacSha512 => Self::Sha512(keyed(key)),
        }
    }

    /// The signature of a base string, in Base64.
    pub fn sign(&self, base_string: &[u8]) -> String {
        match self {
            Self::Sha1(mac) => STANDARD.encode(mac.clone().chain_update(base_string).finalize().into_bytes()),
            Self::Sha256(mac) => STANDARD.encode(mac.clone().chain_update(base_string).finalize().into_bytes()),
            Self::Sha512(mac) => STANDARD.encode(mac.clone().chain_update(base_string).finalize().into_bytes()),
        }
    }

    /// Compares in constant time. `signature` is what [`decode_signature`] gave.
    pub fn verify(&self, base_string: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha1(mac) => mac.clone().chain_update(base_string).verify_slice(signature),
            Self::Sha256(mac) => mac.clone().chain_update(base_string).verify_slice(signature),
            Self::Sha512(mac) => mac.clone().chain_update(base_string).verify_slice(signature),
        }
        .is_ok()
    }
}

/// Compares in constant time, with a key that is used once. `signature` is what [`decode_signature`] gave.
pub fn verify(
    method: SignatureMethod,
    consumer_secret: &str,
    token_secret: &str,
    base_string: &[u8],
    signature: &[u8],
) -> bool {
    with_key(consumer_secret, token_secret, |key| match method {
        SignatureMethod::HmacSha1 => fits::<Hmac<Sha1>>(key, base_string, signature),
        SignatureMethod::HmacSha256 => fits::<Hmac<Sha256>>(key, base_string, signature),
        SignatureMethod::HmacSha512 => fits::<Hmac<Sha512>>(key, base_string, signature),
    })
}

fn fits<M: Mac + hmac::digest::KeyInit>(key: &[u8], base_string: &[u8], signature: &[u8]) -> bool {
    keyed::<M>(key).chain_update(base_string).verify_slice(signature).is_ok()
}

impl Keyed {
    /// Section 3.4.2, for HMAC-SHA1.
    pub fn new(consumer_secret: &str, token_secret: &str) -> Self {
        with_key(consumer_secret, token_secret, Self::from_bytes)
    }
}

/// Keys up to this length, one block of SHA-1 and SHA-256, need no memory of their own. Ours have 63 bytes.
const SHORT_KEY: usize = 64;

/// Section 3.4.2: the key is the encoded consumer secret, `&`, and the encoded token secret, which may be empty.
fn with_key<T>(consumer_secret: &str, token_secret: &str, then: impl FnOnce(&[u8]) -> T) -> T {
    let mut room = Zeroizing::new([0; SHORT_KEY]);
    if let Some(key) = short_key(consumer_secret, token_secret, &mut room) {
        return then(key);
    }
    let mut text = Zeroizing::new(String::with_capacity(3 * (consumer_secret.len() + token_secret.len()) + 1));
    percent::encode_into(&mut text, consumer_secret.as_bytes());
    text.push('&');
    percent::encode_into(&mut text, token_secret.as_bytes());
    then(text.as_bytes())
}

/// The key of two secrets that stand for themselves, if there is room for it.
fn short_key<'a>(consumer_secret: &str, token_secret: &str, room: &'a mut [u8; SHORT_KEY]) -> Option<&'a [u8]> {
    let mut end = 0;
    for part in [consumer_secret.as_bytes(), b"&", token_secret.as_bytes()] {
        room.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    let plain = |text: &str| scan::all_unreserved(text.as_bytes());
    room.get(..end).filter(|_| plain(consumer_secret) & plain(token_secret))
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// The bytes of a signature, as [`decode_signature`] gives them.
#[derive(Clone, Copy, Debug)]
pub struct SignatureBytes {
    bytes: [u8; limits::SIGNATURE_BYTES],
    length: usize,
}

impl std::ops::Deref for SignatureBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Strict Base64: padded, canonical, standard alphabet. A lenient decoder would accept a signature whose last
/// character differs in unused bits. What cannot be decoded becomes an empty signature, which verifies nowhere, so
/// that a malformed signature costs what a wrong one costs.
pub fn decode_signature(text: &str) -> SignatureBytes {
    let mut bytes = [0; limits::SIGNATURE_BYTES];
    let length = STANDARD.decode_slice(text, &mut bytes).unwrap_or(0);
    SignatureBytes { bytes, length }
}

fn keyed<M: Mac + hmac::digest::KeyInit>(key: &[u8]) -> M {
    // HMAC takes a key of any length; the error arm of the trait is for other MACs.
    <M as Mac>::new_from_slice(key).unwrap_or_else(|_| <M as Mac>::new(&Default::default()))
}
