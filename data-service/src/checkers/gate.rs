//! The hashing gate: a few threads at low priority, one reused buffer each, and a bounded queue before them.
//!
//! One hash costs as much as a thousand verified requests. On the event loop it would stop the world; on a pool
//! without bounds a storm of logins would take all memory. What does not fit into the queue is refused at once,
//! before any hashing.

use super::password::{self, Buffer};
use crate::error::{Error, Fault, Result};
use crate::settings::PasswordCost;
use shared::error::{Code, Refusal};
use shared::secret::Secret;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The answer to a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Wrong.
    Wrong,
    /// Right; with a new hash if the old one was made at another cost.
    Right(Option<String>),
}

enum Job {
    Verify { password: Secret, hash: Option<String>, answer: oneshot::Sender<Verdict> },
    Hash { password: Secret, answer: oneshot::Sender<Option<String>> },
}

/// Where passwords go to be hashed.
#[derive(Debug)]
pub(crate) struct Gate {
    queue: SyncSender<Job>,
    /// As many as can be hashed and can wait.
    places: Arc<Semaphore>,
    hashes: Arc<AtomicU64>,
}

/// A place among those who are signing in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "it is there to be dropped")] OwnedSemaphorePermit);

impl Gate {
    /// Starts the threads. They end when the gate is dropped.
    pub(crate) fn open(threads: usize, queue: usize, cost: PasswordCost) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let dummy = password::nobodys(cost);
        let hashes = Arc::new(AtomicU64::new(0));
        for index in 0..threads.max(1) {
            let (receiver, dummy, hashes) = (Arc::clone(&receiver), dummy.clone(), Arc::clone(&hashes));
            let thread = std::thread::Builder::new().name(format!("hashing-{index}"));
            thread.spawn(move || work(&receiver, cost, &dummy, &hashes))?;
        }
        let places = Arc::new(Semaphore::new(threads.max(1) + queue.max(1)));
        Ok(Self { queue: sender, places, hashes })
    }

    /// Takes a place, or refuses at once. Whoever signs in takes one before anything is asked of the store: its one
    /// writer would otherwise be the queue, and that one has no end.
    pub(crate) fn enter(&self) -> Result<Place> {
        Arc::clone(&self.places).try_acquire_owned().map(Place).map_err(|_| full())
    }

    /// Hashes computed so far.
    pub(crate) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// Compares a password with a hash, or with nothing at the same cost.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<Verdict> {
        let (answer, verdict) = oneshot::channel();
        self.push(Job::Verify { password, hash, answer })?;
        verdict.await.map_err(|_| ended())
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String> {
        let (answer, hash) = oneshot::channel();
        self.push(Job::Hash { password, answer })?;
        hash.await.map_err(|_| ended())?.ok_or_else(|| Fault::Other("a password could not be hashed".into()).into())
    }

    fn push(&self, job: Job) -> Result<()> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => full(),
            TrySendError::Disconnected(_) => ended(),
        })
    }
}

fn full() -> Error {
    Refusal::retry(Code::Unavailable, "too many people are signing in at this moment", 1).into()
}

fn ended() -> Error {
    Fault::Other("the hashing threads have ended".into()).into()
}

fn work(queue: &Mutex<Receiver<Job>>, cost: PasswordCost, dummy: &str, hashes: &AtomicU64) {
    // Hashing yields to everything else. Without the right to say so it is merely less polite.
    let _ = rustix::process::nice(19);
    let mut buffer = Buffer::default();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(Job::Verify { password, hash, answer }) => {
                let verdict = judge(&password, hash.as_deref(), cost, dummy, &mut buffer);
                hashes.fetch_add(buffer.uses(), Ordering::Relaxed);
                let _ = answer.send(verdict);
            }
            Ok(Job::Hash { password, answer }) => {
                let hash = password::hash(&password, cost, &mut buffer);
                hashes.fetch_add(buffer.uses(), Ordering::Relaxed);
                let _ = answer.send(hash);
            }
            Err(_) => return,
        }
    }
}

fn judge(password: &Secret, hash: Option<&str>, cost: PasswordCost, dummy: &str, buffer: &mut Buffer) -> Verdict {
    let right = password::verify(password, hash.unwrap_or(dummy), buffer);
    match hash {
        Some(hash) if right && password::is_outdated(hash, cost) => {
            Verdict::Right(password::hash(password, cost, buffer))
        }
        Some(_) if right => Verdict::Right(None),
        _ => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 16, passes: 1 };

    #[tokio::test]
    async fn no_hash_is_never_right_and_costs_one() {
        let gate = Gate::open(1, 4, CHEAP).unwrap();
        assert_eq!(gate.hashes(), 0, "a start hashes nothing");
        assert_eq!(gate.verify(Secret::new("no such user"), None).await.unwrap(), Verdict::Wrong);
        assert_eq!(gate.hashes(), 1);
    }

    #[tokio::test]
    async fn an_old_hash_is_made_anew() {
        let old = Gate::open(1, 4, PasswordCost { memory_kib: 8, passes: 1 }).unwrap();
        let hash = old.hash(Secret::new("correct horse")).await.unwrap();
        let gate = Gate::open(1, 4, CHEAP).unwrap();
        let Verdict::Right(Some(new)) = gate.verify(Secret::new("correct horse"), Some(hash)).await.unwrap() else {
            panic!("an outdated hash is upgraded")
        };
        assert_eq!(gate.verify(Secret::new("correct horse"), Some(new)).await.unwrap(), Verdict::Right(None));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_with_the_seconds_to_wait() {
        let (queue, _jobs) = sync_channel(1);
        let gate = Gate { queue, places: Arc::new(Semaphore::new(1)), hashes: Arc::default() };
        let (answer, _) = oneshot::channel();
        gate.push(Job::Hash { password: Secret::new("x"), answer }).unwrap();
        let refusal = gate.verify(Secret::new("x"), None).await.unwrap_err().refusal();
        assert_eq!((refusal.code, refusal.retry_after()), (Code::Unavailable, Some(1)));
    }

    #[tokio::test]
    async fn there_are_as_many_places_as_can_be_hashed_and_can_wait() {
        let gate = Gate::open(2, 3, CHEAP).unwrap();
        let mut places: Vec<Place> = (0..5).map(|_| gate.enter().unwrap()).collect();
        assert_eq!(gate.enter().unwrap_err().refusal().code, Code::Unavailable);
        places.pop();
        gate.enter().unwrap();
    }
}
