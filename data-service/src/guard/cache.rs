//! Credentials in memory. Never stale: what was read from the store while something was being revoked is not kept.

use super::shards::{self, Shards};
use super::table::Keyed;
use super::tokens::{Seen, Tokens};
use crate::error::Result;
use crate::store::credentials::{ConsumerCredential, Forget, TokenCredential, TokenId};
use crate::store::{Store, consumers, tokens};
use shared::timestamp::Timestamp;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Both kinds of credentials.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    consumers: Shards<Consumer>,
    pub(crate) tokens: Tokens,
    /// Grows whenever something is forgotten, before it is.
    epoch: AtomicU64,
}

/// A consumer in memory; `None` in a free place.
#[derive(Debug, Default)]
struct Consumer(Option<Arc<ConsumerCredential>>);

impl Keyed for Consumer {
    type Key = str;

    fn key(&self) -> &str {
        self.0.as_ref().map_or("", |consumer| consumer.key.as_str())
    }

    fn hash(key: &str) -> u64 {
        shards::hash(key)
    }
}

impl Cache {
    /// The number of forgettings so far.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// A consumer from memory.
    #[inline]
    pub(super) fn consumer(&self, key: &str) -> Option<Arc<ConsumerCredential>> {
        self.consumers.with(key, |consumer| consumer.0.clone()).flatten()
    }

    /// A consumer from the store; remembered unless something was forgotten while it was read.
    pub(super) async fn load_consumer(
        &self,
        store: &Store,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<ConsumerCredential>>> {
        let epoch = self.epoch();
        let found = consumers::credential(store.read(), &store.seal, key, now).await?.map(Arc::new);
        if let Some(found) = &found {
            self.consumers.put(Consumer(Some(Arc::clone(found))), || self.epoch() == epoch);
        }
        Ok(found)
    }

    /// A token from the store; remembered unless something was forgotten while it was read.
    pub(crate) async fn load_token(&self, store: &Store, token: TokenId, now: Timestamp) -> Result<Option<Seen>> {
        let epoch = self.epoch();
        Ok(tokens::credential(store, token).await?.map(|found| self.remember(found, now, epoch)))
    }

    /// A token, from memory as nearly every time, or from a store that is read on this thread: then a first sight needs no
    /// future.
    #[inline]
    pub(crate) fn token_at_once(
        &self,
        store: &Store,
        token: TokenId,
        serial: Option<NonZeroU32>,
        now: Timestamp,
    ) -> Option<Result<Option<Seen>>> {
        match self.tokens.get(token, serial, now).filter(|seen| seen.is_alive(now)) {
            None => self.load_token_at_once(store, token, now),
            seen => Some(Ok(seen)),
        }
    }

    #[cold]
    fn load_token_at_once(&self, store: &Store, token: TokenId, now: Timestamp) -> Option<Result<Option<Seen>>> {
        let epoch = self.epoch();
        let found = tokens::credential_at_once(store, token)?;
        Some(found.map(|found| found.map(|found| self.remember(found, now, epoch))))
    }

    fn remember(&self, found: TokenCredential, now: Timestamp, epoch: u64) -> Seen {
        self.tokens.put(&found, now, || self.epoch() == epoch);
        Seen::new(found, now)
    }

    /// Forgets. When this returns, nothing of it is in memory, and no reading under way will put it back.
    pub(crate) fn forget(&self, what: &Forget) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        match what {
            Forget::Consumer(key) => self.consumers.remove(key),
            Forget::Tokens(keys) => keys.iter().filter_map(TokenId::read).for_each(|token| self.tokens.remove(token)),
            Forget::User(id) => self.tokens.remove_of(*id),
            Forget::Everything => {
                self.consumers.retain(|_| false);
                self.tokens.clear();
            }
        }
        // Once more, for whoever saw the new epoch and still found the old value.
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Named(&'static str);

    impl Keyed for Named {
        type Key = str;

        fn key(&self) -> &str {
            self.0
        }

        fn hash(key: &str) -> u64 {
            shards::hash(key)
        }
    }

    #[test]
    fn what_was_read_while_something_was_forgotten_is_not_kept() {
        let cache = Cache::default();
        let shards: Shards<Named> = Shards::default();
        let epoch = cache.epoch();
        cache.forget(&Forget::Consumer("c".into()));
        shards.put(Named("c"), || cache.epoch() == epoch);
        assert!(shards.with("c", |_| ()).is_none());
        let epoch = cache.epoch();
        shards.put(Named("c"), || cache.epoch() == epoch);
        assert!(shards.with("c", |_| ()).is_some());
        shards.remove("c");
        assert!(shards.with("c", |_| ()).is_none());
    }

    /// Readers fill the cache from a store that changes under them; a value that was forgotten must never be seen again
    /// by a reading that began after the forgetting. Breaking the epoch check makes this fail within milliseconds.
    #[test]
    fn a_history_of_changes_and_readings_holds_nothing_stale() {
        use std::sync::atomic::AtomicBool;
        use std::time::{Duration, Instant};
        #[derive(Default)]
        struct Version(u64);
        impl Keyed for Version {
            type Key = str;

            fn key(&self) -> &str {
                "key"
            }

            fn hash(key: &str) -> u64 {
                shards::hash(key)
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
                            let found = versions.with("key", |version| version.0).unwrap_or_else(|| {
                                let epoch = cache.epoch();
                                let read = store.load(Ordering::SeqCst);
                                if read % 7 == 0 {
                                    std::thread::yield_now();
                                }
                                versions.put(Version(read), || cache.epoch() == epoch);
                                read
                            });
                            assert!(found >= at_least, "saw {found} after {at_least} was forgotten");
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
