//! What the guard needs of a consumer and of a token, ready for use: opened secrets, parsed lists.

use shared::acl::AccessList;
use shared::id::{ConsumerKey, ServiceName, TokenKey};
use shared::oauth1::{BodyHash, Location, SignatureMethod};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// When something was last used, and whether that has to be written down.
#[derive(Debug, Default)]
pub struct LastUse(AtomicI64);

impl LastUse {
    /// Uses within this many milliseconds count as one.
    const GRAIN: i64 = 10_000;

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

/// The session a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its public id.
    pub id: Uuid,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A token, with its secret opened.
#[derive(Debug)]
pub struct TokenCredential {
    /// The token.
    pub token: TokenKey,
    /// The consumer that may use it.
    pub consumer: ConsumerKey,
    /// Its secret.
    pub secret: Secret,
    /// The user it acts for.
    pub user: Uuid,
    /// What the user may do.
    pub access: AccessList,
    /// The session it belongs to.
    pub session: Option<SessionFacts>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// True once it, its session or its user was ended.
    pub revoked: bool,
    /// When it was last used.
    pub last_use: LastUse,
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
}
