//! Last uses, collected here and written down every few seconds in one transaction.

use crate::error::Result;
use crate::store::credentials::Short;
use crate::store::{Store, consumers, tokens};
use shared::id::ConsumerKey;
use shared::timestamp::Timestamp;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// What was used.
#[derive(Clone, Debug)]
pub(crate) enum Use {
    /// A consumer.
    Consumer(ConsumerKey),
    /// One of a consumer's secrets.
    Secret(Uuid),
    /// A token.
    Token(Short),
}

/// Uses that are not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<Vec<(Use, Timestamp)>>);

impl Uses {
    /// Waiting uses are dropped above this: they are a convenience, and memory has an end.
    const MOST: usize = 100_000;

    /// Notes a use. Called once in ten seconds for each thing, so the lock is hardly ever taken.
    pub(crate) fn push(&self, what: Use, at: Timestamp) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < Self::MOST {
            waiting.push((what, at));
        }
    }

    /// Writes down what is waiting.
    pub(crate) async fn write(&self, store: &Store) -> Result<()> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for batch in waiting.chunks(200) {
            let tx = store.begin().await?;
            for (what, at) in batch {
                match what {
                    Use::Consumer(key) => consumers::note_use(tx.on(), key, *at).await?,
                    Use::Secret(id) => consumers::note_secret_use(tx.on(), *id, *at).await?,
                    Use::Token(token) => tokens::note_use(tx.on(), token.as_str(), *at).await?,
                }
            }
            tx.commit().await?;
        }
        Ok(())
    }
}
