//! Last uses, collected here and written down every few seconds, many in one statement.

use crate::error::Result;
use crate::store::credentials::Short;
use crate::store::{Store, consumers, tokens};
use shared::id::ConsumerKey;
use shared::timestamp::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Uses that are not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    consumers: Vec<ConsumerKey>,
    secrets: Vec<Uuid>,
    tokens: Vec<Short>,
}

/// Tokens that wait at most; those above are not noted: last uses are a convenience, and memory has an end.
const MOST: usize = 250_000;
/// Rows one statement writes.
const BATCH: usize = 500;

/// What is called here happens once a minute for each thing, so the lock is hardly ever taken.
impl Uses {
    /// A consumer was used.
    pub(crate) fn consumer(&self, key: &ConsumerKey) {
        self.waiting().consumers.push(key.clone());
    }

    /// One of a consumer's secrets was used.
    pub(crate) fn secret(&self, id: Uuid) {
        self.waiting().secrets.push(id);
    }

    /// A token was used.
    pub(crate) fn token(&self, token: Short) {
        let mut waiting = self.waiting();
        if waiting.tokens.len() < MOST {
            waiting.tokens.push(token);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is waiting, as used at `now`: a few seconds late at most. A short transaction at a time.
    pub(crate) async fn write(&self, store: &Store, now: Timestamp) -> Result<()> {
        let Waiting { consumers, secrets, mut tokens } = std::mem::take(&mut *self.waiting());
        if !consumers.is_empty() || !secrets.is_empty() {
            let tx = store.begin().await?;
            consumers::note_uses(tx.on(), &consumers, now).await?;
            consumers::note_secret_uses(tx.on(), &secrets, now).await?;
            tx.commit().await?;
        }
        if tokens.len() > BATCH {
            tokens::sort_by_place(store, &mut tokens).await;
        }
        for batch in tokens.chunks(BATCH) {
            let tx = store.begin().await?;
            tokens::note_uses(tx.on(), batch.iter().map(Short::as_str), now).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
