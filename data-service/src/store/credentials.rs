//! What the guard needs of a consumer and of a token, ready for use: opened secrets, parsed lists.

pub use super::token_id::TokenId;
use sha2::{Digest, Sha256};
use shared::acl::AccessList;
use shared::id::{ConsumerKey, ServiceName};
use shared::oauth1::{BodyHash, Keyed, Location, SignatureMethod};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
    /// Tells it from all other secrets in this process, however often it is read.
    pub serial: Option<NonZeroU32>,
    /// The key of requests without a token.
    pub(crate) alone: OnceLock<Keyed>,
}

impl LiveSecret {
    /// A number that no other secret has. `None` when there are no more: then nothing is remembered under it.
    pub(super) fn serial_of(id: Uuid, secret: &Secret) -> Option<NonZeroU32> {
        static SERIALS: Mutex<Serials> = Mutex::new(Serials { last: 0, known: BTreeMap::new() });
        SERIALS.lock().unwrap_or_else(PoisonError::into_inner).of(id, secret)
    }

    /// True while it works.
    pub fn works(&self, now: Timestamp) -> bool {
        self.retires_at.is_none_or(|end| now < end)
    }
}

/// The numbers of secrets. A consumer is read again after each change to it, and its tokens' keys are good for as long as
/// its secret is the same.
struct Serials {
    last: u32,
    known: BTreeMap<Uuid, ([u8; 32], NonZeroU32)>,
}

impl Serials {
    /// Kept at most. When there are more, all are forgotten, and the keys that were made under them.
    const MOST: usize = 16 * 1024;

    fn of(&mut self, id: Uuid, secret: &Secret) -> Option<NonZeroU32> {
        let hash = Sha256::digest(secret.expose()).into();
        if let Some((_, serial)) = self.known.get(&id).filter(|(known, _)| *known == hash) {
            return Some(*serial);
        }
        self.last = self.last.checked_add(1)?;
        let serial = NonZeroU32::new(self.last)?;
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        self.known.insert(id, (hash, serial));
        Some(serial)
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

/// A token, with its secret opened.
#[derive(Debug)]
pub struct TokenCredential {
    /// What is known about it.
    pub facts: TokenFacts,
    /// Its secret.
    pub secret: ShortSecret,
    /// When it was last used, as far as that is written down.
    pub last_used_at: Option<Timestamp>,
    /// Where its row lies among the others, as far as that is known.
    pub place: u32,
}

/// A token without its secret. There are many in memory: what they have in common is shared.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// The token.
    pub token: TokenId,
    /// What it has in common with others.
    pub common: Arc<Common>,
    /// The user it acts for.
    pub user: Uuid,
    /// The session it belongs to.
    pub(crate) session: Option<NonNilUuid>,
    /// When the person signed in, if it belongs to a session.
    pub(crate) signed_in_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// True once it, its session or its user was ended.
    pub revoked: bool,
}

impl TokenFacts {
    /// What the user may do.
    pub fn access(&self) -> &AccessList {
        &self.common.access
    }

    /// The session it belongs to.
    pub fn session(&self) -> Option<SessionFacts> {
        let (created_at, expires_at) = (self.signed_in_at, self.expires_at);
        self.session.map(|id| SessionFacts { id: id.into(), created_at, expires_at })
    }
}

/// What many tokens have in common.
#[derive(Debug)]
pub struct Common {
    /// The consumer that may use them.
    pub consumer: Box<str>,
    /// What their users may do.
    pub access: AccessList,
}

/// What tokens have in common, each kept once.
#[derive(Debug, Default)]
pub struct Commons(Mutex<Known>);

/// By the key of a consumer, and then by an access list as it stands in the store.
#[derive(Debug, Default)]
struct Known {
    all: HashMap<Box<str>, HashMap<Box<str>, Arc<Common>>>,
    count: usize,
}

impl Commons {
    /// Different ones kept at most. When there are more, all are forgotten: tokens that are in memory keep theirs.
    const MOST: usize = 1024;

    /// The one of a consumer and an access list, which is parsed when it is seen for the first time.
    pub(super) fn share<E>(
        &self,
        consumer: &str,
        access: &str,
        parse: impl FnOnce(&str) -> Result<AccessList, E>,
    ) -> Result<Arc<Common>, E> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(common) = known.all.get(consumer).and_then(|of_consumer| of_consumer.get(access)) {
            return Ok(Arc::clone(common));
        }
        let common = Arc::new(Common { consumer: consumer.into(), access: parse(access)? });
        if known.count >= Self::MOST {
            *known = Known::default();
        }
        known.count += 1;
        known.all.entry(consumer.into()).or_default().insert(access.into(), Arc::clone(&common));
        Ok(common)
    }
}

/// A text of at most 31 bytes, without a heap.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
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
#[derive(Clone, Default)]
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
    fn a_secret_keeps_its_number_and_another_has_another() {
        let mut serials = Serials { last: 0, known: BTreeMap::new() };
        let [one, two] = [1, 2].map(Uuid::from_u128);
        let [old, new] = ["old", "new"].map(Secret::new);
        let first = serials.of(one, &old).unwrap();
        assert_eq!(serials.of(one, &old), Some(first));
        let changed = serials.of(one, &new).unwrap();
        let other = serials.of(two, &old).unwrap();
        assert!(first != changed && first != other && changed != other);
        assert_ne!(serials.of(one, &old), Some(first));
        for id in 0..2 * Serials::MOST as u128 {
            serials.of(Uuid::from_u128(100 + id), &old).unwrap();
            assert!(serials.known.len() <= Serials::MOST);
        }
        assert!(serials.of(two, &old).unwrap() > other);
        serials.last = u32::MAX;
        assert_eq!(serials.of(Uuid::nil(), &new), None);
    }

    #[test]
    fn what_tokens_have_in_common_is_kept_once_and_not_for_ever() {
        let commons = Commons::default();
        let share = |consumer: &str, access: &str| {
            commons.share(consumer, access, |text| serde_json::from_str::<AccessList>(text)).unwrap()
        };
        let first = share("c", r#"["a"]"#);
        assert!(Arc::ptr_eq(&first, &share("c", r#"["a"]"#)));
        for other in [share("d", r#"["a"]"#), share("c", r#"["b"]"#)] {
            assert!(!Arc::ptr_eq(&first, &other));
        }
        for index in 0..3 * Commons::MOST {
            assert_eq!(&*share(&index.to_string(), "[]").consumer, index.to_string());
            assert!(commons.0.lock().unwrap().count <= Commons::MOST);
        }
        assert!(commons.share("c", "no list", |text| serde_json::from_str::<AccessList>(text)).is_err());
    }
}
