//! What the guard needs of a consumer and of a token, ready for use: opened secrets, parsed lists.

use shared::acl::AccessList;
use shared::id::{ConsumerKey, ServiceName};
use shared::oauth1::{BodyHash, Location, SignatureMethod};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::{NonNilUuid, Uuid};
use zeroize::Zeroize;

/// When something was last used, and whether that has to be written down.
#[derive(Debug, Default)]
pub struct LastUse(AtomicI64);

impl LastUse {
    /// Uses within this many milliseconds count as one.
    const GRAIN: i64 = 60_000;

    /// Notes a use. True once per grain: then it has to be written down.
    pub fn note(&self, now: Timestamp) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        now.millis() - before >= Self::GRAIN
            && self.0.compare_exchange(before, now.millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A consumer, with its secrets opened.
#[derive(Debug)]
pub struct ConsumerCredential {
    /// Its key.
    pub key: ConsumerKey,
    /// Its service.
    pub service: ServiceName,
    /// What people call it.
    pub label: String,
    /// What it may do.
    pub access: AccessList,
    /// How it may sign.
    pub signature_methods: Vec<SignatureMethod>,
    /// Whether bodies must be covered.
    pub body_hash: BodyHash,
    /// Where OAuth parameters may stand.
    pub locations: Vec<Location>,
    /// True once revoked.
    pub revoked: bool,
    /// Live and retiring secrets, newest first.
    pub secrets: Vec<LiveSecret>,
    /// When it was last used.
    pub last_use: LastUse,
}

/// One of a consumer's secrets.
#[derive(Debug)]
pub struct LiveSecret {
    /// Its id.
    pub id: Uuid,
    /// The secret.
    pub secret: Secret,
    /// When it stops working.
    pub retires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_use: LastUse,
}

impl LiveSecret {
    /// True while it works.
    pub fn works(&self, now: Timestamp) -> bool {
        self.retires_at.is_none_or(|end| now < end)
    }
}

/// The session a token belongs to. It ends when the token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its public id.
    pub id: Uuid,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A token, with its secret opened. There are many of these in memory, so it is small: what tokens have in common is
/// shared, and what is theirs alone lies within it.
#[derive(Debug)]
pub struct TokenCredential {
    /// The token.
    pub token: Short,
    /// Its secret.
    pub secret: ShortSecret,
    /// The consumer that may use it.
    pub consumer: Arc<str>,
    /// What the user may do.
    pub access: Arc<AccessList>,
    /// The user it acts for.
    pub user: Uuid,
    /// The session it belongs to.
    pub(super) session: Option<NonNilUuid>,
    /// When the person signed in, if it belongs to a session.
    pub(super) signed_in_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// True once it, its session or its user was ended.
    pub revoked: bool,
    /// When it was last used.
    pub last_use: LastUse,
}

impl TokenCredential {
    /// The session it belongs to.
    pub fn session(&self) -> Option<SessionFacts> {
        let (created_at, expires_at) = (self.signed_in_at, self.expires_at);
        self.session.map(|id| SessionFacts { id: id.into(), created_at, expires_at })
    }
}

/// A text of at most 31 bytes, without a heap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short {
    length: u8,
    bytes: [u8; 31],
}

impl Short {
    /// `None` if the text is longer.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; 31];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// A secret of at most 31 bytes, without a heap. Prints as nothing, and is wiped on drop.
pub struct ShortSecret(Short);

impl ShortSecret {
    /// `None` if the secret is longer.
    pub fn new(secret: &Secret) -> Option<Self> {
        Short::new(secret.expose()).map(Self)
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl std::fmt::Debug for ShortSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShortSecret")
    }
}

impl Drop for ShortSecret {
    fn drop(&mut self) {
        self.0.bytes.zeroize();
    }
}

/// What a change makes wrong in whoever remembers credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forget {
    /// A consumer.
    Consumer(String),
    /// Tokens.
    Tokens(Vec<String>),
    /// All tokens of a user.
    User(Uuid),
    /// Everything: nobody knows any more what has changed.
    Everything,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_kept_whole_or_not_at_all() {
        assert_eq!(Short::new("t_abc").unwrap().as_str(), "t_abc");
        assert_eq!(Short::new(&"x".repeat(31)).unwrap().as_str().len(), 31);
        assert!(Short::new(&"x".repeat(32)).is_none());
        assert_eq!(format!("{:?}", ShortSecret::new(&Secret::new("hunter2")).unwrap()), "ShortSecret");
    }

    #[test]
    fn a_token_in_memory_is_small() {
        assert!(size_of::<TokenCredential>() <= 168, "{}", size_of::<TokenCredential>());
    }
}
