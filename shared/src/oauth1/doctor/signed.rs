//! What a client may have signed: every part that can be got wrong, and the base string and key that follow.

use super::encoding::Encoding;
use super::spelling::Spelling;
use crate::oauth1::{Key, Location, SignatureMethod};
use crate::secret::Secret;
use zeroize::Zeroizing;

/// The parts of a signature (RFC 5849 section 3.4), each of which a client may see otherwise than the server.
#[derive(Clone)]
pub(super) struct Signed {
    /// In the letter case in which it is signed.
    pub method: String,
    /// Scheme and authority.
    pub origin: String,
    pub path: String,
    /// Unsorted.
    pub parameters: Vec<Parameter>,
    pub spelling: Spelling,
    pub key: KeyParts,
    pub algorithm: SignatureMethod,
}

/// A parameter of the base string.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Decoded.
    pub name: String,
    /// Decoded.
    pub value: String,
    /// Name and value as received.
    pub raw: (String, String),
    /// Where it stands.
    pub location: Location,
    /// True if name and value are signed as received.
    pub verbatim: bool,
}

impl Parameter {
    /// A parameter of the header that was never sent.
    pub(super) fn made_up(name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        Self { raw: (name.clone(), value.clone()), name, value, location: Location::Header, verbatim: false }
    }

    /// True for OAuth's own.
    pub(super) fn is_protocol(&self) -> bool {
        self.name.starts_with("oauth_")
    }
}

/// The parts of the key (section 3.4.2).
#[derive(Clone)]
pub(super) struct KeyParts {
    pub consumer: Secret,
    pub token: Secret,
    /// How the secrets are written.
    pub encoding: Encoding,
    /// The `&` and what follows it.
    pub ampersand: bool,
}

impl Default for KeyParts {
    fn default() -> Self {
        Self { consumer: Secret::default(), token: Secret::default(), encoding: Encoding::Rfc5849, ampersand: true }
    }
}

impl KeyParts {
    pub(super) fn text(&self) -> Zeroizing<String> {
        let encode = |secret: &Secret| Zeroizing::new(self.encoding.encode(secret.expose()));
        if !self.ampersand {
            return encode(&self.consumer);
        }
        Zeroizing::new([encode(&self.consumer).as_str(), "&", encode(&self.token).as_str()].concat())
    }
}

impl Signed {
    /// The base string URI.
    pub(super) fn url(&self) -> String {
        [self.origin.as_str(), &self.path].concat()
    }

    /// The base string (section 3.4.1.1).
    pub(super) fn base_string(&self) -> String {
        let outer = self.spelling.outer;
        [self.method.as_str(), &self.url(), &self.spelling.normalise(&self.parameters)]
            .map(|part| outer.encode(part))
            .join("&")
    }

    /// The signature.
    pub(super) fn signature(&self) -> String {
        self.keyed().sign(self.base_string().as_bytes())
    }

    /// True if this is what was signed.
    pub(super) fn gives(&self, mac: &[u8]) -> bool {
        self.keyed().verify(self.base_string().as_bytes(), mac)
    }

    fn keyed(&self) -> Key {
        Key::from_bytes(self.algorithm, self.key.text().as_bytes())
    }
}
