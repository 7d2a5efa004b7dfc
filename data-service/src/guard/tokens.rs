//! Tokens in memory, each with what its requests are verified with.

use super::shards::Shards;
use super::table::Keyed;
use super::uses::Used;
use crate::store::credentials::{Common, Short, ShortSecret, TokenCredential, TokenFacts, TokenId};
use prefetch_index::prefetch_index;
use shared::oauth1;
use shared::timestamp::Timestamp;
use std::num::NonZeroU32;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::{NonNilUuid, Uuid};

/// All tokens in memory.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Shards<Entry>);

/// A token in memory. There are many, and a look-up waits for memory longer than for anything else: so it fills two lines
/// of the processor's cache, which are fetched at the same time.
#[derive(Debug, Default)]
struct Entry {
    proving: Proving,
    about: About,
}

/// What a request is verified with.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Proving {
    token: TokenId,
    kept: Kept,
    /// The turn in which it was last used; zero for never.
    turn: AtomicU32,
}

/// What the token is good for.
#[derive(Debug)]
#[repr(align(64))]
struct About {
    /// `None` in a free place.
    common: Option<Arc<Common>>,
    user: Uuid,
    session: Option<NonNilUuid>,
    signed_in_at: Timestamp,
    expires_at: Timestamp,
    /// Where its row lies, as far as that is known.
    place: u32,
    revoked: bool,
}

impl Default for About {
    fn default() -> Self {
        let never = Timestamp::from_millis(0);
        Self {
            common: None,
            user: Uuid::nil(),
            session: None,
            signed_in_at: never,
            expires_at: never,
            place: 0,
            revoked: false,
        }
    }
}

/// What is kept of a secret.
#[derive(Debug)]
enum Kept {
    /// The key of HMAC-SHA1, ready, and which of the consumer's secrets it was made of. The secret is not needed then.
    Keyed(NonZeroU32, oauth1::Keyed),
    /// The secret; and for which of the consumer's secrets no key is to be made of it. Signed in several ways, a token keeps
    /// its secret.
    Secret(ShortSecret, Option<NonZeroU32>),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Secret(ShortSecret::default(), None)
    }
}

impl Keyed for Entry {
    type Key = TokenId;

    #[inline]
    fn key(&self) -> &TokenId {
        &self.proving.token
    }

    #[inline]
    fn hash(key: &TokenId) -> u64 {
        key.bits()
    }

    /// A token never gets another secret: what is kept of it stays. That it was read again says nothing, for a stranger may
    /// have named it.
    fn succeed(self, older: &mut Self) {
        older.about = self.about;
        older.proving.turn.fetch_max(self.proving.turn.into_inner(), Ordering::Relaxed);
    }

    #[inline]
    fn fetch(values: &[Self], at: usize) {
        if let Some(entry) = values.get(at) {
            prefetch_index(slice::from_ref(&entry.proving), 0);
            prefetch_index(slice::from_ref(&entry.about), 0);
        }
    }
}

impl Entry {
    fn new(found: &TokenCredential, now: Timestamp) -> Self {
        let TokenCredential { facts, secret, place, .. } = found;
        let facts = facts.clone();
        Self {
            proving: Proving {
                token: facts.token,
                kept: Kept::Secret(secret.clone(), None),
                turn: AtomicU32::new(last_turn(found, now)),
            },
            about: About {
                common: Some(facts.common),
                user: facts.user,
                session: facts.session,
                signed_in_at: facts.signed_in_at,
                expires_at: facts.expires_at,
                place: *place,
                revoked: facts.revoked,
            },
        }
    }

    #[inline]
    fn facts(&self) -> Option<TokenFacts> {
        let About { common, user, session, signed_in_at, expires_at, revoked, .. } = &self.about;
        Some(TokenFacts {
            token: self.proving.token,
            common: common.clone()?,
            user: *user,
            session: *session,
            signed_in_at: *signed_in_at,
            expires_at: *expires_at,
            revoked: *revoked,
        })
    }
}

/// Uses within a turn count as one. Each token's turns begin at a moment of its own, so that they do not all have to be
/// written down at once.
const TURN_SECONDS: u64 = 3600;

/// The number of a token's turn.
fn turn(token: TokenId, at: Timestamp) -> u32 {
    let seconds = u64::try_from(at.seconds()).unwrap_or(0) + token.other_bits() % TURN_SECONDS;
    u32::try_from(seconds / TURN_SECONDS).unwrap_or(u32::MAX)
}

/// The turn in which a token was last used, as far as that is written down. What a clock wrote that was ahead counts for
/// nothing.
fn last_turn(found: &TokenCredential, now: Timestamp) -> u32 {
    found.last_used_at.filter(|at| *at <= now).map_or(0, |at| turn(found.facts.token, at))
}

/// A token as it was found.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(super) facts: TokenFacts,
    pub(super) proof: Proof,
    /// It was not used for a while, or never: that it is used now has to be noted.
    pub(super) due: bool,
    /// For which of the consumer's secrets no key is to be made, if the secret is kept in memory.
    settled: Option<Option<NonZeroU32>>,
}

impl Seen {
    /// True if its end has not come. A session that is used lasts longer: that a token is over, only the store can say.
    #[inline]
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        now < self.facts.expires_at
    }

    /// False if its secret is kept rather than a key for the consumer's secret of this number: then nothing is to be changed,
    /// and no lock to be taken for that.
    #[inline]
    pub(super) fn may_be_keyed(&self, serial: NonZeroU32) -> bool {
        self.settled != Some(Some(serial))
    }

    /// A token as it was read from the store.
    pub(super) fn new(found: TokenCredential, now: Timestamp) -> Self {
        let due = last_turn(&found, now) < turn(found.facts.token, now);
        let TokenCredential { facts, secret, .. } = found;
        Self { facts, proof: Proof::Secret(secret), due, settled: None }
    }
}

/// What a token's requests are verified with.
#[derive(Debug)]
pub(crate) enum Proof {
    /// The key, ready: made of the consumer's secret that was asked for.
    Keyed(oauth1::Keyed),
    /// The token's half of the key.
    Secret(ShortSecret),
}

impl Tokens {
    /// A look-up waits for memory twice, longer than it takes to hash a request. Who knows early which token it will be
    /// says so, and later once more, and does other things in between.
    #[inline]
    pub(super) fn expect(&self, token: TokenId) {
        self.0.expect(&token);
    }

    /// The second time.
    #[inline]
    pub(super) fn expect_more(&self, token: TokenId) {
        self.0.expect_value(&token);
    }

    /// A token with what its request is verified with: the key if that was made of the consumer's secret with this serial
    /// number, or the secret. `None` also if neither is kept.
    #[inline]
    pub(super) fn get(&self, token: TokenId, serial: Option<NonZeroU32>, now: Timestamp) -> Option<Seen> {
        let look = |entry: &Entry| {
            let (proof, settled) = match &entry.proving.kept {
                Kept::Keyed(made_of, keyed) if serial == Some(*made_of) => (Proof::Keyed(keyed.clone()), None),
                Kept::Keyed(..) => return None,
                Kept::Secret(secret, given_up) => (Proof::Secret(secret.clone()), Some(*given_up)),
            };
            let due = entry.proving.turn.load(Ordering::Relaxed) < turn(token, now);
            Some(Seen { facts: entry.facts()?, proof, due, settled })
        };
        self.0.with(&token, look).flatten()
    }

    /// Puts a token in, if `still` holds (see [`Shards::put`]).
    pub(super) fn put(&self, found: &TokenCredential, now: Timestamp, still: impl Fn() -> bool) {
        self.0.put(Entry::new(found, now), still);
    }

    /// Keeps the secret from now on, and no key made with the consumer's secret of this number: a signature held that no key
    /// could be kept for.
    pub(super) fn settle(&self, seen: &Seen, given_up: Option<NonZeroU32>) {
        if let (Proof::Secret(secret), true) = (&seen.proof, seen.settled != Some(given_up)) {
            let kept = Kept::Secret(secret.clone(), given_up);
            self.0.change(&seen.facts.token, |entry| entry.proving.kept = kept);
        }
    }

    /// Keeps the key that was made of the token's secret and of a consumer's, and the secret no longer.
    pub(super) fn keep(&self, token: TokenId, serial: NonZeroU32, keyed: oauth1::Keyed) {
        self.0.change(&token, |entry| match entry.proving.kept {
            Kept::Secret(_, Some(given_up)) if given_up == serial => {}
            _ => entry.proving.kept = Kept::Keyed(serial, keyed),
        });
    }

    /// Notes a use. What has to be written down of it, if anything: nothing of a token that is not kept in memory.
    pub(crate) fn note_use(&self, token: TokenId, now: Timestamp) -> Option<Used> {
        let now = turn(token, now);
        let note = |entry: &Entry| {
            let before = entry.proving.turn.fetch_max(now, Ordering::Relaxed);
            (before < now).then(|| Used::new(entry.about.place, token))
        };
        self.0.with(&token, note).flatten()
    }

    /// The text of a token that was used, if it is in memory yet.
    pub(super) fn named(&self, used: Used) -> Option<Short> {
        self.0.with_hash(used.bits(), |entry| entry.proving.token.text())
    }

    /// Removes a token.
    pub(super) fn remove(&self, token: TokenId) {
        self.0.remove(&token);
    }

    /// Removes the tokens of a user.
    pub(super) fn remove_of(&self, user: Uuid) {
        self.0.retain(|entry| entry.about.user != user);
    }

    /// Removes all.
    pub(super) fn clear(&self) {
        self.0.retain(|_| false);
    }
}

#[cfg(test)]
mod tests;
