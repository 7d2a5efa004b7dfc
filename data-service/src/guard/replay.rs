//! The memory of used nonces: exact, across a crash and a restart.
//!
//! The nonces are [in memory](super::memory). Before a request is accepted its fingerprint is also written to the
//! [journal](super::journal), which a killed process leaves behind complete; a new process reads it. The floor of the
//! memory does not fall over a restart either.

use super::journal::{Journal, Recovered};
use super::memory::Memory;
use crate::error::{Fault, Result};
use shared::error::{Code, Refusal};
use shared::oauth1::limits;
use shared::timestamp::Timestamp;
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;
use std::path::Path;

pub(crate) use super::journal::OpenError;

/// Nonces remembered at most. Beyond, requests are refused rather than remembered badly: some 250 MB.
const MOST: u64 = 16_000_000;

/// A keyed hash of consumer, token and nonce. The key is random, so nobody can make two of them equal on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// As a number.
    pub(super) fn bits(self) -> u64 {
        self.0
    }
}

/// The fingerprint under a key. Lengths are hashed too, so `ab|c` is not `a|bc`.
pub(super) fn fingerprint(key: &[u8; 16], consumer: &str, token: &str, nonce: &str) -> Fingerprint {
    let mut hasher = SipHasher13::new_with_key(key);
    for part in [consumer, token, nonce] {
        hasher.write_u64(part.len() as u64);
        hasher.write(part.as_bytes());
    }
    Fingerprint(hasher.finish())
}

/// The memory and its journal.
pub(crate) struct Replay {
    memory: Memory,
    key: [u8; 16],
    journal: Journal,
}

impl Replay {
    /// Opens the memory in a folder that only one process may use at a time. `mark` is what the database says about
    /// the folder: if they do not belong together, nonces may have been lost, and the window starts anew.
    pub(crate) fn open(folder: &Path, mark: Option<&str>, now: Timestamp) -> Result<(Self, String), OpenError> {
        let memory = Memory::new(now.seconds() - limits::WINDOW_PAST);
        let (journal, Recovered { key, floor, mark }) = Journal::open(folder, mark, now.seconds(), |(at, print)| {
            memory.insert(at, print);
        })?;
        memory.forget_before(floor);
        Ok((Self { memory, key, journal }, mark))
    }

    /// The lowest timestamp that is acceptable.
    pub(crate) fn floor(&self) -> i64 {
        self.memory.floor()
    }

    /// The fingerprint of a nonce within its timestamp.
    pub(crate) fn fingerprint(&self, consumer: &str, token: &str, nonce: &str) -> Fingerprint {
        fingerprint(&self.key, consumer, token, nonce)
    }

    /// Says early which nonce it will be, so that its memory is fetched.
    #[inline]
    pub(crate) fn expect(&self, timestamp: i64, fingerprint: Fingerprint) {
        self.memory.expect(timestamp, fingerprint.0);
    }

    /// Accepts a nonce once. In memory first, in one atomic step, then in the journal; only then it is accepted.
    pub(crate) fn accept(&self, timestamp: i64, fingerprint: Fingerprint, now: Timestamp) -> Result<()> {
        if self.memory.live() >= MOST {
            return Err(Refusal::retry(Code::Unavailable, "the memory of nonces is full", 5).into());
        }
        if !self.memory.insert(timestamp, fingerprint.0) {
            if timestamp < self.floor() {
                let lowest = self.floor();
                return Err(Refusal::timestamp(lowest, now.seconds() + limits::WINDOW_FUTURE, now.seconds()).into());
            }
            return Err(Refusal::new(Code::NonceUsed, "this nonce has been used with this timestamp").into());
        }
        self.journal.append(timestamp, fingerprint.0, now.seconds()).map_err(|error| Fault::Journal(error).into())
    }

    /// Forgets what has left the window, and keeps the journal small. Called every second or so.
    pub(crate) fn tidy(&self, now: Timestamp) -> Result<()> {
        self.memory.forget_before(now.seconds() - limits::WINDOW_PAST);
        self.journal.tidy(self.floor(), now.seconds()).map_err(|error| Fault::Journal(error).into())
    }

    /// Writes everything to disk at an orderly end, so that the next start has nothing to fear.
    pub(crate) fn close(&self) -> Result<()> {
        self.journal.close(self.floor()).map_err(|error| Fault::Journal(error).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    /// Seconds after which a place in the memory's ring comes again.
    const RING: i64 = 512;

    fn open(folder: &Path, now: Timestamp) -> Replay {
        Replay::open(folder, None, now).unwrap().0
    }

    fn fresh(folder: &Path) -> Replay {
        open(folder, NOW)
    }

    fn code(result: Result<()>) -> Option<Code> {
        result.err().map(|error| error.refusal().code)
    }

    #[test]
    fn one_of_24_copies_wins() {
        let folder = tempfile::tempdir().unwrap();
        let replay = Arc::new(fresh(folder.path()));
        for round in 0..50 {
            let nonce = format!("n{round}");
            let copies: Vec<_> = (0..24)
                .map(|_| {
                    let (replay, nonce) = (replay.clone(), nonce.clone());
                    std::thread::spawn(move || {
                        let fingerprint = replay.fingerprint("c", "t", &nonce);
                        replay.accept(NOW.seconds(), fingerprint, NOW).is_ok()
                    })
                })
                .collect();
            let wins: usize = copies.into_iter().map(|copy| usize::from(copy.join().unwrap())).sum();
            assert_eq!(wins, 1);
        }
    }

    #[test]
    fn every_part_counts_and_parts_do_not_run_together() {
        let folder = tempfile::tempdir().unwrap();
        let replay = fresh(folder.path());
        let of = |c, t, n| replay.fingerprint(c, t, n);
        assert_ne!(of("ab", "c", "n"), of("a", "bc", "n"));
        assert_ne!(of("a", "", "bn"), of("a", "b", "n"));
        let print = of("a", "b", "n");
        assert_eq!(code(replay.accept(NOW.seconds(), print, NOW)), None);
        assert_eq!(code(replay.accept(NOW.seconds() + 1, print, NOW)), None, "another timestamp is another request");
        assert_eq!(code(replay.accept(NOW.seconds(), print, NOW)), Some(Code::NonceUsed));
    }

    #[test]
    fn a_clock_stepped_back_revives_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let replay = fresh(folder.path());
        let print = replay.fingerprint("c", "t", "n");
        replay.accept(NOW.seconds(), print, NOW).unwrap();
        replay.tidy(NOW.plus_seconds(400)).unwrap();
        assert_eq!(replay.memory.live(), 0);
        replay.tidy(NOW).unwrap();
        assert_eq!(code(replay.accept(NOW.seconds(), print, NOW)), Some(Code::TimestampRefused));
        drop(replay);
        let replay = open(folder.path(), NOW);
        assert!(replay.accept(NOW.seconds(), print, NOW).is_err(), "nor does a restart");
    }

    #[test]
    fn a_clock_that_jumps_past_the_ring_revives_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let replay = fresh(folder.path());
        let print = replay.fingerprint("c", "t", "n");
        let later = NOW.plus_seconds(RING);
        replay.accept(NOW.seconds(), print, NOW).unwrap();
        replay.accept(later.seconds(), print, later).unwrap();
        assert_eq!(replay.memory.live(), 1, "both have the same place");
        assert_eq!(code(replay.accept(NOW.seconds(), print, NOW)), Some(Code::TimestampRefused));
        assert_eq!(code(replay.accept(later.seconds(), print, later)), Some(Code::NonceUsed));
        let older = replay.accept(NOW.seconds() - RING, print, NOW);
        assert_eq!(code(older), Some(Code::TimestampRefused), "in another place or not");
    }

    #[test]
    fn a_process_that_is_gone_leaves_its_nonces_behind() {
        let folder = tempfile::tempdir().unwrap();
        let replay = fresh(folder.path());
        let prints: Vec<_> = (0..1000).map(|n| replay.fingerprint("c", "t", &n.to_string())).collect();
        for (index, print) in prints.iter().enumerate() {
            replay.accept(NOW.seconds() - index as i64 % 200, *print, NOW).unwrap();
        }
        drop(replay);
        let replay = open(folder.path(), NOW.plus_seconds(1));
        assert_eq!(replay.memory.live(), 1000);
        for (index, print) in prints.iter().enumerate() {
            let again = replay.accept(NOW.seconds() - index as i64 % 200, *print, NOW.plus_seconds(1));
            assert_eq!(code(again), Some(Code::NonceUsed));
        }
        let honest = replay.fingerprint("c", "t", "honest");
        assert_eq!(code(replay.accept(NOW.seconds(), honest, NOW)), None, "and honest requests are served at once");
    }

    #[test]
    fn memory_follows_the_window() {
        let folder = tempfile::tempdir().unwrap();
        let replay = fresh(folder.path());
        for second in 0..1000 {
            let now = NOW.plus_seconds(second);
            for nonce in 0..20 {
                replay.accept(now.seconds(), replay.fingerprint("c", "t", &nonce.to_string()), now).unwrap();
            }
            replay.tidy(now).unwrap();
        }
        assert_eq!(replay.memory.live(), 301 * 20);
        let bytes: u64 = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes < 64 * 1024 * 1024, "{bytes}");
    }
}
