//! Credentials in memory. Never stale: what was read from the store while something was being revoked is not kept.

use crate::error::Result;
use crate::store::credentials::{ConsumerCredential, Forget, TokenCredential};
use crate::store::{Store, consumers, tokens};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

const SHARDS: usize = 32;
/// Entries one shard holds at most; 2 million tokens in all.
const MOST_PER_SHARD: usize = 65_536;

/// Both kinds of credentials.
#[derive(Debug, Default)]
pub(crate) struct Cache {
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
    pub(crate) async fn load_consumer(&self, store: &Store, key: &str) -> Result<Option<Arc<ConsumerCredential>>> {
        let epoch = self.epoch();
        let found = consumers::credential(store.read(), &store.seal, key).await?.map(Arc::new);
        if let Some(found) = &found {
            self.consumers.put(key, found, || self.epoch() == epoch);
        }
        Ok(found)
    }

    /// A token from the store; remembered unless something was forgotten while it was read.
    pub(crate) async fn load_token(&self, store: &Store, key: &str) -> Result<Option<Arc<TokenCredential>>> {
        let epoch = self.epoch();
        let found = tokens::credential(store.read(), &store.seal, key).await?.map(Arc::new);
        if let Some(found) = &found {
            self.tokens.put(key, found, || self.epoch() == epoch);
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
        }
    }
}

/// A map in pieces, so that readers of different pieces do not meet.
#[derive(Debug)]
struct Shards<V> {
    shards: Vec<RwLock<HashMap<Box<str>, Arc<V>>>>,
    hasher: RandomState,
}

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), hasher: RandomState::new() }
    }
}

impl<V> Shards<V> {
    fn shard(&self, key: &str) -> Option<&RwLock<HashMap<Box<str>, Arc<V>>>> {
        let index = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0) % SHARDS;
        self.shards.get(index)
    }

    fn get(&self, key: &str) -> Option<Arc<V>> {
        self.shard(key)?.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Puts a value in if `still` holds while the shard is locked: whoever forgets grows the epoch first and takes
    /// this lock afterwards, so either `still` fails here or the forgetting finds the value.
    fn put(&self, key: &str, value: &Arc<V>, still: impl Fn() -> bool) {
        let Some(shard) = self.shard(key) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if !still() {
            return;
        }
        if shard.len() >= MOST_PER_SHARD
            && let Some(any) = shard.keys().next().cloned()
        {
            shard.remove(&any);
        }
        shard.insert(key.into(), Arc::clone(value));
    }

    fn remove(&self, key: &str) {
        if let Some(shard) = self.shard(key) {
            shard.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }

    fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|_, value| keep(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_while_something_was_forgotten_is_not_kept() {
        let cache = Cache::default();
        let shards: Shards<u8> = Shards::default();
        let epoch = cache.epoch();
        cache.forget(&Forget::Consumer("c".into()));
        shards.put("c", &Arc::new(1), || cache.epoch() == epoch);
        assert_eq!(shards.get("c"), None);
        let epoch = cache.epoch();
        shards.put("c", &Arc::new(1), || cache.epoch() == epoch);
        assert_eq!(shards.get("c").as_deref(), Some(&1));
    }

    #[test]
    fn a_flood_of_keys_is_bounded() {
        let shards: Shards<u32> = Shards::default();
        for index in 0..(MOST_PER_SHARD * SHARDS + 50_000) as u32 {
            shards.put(&index.to_string(), &Arc::new(index), || true);
        }
        let total: usize = shards.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(total <= MOST_PER_SHARD * SHARDS, "{total}");
    }
}
