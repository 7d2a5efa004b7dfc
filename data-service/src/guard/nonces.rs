//! Used nonces: remembered here where one process serves, in the table of the database where several do.
//!
//! Where the table remembers, the nonces of requests that come at the same time go to it together: while one batch is
//! under way the next gathers. Of equal ones in a batch the first is the one that counts. What cannot be said to be new,
//! because the table did not answer, is not accepted: 503, and the nonce may have been used up by it.

use super::replay::{Fingerprint, Replay, fingerprint};
use crate::error::Result;
use crate::store::nonces::{Inserted, Nonces as Table, Row, expire};
use crate::store::{Engine, Store};
use shared::error::{Code, Refusal};
use shared::oauth1::limits;
use shared::timestamp::Timestamp;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, oneshot};

/// Where used nonces are remembered.
pub(crate) enum Nonces {
    /// In this process, and in a folder that is its own.
    Own(Box<Replay>),
    /// In the database, for all instances together.
    Shared(Box<Shared>),
}

impl Nonces {
    /// The lowest timestamp that is acceptable.
    pub(crate) fn floor(&self) -> i64 {
        match self {
            Self::Own(replay) => replay.floor(),
            Self::Shared(shared) => shared.floor.load(Ordering::Acquire),
        }
    }

    /// The fingerprint of a nonce within its timestamp.
    pub(crate) fn fingerprint(&self, consumer: &str, token: &str, nonce: &str) -> Fingerprint {
        match self {
            Self::Own(replay) => replay.fingerprint(consumer, token, nonce),
            Self::Shared(shared) => fingerprint(&shared.key, consumer, token, nonce),
        }
    }

    /// Says early which nonce it will be, so that its memory is fetched.
    #[inline]
    pub(crate) fn expect(&self, timestamp: i64, fingerprint: Fingerprint) {
        if let Self::Own(replay) = self {
            replay.expect(timestamp, fingerprint);
        }
    }

    /// Accepts a nonce once. If somebody else has to be asked, it is accepted when that comes out well.
    pub(crate) fn accept(&self, timestamp: i64, fingerprint: Fingerprint, now: Timestamp) -> Result<Option<Pending>> {
        match self {
            Self::Own(replay) => replay.accept(timestamp, fingerprint, now).map(|()| None),
            Self::Shared(shared) => shared.ask(timestamp, fingerprint, now).map(Some),
        }
    }

    /// Forgets what has left the window. Called every second or so.
    pub(crate) async fn tidy(&self, store: &Store, now: Timestamp) -> Result<()> {
        match self {
            Self::Own(replay) => replay.tidy(now),
            Self::Shared(shared) => shared.raise(expire(store).await?),
        }
    }

    /// Takes nonces to the table, for as long as the service runs.
    pub(crate) async fn carry(&self) -> Infallible {
        match self {
            Self::Own(_) => std::future::pending().await,
            Self::Shared(shared) => shared.carry().await,
        }
    }

    /// Writes down what is not written down yet.
    pub(crate) fn close(&self) -> Result<()> {
        match self {
            Self::Own(replay) => replay.close(),
            Self::Shared(_) => Ok(()),
        }
    }

    /// The memory for a store that several instances use; `None` if this process has it for itself.
    pub(crate) async fn shared(store: &Arc<Store>) -> Result<Option<Self>> {
        if store.engine() == Engine::Sqlite {
            return Ok(None);
        }
        let (table, key, floor) = Table::open(Arc::clone(store)).await?;
        Ok(Some(Self::Shared(Box::new(Shared {
            key,
            floor: AtomicI64::new(floor),
            table: Mutex::new(table),
            waiting: Lock::default(),
            bell: Notify::new(),
            failing: AtomicBool::new(false),
        }))))
    }
}

/// Nonces that wait at most.
const MOST: usize = 10_000;
/// Nonces that go to the table together.
const BATCH: usize = 500;
/// How long a request waits: for the batch under way, and for its own.
const PATIENCE: Duration = Duration::from_secs(8);

/// The way to the table.
pub(crate) struct Shared {
    key: [u8; 16],
    floor: AtomicI64,
    table: Mutex<Table>,
    waiting: Lock<Vec<Waiting>>,
    bell: Notify,
    failing: AtomicBool,
}

/// A nonce on its way.
struct Waiting {
    row: Row,
    answer: oneshot::Sender<bool>,
}

impl Shared {
    fn ask(&self, timestamp: i64, fingerprint: Fingerprint, now: Timestamp) -> Result<Pending> {
        let (answer, heard) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.len() >= MOST {
            return Err(unknown().into());
        }
        waiting.push(Waiting { row: (timestamp, fingerprint.bits().cast_signed()), answer });
        drop(waiting);
        self.bell.notify_one();
        Ok(Pending { heard, now })
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, floor: i64) -> Result<()> {
        self.floor.fetch_max(floor, Ordering::AcqRel);
        Ok(())
    }

    async fn carry(&self) -> Infallible {
        loop {
            let batch = self.gathered();
            if batch.is_empty() {
                self.bell.notified().await;
            } else {
                self.take(batch).await;
            }
        }
    }

    /// What has gathered, the oldest first. Whoever does not wait any more is left out.
    fn gathered(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        waiting.retain(|one| !one.answer.is_closed());
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }

    /// Takes a batch to the table, and tells everybody how it went. If it did not go well nobody is told anything, which
    /// to those who wait means the same as waiting in vain.
    async fn take(&self, mut batch: Vec<Waiting>) {
        // In one order for all, so that two instances never wait for each other. It leaves equal ones in theirs.
        batch.sort_by_key(|one| one.row);
        let mut rows: Vec<Row> = batch.iter().map(|one| one.row).collect();
        rows.dedup();
        match self.table.lock().await.insert(&rows).await {
            Ok(Inserted { mut new, certain }) => {
                new.sort_unstable();
                self.failing.store(false, Ordering::Relaxed);
                let mut before = None;
                for Waiting { row, answer } in batch {
                    let first = before.replace(row) != Some(row);
                    let fresh = first && new.binary_search(&row).is_ok();
                    // Not to be told is to be told that nobody knows.
                    if fresh || certain {
                        let _ = answer.send(fresh);
                    }
                }
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "used nonces cannot be written down; requests are not accepted meanwhile");
                }
            }
        }
    }
}

/// A nonce whose fate is not known yet.
pub(crate) struct Pending {
    heard: oneshot::Receiver<bool>,
    now: Timestamp,
}

impl Pending {
    /// Waits until it is.
    pub(crate) async fn accepted(self, timestamp: i64, nonces: &Nonces) -> Result<()> {
        match tokio::time::timeout(PATIENCE, self.heard).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) if timestamp < nonces.floor() => {
                let (lowest, now) = (nonces.floor(), self.now.seconds());
                Err(Refusal::timestamp(lowest, now + limits::WINDOW_FUTURE, now).into())
            }
            Ok(Ok(false)) => Err(Refusal::new(Code::NonceUsed, "this nonce has been used with this timestamp").into()),
            Ok(Err(_)) | Err(_) => Err(unknown().into()),
        }
    }
}

fn unknown() -> Refusal {
    let detail = "used nonces cannot be written down at the moment; sign the request anew before it is sent again";
    Refusal::retry(Code::Unavailable, detail, 1)
}
