//! Last uses, collected here and written down every few seconds, many in one statement.

use super::cache::Cache;
use crate::error::Result;
use crate::store::credentials::{Short, TokenId};
use crate::store::{Store, consumers, tokens};
use shared::id::ConsumerKey;
use shared::timestamp::Timestamp;
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
        if waiting.tokens_count < MOST
            && let Some(used) = used()
        {
            waiting.tokens.entry(used.place / PART).or_default().push(used);
            waiting.tokens_count += 1;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is waiting, as used at `now`: a few seconds late at most. A short transaction at a time.
    pub(crate) async fn write(&self, cache: &Cache, store: &Store, now: Timestamp) -> Result<()> {
        let Waiting { consumers, secrets, tokens, .. } = std::mem::take(&mut *self.waiting());
        if !consumers.is_empty() || !secrets.is_empty() {
            let tx = store.begin().await?;
            consumers::note_uses(tx.on(), &consumers, now).await?;
            consumers::note_secret_uses(tx.on(), &secrets, now).await?;
            tx.commit().await?;
        }
        // Rows that lie in one page are written with it, once. In any other order each would cost a page of its own.
        let mut batch = Vec::with_capacity(BATCH);
        for mut part in tokens.into_values() {
            part.sort_unstable_by_key(|used| used.place);
            for some in part.chunks(AT_ONCE) {
                batch.extend(some.iter().filter_map(|used| cache.tokens.named(*used)));
                if batch.len() + AT_ONCE > BATCH {
                    write_tokens(store, &mut batch, now).await?;
                }
                // Others get their turn.
                tokio::task::yield_now().await;
            }
        }
        write_tokens(store, &mut batch, now).await
    }
}

async fn write_tokens(store: &Store, batch: &mut Vec<Short>, now: Timestamp) -> Result<()> {
    if !batch.is_empty() {
        let tx = store.begin().await?;
        tokens::note_uses(tx.on(), batch.iter().map(Short::as_str), now).await?;
        tx.commit().await?;
        batch.clear();
    }
    Ok(())
}
