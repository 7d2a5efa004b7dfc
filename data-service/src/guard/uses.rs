//! Last uses, collected here and written down every few seconds, many in one statement.

use super::cache::Cache;
use crate::error::Result;
use crate::store::credentials::{Short, TokenId};
use crate::store::{Store, consumers, tokens};
use shared::id::ConsumerKey;
use shared::timestamp::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Uses that are not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    consumers: Vec<ConsumerKey>,
    secrets: Vec<Uuid>,
    /// By the part of the table their rows lie in.
    tokens: BTreeMap<u32, Vec<Used>>,
    tokens_count: usize,
}

/// A token that was used. There may be many at once, so it takes twelve bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// Where its row lies, as far as that is known.
    pub(super) place: u32,
    bits: [u32; 2],
}

impl Used {
    pub(super) fn new(place: u32, token: TokenId) -> Self {
        let bits = token.bits();
        Self { place, bits: [bits >> 32, bits & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(0)) }
    }

    /// Half of the token: it tells those apart that are in memory.
    pub(super) fn bits(self) -> u64 {
        let [high, low] = self.bits.map(u64::from);
        high << 32 | low
    }
}

/// Tokens that wait at most; the use of another is noted when there is room again.
const MOST: usize = 250_000;
/// Rows of one part of the table.
const PART: u32 = 4096;
/// Rows one statement writes.
const BATCH: usize = 500;
/// Tokens that are looked up in one go.
const AT_ONCE: usize = 50;

/// What is called here happens at most once a minute for each thing, so the lock is hardly ever taken.
impl Uses {
    /// A consumer was used.
    pub(crate) fn consumer(&self, key: &ConsumerKey) {
        self.waiting().consumers.push(key.clone());
    }

    /// One of a consumer's secrets was used.
    pub(crate) fn secret(&self, id: Uuid) {
        self.waiting().secrets.push(id);
    }

    /// A token was used: asks for it if there is room.
    pub(crate) fn token(&self, used: impl FnOnce() -> Option<Used>) {
        let mut waiting = self.waiting();
        if waiting.tokens_count < MOST {
            waiting.put(used());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is waiting, as used at `now`: a few seconds late at most. A short transaction at a time. Tokens
    /// that cannot be written wait on; a consumer is noted again within a minute.
    pub(crate) async fn write(&self, cache: &Cache, store: &Store, now: Timestamp) -> Result<()> {
        let (consumers, secrets, mut left) = {
            let mut waiting = self.waiting();
            let (consumers, secrets) = (std::mem::take(&mut waiting.consumers), std::mem::take(&mut waiting.secrets));
            (consumers, secrets, waiting.tokens_count)
        };
        if !consumers.is_empty() || !secrets.is_empty() {
            let tx = store.begin().await?;
            consumers::note_uses(tx.on(), &consumers, now).await?;
            consumers::note_secret_uses(tx.on(), &secrets, now).await?;
            tx.commit().await?;
        }
        while left > 0 {
            let batch = self.waiting().take(BATCH.min(left));
            left = if batch.is_empty() { 0 } else { left - batch.len() };
            if let Err(error) = write_tokens(cache, store, &batch, now).await {
                self.waiting().put(batch);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Waiting {
    /// Takes some tokens, in the order of their rows. Rows that lie in one page are then written with it, once; in any other
    /// order each would cost a page of its own.
    fn take(&mut self, most: usize) -> Vec<Used> {
        let mut taken = Vec::with_capacity(most);
        while let (1.., Some(mut part)) = (most - taken.len(), self.tokens.first_entry()) {
            part.get_mut().sort_unstable_by_key(|used| Reverse(used.place));
            let rest = part.get().len().saturating_sub(most - taken.len());
            taken.extend(part.get_mut().drain(rest..).rev());
            if rest == 0 {
                part.remove();
            }
        }
        self.tokens_count = self.tokens_count.saturating_sub(taken.len());
        taken
    }

    fn put(&mut self, tokens: impl IntoIterator<Item = Used>) {
        for used in tokens {
            self.tokens.entry(used.place / PART).or_default().push(used);
            self.tokens_count += 1;
        }
    }
}

async fn write_tokens(cache: &Cache, store: &Store, batch: &[Used], now: Timestamp) -> Result<()> {
    let mut names: Vec<Short> = Vec::with_capacity(batch.len());
    for some in batch.chunks(AT_ONCE) {
        names.extend(some.iter().filter_map(|used| cache.tokens.named(*used)));
        // Others get their turn.
        tokio::task::yield_now().await;
    }
    let tx = store.begin().await?;
    tokens::note_uses(tx.on(), names.iter().map(Short::as_str), now).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(place: u32) -> Used {
        Used { place, bits: [place, 7] }
    }

    #[test]
    fn tokens_are_taken_in_the_order_of_their_rows_and_put_back() {
        let mut waiting = Waiting::default();
        let places: Vec<u32> = (0..20_000).map(|number: u32| number.wrapping_mul(2_654_435_761) % 50_000).collect();
        waiting.put(places.iter().map(|place| used(*place)));
        let mut sorted = places.clone();
        sorted.sort_unstable();
        let first = waiting.take(700);
        assert_eq!(first.iter().map(|used| used.place).collect::<Vec<_>>(), sorted[..700]);
        assert_eq!(waiting.tokens_count, 19_300);
        waiting.put(first);
        let mut all = Vec::new();
        while waiting.tokens_count > 0 {
            all.extend(waiting.take(500).iter().map(|used| used.place));
        }
        assert_eq!(all, sorted);
        assert!(waiting.tokens.is_empty() && waiting.take(500).is_empty());
    }
}
