//! Tokens in memory, each with what its requests are verified with.

use super::shards::Shards;
use super::table::Keyed;
use crate::store::credentials::{ShortSecret, TokenCredential, TokenFacts};
use shared::oauth1;
use shared::timestamp::Timestamp;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

/// All tokens in memory.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Shards<Entry>);

/// A token in memory. There are many.
#[derive(Debug)]
struct Entry {
    facts: TokenFacts,
    /// The key of its HMAC-SHA1, and which of the consumer's secrets that was made of.
    keyed: Option<(NonZeroU32, oauth1::Keyed)>,
    /// When it was last used, in seconds.
    last_use: AtomicU32,
    secret: ShortSecret,
}

/// Uses within this many seconds count as one.
const GRAIN_SECONDS: u32 = 60;

impl Keyed for Entry {
    fn key(&self) -> &[u8] {
        self.facts.token.as_bytes()
    }
}

/// A token as it was found.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) facts: TokenFacts,
    pub(super) proof: Proof,
    /// It was not used for a while, or never: that it is used now has to be noted.
    pub(super) due: bool,
}

impl Seen {
    /// True if its end has not come. A session that is used lasts longer: that a token is over, only the store can say.
    #[inline]
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        now < self.facts.expires_at
    }

    /// A token as it was read from the store.
    pub(super) fn new(TokenCredential { facts, secret }: TokenCredential) -> Self {
        Self { facts, proof: Proof::Secret(secret), due: true }
    }
}

/// What a token's requests are verified with.
#[derive(Debug)]
pub(super) enum Proof {
    /// The key, ready: made of the consumer's secret that was asked for.
    Keyed(oauth1::Keyed),
    /// The token's half of the key.
    Secret(ShortSecret),
}

impl Tokens {
    /// A look-up waits for memory twice, longer than it takes to hash a request. Who knows early which token it will be
    /// says so, and later once more, and does other things in between.
    #[inline]
    pub(super) fn expect(&self, token: &[u8]) {
        self.0.expect(token);
    }

    /// The second time.
    #[inline]
    pub(super) fn expect_more(&self, token: &[u8]) {
        self.0.expect_value(token);
    }

    /// A token, and its key if that was made of the consumer's secret with this serial number.
    #[inline]
    pub(super) fn get(&self, token: &str, serial: Option<NonZeroU32>, now: Timestamp) -> Option<Seen> {
        self.0.with(token, |entry| Seen {
            facts: entry.facts.clone(),
            proof: match &entry.keyed {
                Some((made_of, keyed)) if serial == Some(*made_of) => Proof::Keyed(keyed.clone()),
                _ => Proof::Secret(entry.secret.clone()),
            },
            due: is_due(entry.last_use.load(Ordering::Relaxed), seconds(now)),
        })
    }

    /// Puts a token in, if `still` holds (see [`Shards::put`]).
    pub(super) fn put(&self, token: &TokenCredential, still: impl Fn() -> bool) {
        let (facts, secret) = (token.facts.clone(), token.secret.clone());
        self.0.put(Entry { facts, keyed: None, last_use: AtomicU32::new(0), secret }, still);
    }

    /// Keeps the key that was made of the token's secret and of a consumer's.
    pub(super) fn keep(&self, token: &str, serial: NonZeroU32, keyed: oauth1::Keyed) {
        self.0.change(token, |entry| entry.keyed = Some((serial, keyed)));
    }

    /// Notes a use. True if it has to be written down.
    pub(super) fn note_use(&self, token: &str, now: Timestamp) -> bool {
        let now = seconds(now);
        let noted = self.0.with(token, |entry| {
            let before = entry.last_use.load(Ordering::Relaxed);
            is_due(before, now)
                && entry.last_use.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        });
        // One that is not kept in memory is written down each time.
        noted.unwrap_or(true)
    }

    /// Removes a token.
    pub(super) fn remove(&self, token: &str) {
        self.0.remove(token);
    }

    /// Removes the tokens of a user.
    pub(super) fn remove_of(&self, user: Uuid) {
        self.0.retain(|entry| entry.facts.user != user);
    }

    /// Removes all.
    pub(super) fn clear(&self) {
        self.0.retain(|_| false);
    }
}

fn seconds(now: Timestamp) -> u32 {
    u32::try_from(now.seconds()).unwrap_or(0)
}

/// A clock that is set back makes nothing due, until it has caught up.
fn is_due(before: u32, now: u32) -> bool {
    now.saturating_sub(before) >= GRAIN_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_memory_is_small() {
        // With at most sixteen more in its table.
        assert!(size_of::<Option<Entry>>() <= 176, "{}", size_of::<Option<Entry>>());
    }
}
