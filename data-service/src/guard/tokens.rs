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
mod tests {
    use super::*;
    use crate::chance;
    use shared::acl::AccessList;
    use shared::secret::Secret;
    use std::mem::{offset_of, size_of};

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn some_token() -> TokenId {
        TokenId::read(chance::key("t")).unwrap()
    }

    fn credential(token: TokenId, last_used_at: Option<Timestamp>) -> TokenCredential {
        let common = Common { consumer: "c".into(), access: AccessList::default() };
        TokenCredential {
            facts: TokenFacts {
                token,
                common: Arc::new(common),
                user: Uuid::from_u128(1),
                session: None,
                signed_in_at: NOW,
                expires_at: NOW.plus_seconds(3600),
                revoked: false,
            },
            secret: ShortSecret::new(&Secret::new("hunter2")).unwrap(),
            last_used_at,
            place: 7,
        }
    }

    fn is_keyed(tokens: &Tokens, token: TokenId, serial: Option<NonZeroU32>) -> Option<bool> {
        tokens.get(token, serial, NOW).map(|seen| matches!(seen.proof, Proof::Keyed(_)))
    }

    #[test]
    fn a_token_fills_two_lines_and_what_verifies_it_is_in_the_first() {
        assert_eq!((size_of::<Entry>(), align_of::<Entry>()), (128, 64));
        assert_eq!((size_of::<Proving>(), size_of::<About>()), (64, 64));
        assert_eq!(offset_of!(Entry, proving) + offset_of!(Entry, about), 64);
    }

    #[test]
    fn a_key_takes_the_place_of_the_secret_and_fits_one_secret_of_the_consumer() {
        let (tokens, token) = (Tokens::default(), some_token());
        let [first, second] = [1, 2].map(NonZeroU32::new);
        tokens.put(&credential(token, None), NOW, || true);
        assert_eq!(is_keyed(&tokens, token, first), Some(false));
        tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
        assert_eq!(is_keyed(&tokens, token, first), Some(true));
        assert_eq!(is_keyed(&tokens, token, second), None);
        assert_eq!(is_keyed(&tokens, token, None), None);
    }

    #[test]
    fn a_token_that_is_signed_in_several_ways_keeps_its_secret() {
        let (tokens, token) = (Tokens::default(), some_token());
        let [first, second] = [1, 2].map(NonZeroU32::new);
        tokens.put(&credential(token, None), NOW, || true);
        tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
        // Another way of signing finds no secret, and reads the store: anybody can bring that about, and it changes nothing.
        let read = credential(token, None);
        tokens.put(&read, NOW, || true);
        assert_eq!(is_keyed(&tokens, token, first), Some(true));
        // Then its signature holds.
        tokens.settle(&Seen::new(read, NOW), first);
        tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
        assert_eq!([first, second, None].map(|serial| is_keyed(&tokens, token, serial)), [Some(false); 3]);
        // Read once more it is the same, and with the consumer's next secret there may be a key again.
        tokens.put(&credential(token, None), NOW, || true);
        tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
        assert_eq!(is_keyed(&tokens, token, first), Some(false));
        tokens.keep(token, second.unwrap(), oauth1::Keyed::new("d", "t"));
        assert_eq!(is_keyed(&tokens, token, second), Some(true));
    }

    #[test]
    fn what_is_read_again_keeps_its_key_and_its_turn_and_takes_over_the_rest() {
        let (tokens, token) = (Tokens::default(), some_token());
        let serial = NonZeroU32::new(1);
        tokens.put(&credential(token, None), NOW, || true);
        tokens.keep(token, serial.unwrap(), oauth1::Keyed::new("c", "t"));
        assert!(tokens.note_use(token, NOW).is_some());
        let mut longer = credential(token, None);
        longer.facts.expires_at = NOW.plus_seconds(7200);
        longer.facts.revoked = true;
        tokens.put(&longer, NOW, || true);
        let seen = tokens.get(token, serial, NOW).unwrap();
        assert!(matches!(seen.proof, Proof::Keyed(_)) && !seen.due);
        assert!(seen.facts.revoked && seen.facts.expires_at == NOW.plus_seconds(7200));
    }

    #[test]
    fn what_a_clock_wrote_that_was_ahead_does_not_last() {
        let (tokens, token) = (Tokens::default(), some_token());
        let ahead = Some(NOW.plus_seconds(100_000));
        assert!(Seen::new(credential(token, ahead), NOW).due);
        tokens.put(&credential(token, ahead), NOW, || true);
        assert!(tokens.note_use(token, NOW).is_some());
    }

    #[test]
    fn a_use_is_written_down_once_in_a_turn() {
        let (tokens, token) = (Tokens::default(), some_token());
        tokens.put(&credential(token, None), NOW, || true);
        let turn_seconds = i64::try_from(TURN_SECONDS).unwrap();
        let mut written = 0;
        for second in 0..10 * turn_seconds {
            let now = NOW.plus_seconds(second);
            let due = tokens.get(token, None, now).unwrap().due;
            let used = tokens.note_use(token, now);
            assert_eq!(due, used.is_some());
            written += i64::from(due);
        }
        assert!(written == 10 || written == 11, "{written}");
        // A clock that is set back makes nothing due.
        assert!(tokens.note_use(token, NOW).is_none());
        assert!(!tokens.get(token, None, NOW).unwrap().due);
    }

    #[test]
    fn what_was_used_is_named_as_long_as_it_is_in_memory() {
        let (tokens, all) = (Tokens::default(), std::iter::repeat_with(some_token).take(1000).collect::<Vec<_>>());
        all.iter().for_each(|token| tokens.put(&credential(*token, None), NOW, || true));
        let used: Vec<_> = all.iter().map(|token| tokens.note_use(*token, NOW).unwrap()).collect();
        for (used, token) in used.iter().zip(&all) {
            assert_eq!(
                tokens.named(*used).map(|text| text.as_str().to_owned()),
                Some(token.text().as_str().to_owned())
            );
        }
        tokens.remove(all[0]);
        assert_eq!(tokens.named(used[0]).map(|text| text.as_str().to_owned()), None);
        assert_eq!(size_of::<Used>(), 12);
    }

    #[test]
    fn a_token_that_is_read_again_is_not_written_down_again() {
        let (tokens, token) = (Tokens::default(), some_token());
        tokens.put(&credential(token, Some(NOW)), NOW, || true);
        assert!(tokens.note_use(token, NOW).is_none());
        assert!(!Seen::new(credential(token, Some(NOW)), NOW).due);
        assert!(Seen::new(credential(token, None), NOW).due);
        let later = NOW.plus_seconds(i64::try_from(TURN_SECONDS).unwrap());
        assert!(Seen::new(credential(token, Some(NOW)), later).due);
        assert_eq!(tokens.note_use(token, later).map(|used| used.place), Some(7));
    }

    #[test]
    fn the_turns_of_many_tokens_begin_at_many_moments() {
        let tokens: Vec<_> = std::iter::repeat_with(some_token).take(6000).collect();
        let twelfth = i64::try_from(TURN_SECONDS / 12).unwrap();
        for part in 0..12 {
            let [before, after] = [0, 1].map(|more| NOW.plus_seconds((part + more) * twelfth));
            let begin = tokens.iter().filter(|token| turn(**token, before) < turn(**token, after)).count();
            assert!((300..700).contains(&begin), "{begin} of 6000 in a twelfth of the time");
        }
    }
}
