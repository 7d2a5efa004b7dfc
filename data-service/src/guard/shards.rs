//! A set in pieces, so that readers of different pieces do not meet.

use super::table::{Keyed, Table};
use std::sync::{PoisonError, RwLock};

const SHARDS: usize = 32;

/// The pieces, each under a lock of its own. Nothing waits for anything else while it holds one.
#[derive(Debug)]
pub(super) struct Shards<V>(Vec<RwLock<Table<V>>>);

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl<V: Keyed> Shards<V> {
    /// Looks at the value of a key.
    #[inline]
    pub(super) fn with<T>(&self, key: &V::Key, look: impl FnOnce(&V) -> T) -> Option<T> {
        let hash = V::hash(key);
        self.shard(hash)?.read().unwrap_or_else(PoisonError::into_inner).get(hash, key).map(look)
    }

    /// Looks at the first value whose key has this hash.
    pub(super) fn with_hash<T>(&self, hash: u64, look: impl FnOnce(&V) -> T) -> Option<T> {
        let first = |table: &Table<V>| table.first(hash).map(look);
        first(&self.shard(hash)?.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the processor fetch the part of an index that a look-up of this key begins with.
    #[inline]
    pub(super) fn expect(&self, key: &V::Key) {
        let hash = V::hash(key);
        if let Some(shard) = self.shard(hash) {
            shard.read().unwrap_or_else(PoisonError::into_inner).expect(hash);
        }
    }

    /// Has it fetch the value, some time after [`Self::expect`].
    #[inline]
    pub(super) fn expect_value(&self, key: &V::Key) {
        let hash = V::hash(key);
        if let Some(shard) = self.shard(hash) {
            shard.read().unwrap_or_else(PoisonError::into_inner).expect_value(hash);
        }
    }

    /// Changes the value of a key, if it is there.
    pub(super) fn change(&self, key: &V::Key, change: impl FnOnce(&mut V)) {
        let hash = V::hash(key);
        if let Some(shard) = self.shard(hash) {
            shard.write().unwrap_or_else(PoisonError::into_inner).get_mut(hash, key).map(change);
        }
    }

    /// Puts a value in if `still` holds while the shard is locked: whoever forgets grows the epoch first and takes
    /// this lock afterwards, so either `still` fails here or the forgetting finds the value.
    pub(super) fn put(&self, value: V, still: impl Fn() -> bool) {
        let hash = V::hash(value.key());
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if !still() {
            return;
        }
        match shard.get_mut(hash, value.key()) {
            Some(known) => value.succeed(known),
            None => shard.insert(hash, value),
        }
    }

    /// Removes the value of a key.
    pub(super) fn remove(&self, key: &V::Key) {
        let hash = V::hash(key);
        if let Some(shard) = self.shard(hash) {
            shard.write().unwrap_or_else(PoisonError::into_inner).remove(hash, key);
        }
    }

    /// Removes what is not to be kept, from one shard after the other.
    pub(super) fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.0 {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(&keep);
        }
    }

    /// The piece for a hash. Not by its highest bits: those the tables use themselves.
    #[inline]
    fn shard(&self, hash: u64) -> Option<&RwLock<Table<V>>> {
        self.0.get(usize::try_from(hash >> 20).unwrap_or(0) % SHARDS)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}

/// A fast hash of a text, without a key. Only credentials that exist are kept here, and their names are chosen by us at random,
/// so nobody can make them collide.
#[inline]
pub(super) fn hash(key: &str) -> u64 {
    let key = key.as_bytes();
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = key.as_chunks::<8>();
    let hash = words.iter().fold(key.len() as u64, |hash, word| step(hash, u64::from_le_bytes(*word)));
    // The last eight bytes, some of them for the second time.
    let last = key.last_chunk::<8>().map(|last| u64::from_le_bytes(*last));
    step(hash, last.unwrap_or_else(|| rest.iter().fold(0, |last, &byte| last << 8 | u64::from(byte))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::table::MOST;

    #[derive(Default)]
    struct Named(String);

    impl Keyed for Named {
        type Key = str;

        fn key(&self) -> &str {
            &self.0
        }

        fn hash(key: &str) -> u64 {
            hash(key)
        }
    }

    #[test]
    fn a_flood_of_keys_is_bounded() {
        let shards: Shards<Named> = Shards::default();
        for index in 0..MOST * SHARDS + 50_000 {
            shards.put(Named(index.to_string()), || true);
        }
        let total = shards.len();
        assert!(total <= MOST * SHARDS && total > MOST * SHARDS / 2, "{total}");
    }

    #[test]
    fn what_is_no_longer_so_when_the_lock_is_held_is_not_kept() {
        let shards: Shards<Named> = Shards::default();
        shards.put(Named("a".into()), || false);
        assert_eq!(shards.with("a", |_| ()), None);
        shards.put(Named("a".into()), || true);
        assert_eq!(shards.with("a", |value| value.0.len()), Some(1));
        shards.change("a", |value| value.0.reserve(100));
        shards.change("b", |_| panic!("there is none"));
        shards.remove("a");
        assert_eq!(shards.len(), 0);
    }
}
