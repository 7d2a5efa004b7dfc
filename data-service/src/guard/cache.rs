//! Credentials in memory. Never stale: what was read from the store while something was being revoked is not kept.

use crate::error::Result;
use crate::store::credentials::{ConsumerCredential, Forget, TokenCredential};
use crate::store::{Store, consumers, tokens};
use hashbrown::HashTable;
use shared::acl::AccessList;
use shared::timestamp::Timestamp;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

const SHARDS: usize = 32;
/// Entries one shard holds at most; 2 million tokens in all.
const MOST_PER_SHARD: usize = 65_536;

/// Both kinds of credentials.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    common: Common,
    consumers: Shards<ConsumerCredential>,
    tokens: Shards<TokenCredential>,
    /// Grows whenever something is forgotten, before it is.
    epoch: AtomicU64,
}

impl Cache {
    /// The number of forgettings so far.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// A consumer from memory.
    pub(crate) fn consumer(&self, key: &str) -> Option<Arc<ConsumerCredential>> {
        self.consumers.get(key)
    }

    /// A token from memory.
    pub(crate) fn token(&self, key: &str) -> Option<Arc<TokenCredential>> {
        self.tokens.get(key)
    }

    /// A consumer from the store; remembered unless something was forgotten while it was read.
    pub(crate) async fn load_consumer(
        &self,
        store: &Store,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<ConsumerCredential>>> {
        let epoch = self.epoch();
        let found = consumers::credential(store.read(), &store.seal, key, now).await?.map(Arc::new);
        if let Some(found) = &found {
            self.consumers.put(found, || self.epoch() == epoch);
        }
        Ok(found)
    }

    /// A token from the store; remembered unless something was forgotten while it was read.
    pub(crate) async fn load_token(&self, store: &Store, key: &str) -> Result<Option<Arc<TokenCredential>>> {
        let epoch = self.epoch();
        let found = tokens::credential(store, key).await?;
        let found = found.map(|token| Arc::new(self.common.share(token)));
        if let Some(found) = &found {
            self.tokens.put(found, || self.epoch() == epoch);
        }
        Ok(found)
    }

    /// Forgets. When this returns, nothing of it is in memory, and no reading under way will put it back.
    pub(crate) fn forget(&self, what: &Forget) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        match what {
            Forget::Consumer(key) => self.consumers.remove(key),
            Forget::Tokens(keys) => keys.iter().for_each(|key| self.tokens.remove(key)),
            Forget::User(id) => self.tokens.retain(|token| token.user != *id),
            Forget::Everything => {
                self.consumers.retain(|_| false);
                self.tokens.retain(|_| false);
            }
        }
        // Once more, for whoever saw the new epoch and still found the old value.
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

/// Something with a key of its own.
trait Keyed {
    fn key(&self) -> &[u8];
}

impl Keyed for ConsumerCredential {
    fn key(&self) -> &[u8] {
        self.key.as_str().as_bytes()
    }
}

impl Keyed for TokenCredential {
    fn key(&self) -> &[u8] {
        self.token.as_bytes()
    }
}

/// Values are found by their own keys, so that no key is kept twice.
type Shard<V> = RwLock<HashTable<Arc<V>>>;

/// A set in pieces, so that readers of different pieces do not meet.
#[derive(Debug)]
struct Shards<V>(Vec<Shard<V>>);

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl<V: Keyed> Shards<V> {
    /// The piece for a hash. Not by its highest bits: those the tables use themselves.
    fn shard(&self, hash: u64) -> Option<&Shard<V>> {
        self.0.get(usize::try_from(hash >> 40).unwrap_or(0) % SHARDS)
    }

    fn get(&self, key: &str) -> Option<Arc<V>> {
        let (key, hash) = (key.as_bytes(), hash(key.as_bytes()));
        let shard = self.shard(hash)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.find(hash, |value| value.key() == key).map(Arc::clone)
    }

    /// Puts a value in if `still` holds while the shard is locked: whoever forgets grows the epoch first and takes
    /// this lock afterwards, so either `still` fails here or the forgetting finds the value.
    fn put(&self, value: &Arc<V>, still: impl Fn() -> bool) {
        let hash = hash(value.key());
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if !still() {
            return;
        }
        if let Some(known) = shard.find_mut(hash, |known| known.key() == value.key()) {
            *known = Arc::clone(value);
            return;
        }
        if shard.len() >= MOST_PER_SHARD {
            drop(shard.extract_if(|_| true).next());
        }
        shard.insert_unique(hash, Arc::clone(value), |value| self::hash(value.key()));
    }

    fn remove(&self, key: &str) {
        let (key, hash) = (key.as_bytes(), hash(key.as_bytes()));
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(found) = shard.find_entry(hash, |value| value.key() == key) {
            found.remove();
        }
    }

    fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.0 {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|value| keep(value));
        }
    }
}

/// A fast hash without a key. Only credentials that exist are kept here, and their names are chosen by us at random,
/// so nobody can make them collide.
fn hash(key: &[u8]) -> u64 {
    let (words, rest) = key.as_chunks::<8>();
    let tail = rest.iter().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([tail]);
    words.fold(0_u64, |hash, word| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(26)
}

/// What many tokens have in common, kept once.
#[derive(Debug, Default)]
struct Common {
    access: Mutex<Vec<Arc<AccessList>>>,
    consumers: Mutex<HashSet<Arc<str>>>,
}

impl Common {
    /// Different ones kept at most; beyond, a token keeps its own.
    const MOST: usize = 1024;

    fn share(&self, mut token: TokenCredential) -> TokenCredential {
        let mut lists = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        match lists.iter().find(|list| **list == token.access) {
            Some(list) => token.access = Arc::clone(list),
            None if lists.len() < Self::MOST => lists.push(Arc::clone(&token.access)),
            None => {}
        }
        drop(lists);
        let mut keys = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.get(&token.consumer) {
            Some(key) => token.consumer = Arc::clone(key),
            None if keys.len() < Self::MOST => _ = keys.insert(Arc::clone(&token.consumer)),
            None => {}
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(String);

    impl Keyed for Named {
        fn key(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    fn named(name: impl ToString) -> Arc<Named> {
        Arc::new(Named(name.to_string()))
    }

    #[test]
    fn what_was_read_while_something_was_forgotten_is_not_kept() {
        let cache = Cache::default();
        let shards: Shards<Named> = Shards::default();
        let epoch = cache.epoch();
        cache.forget(&Forget::Consumer("c".into()));
        shards.put(&named("c"), || cache.epoch() == epoch);
        assert!(shards.get("c").is_none());
        let epoch = cache.epoch();
        shards.put(&named("c"), || cache.epoch() == epoch);
        assert!(shards.get("c").is_some());
        shards.remove("c");
        assert!(shards.get("c").is_none());
    }

    #[test]
    fn a_flood_of_keys_is_bounded() {
        let shards: Shards<Named> = Shards::default();
        for index in 0..MOST_PER_SHARD * SHARDS + 50_000 {
            shards.put(&named(index), || true);
        }
        let total: usize = shards.0.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(total <= MOST_PER_SHARD * SHARDS, "{total}");
    }

    /// Readers fill the cache from a store that changes under them; a value that was forgotten must never be seen again
    /// by a reading that began after the forgetting. Breaking the epoch check makes this fail within milliseconds.
    #[test]
    fn a_history_of_changes_and_readings_holds_nothing_stale() {
        use std::sync::atomic::AtomicBool;
        use std::time::{Duration, Instant};
        struct Version(u64);
        impl Keyed for Version {
            fn key(&self) -> &[u8] {
                b"key"
            }
        }
        let (cache, versions, store) = (Cache::default(), Shards::<Version>::default(), AtomicU64::new(0));
        // The last version whose predecessors are forgotten.
        let forgotten = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut seen = 0_u64;
                        while !stop.load(Ordering::Relaxed) {
                            // What was committed and forgotten before this reading began may not be missed by it.
                            let at_least = forgotten.load(Ordering::SeqCst);
                            let found = versions.get("key").unwrap_or_else(|| {
                                let epoch = cache.epoch();
                                let read = store.load(Ordering::SeqCst);
                                if read % 7 == 0 {
                                    std::thread::yield_now();
                                }
                                let value = Arc::new(Version(read));
                                versions.put(&value, || cache.epoch() == epoch);
                                value
                            });
                            assert!(found.0 >= at_least, "saw {} after {} was forgotten", found.0, at_least);
                            seen += 1;
                        }
                        seen
                    })
                })
                .collect();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1500) {
                // A change: committed to the store, then forgotten by the cache, then confirmed.
                let version = store.fetch_add(1, Ordering::SeqCst) + 1;
                cache.epoch.fetch_add(1, Ordering::SeqCst);
                versions.remove("key");
                forgotten.store(version, Ordering::SeqCst);
            }
            stop.store(true, Ordering::Relaxed);
            let seen: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
            assert!(seen > 10_000, "{seen}");
        });
    }
}
