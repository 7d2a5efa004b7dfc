//! The journal of used nonces: what a new process reads to know what the one before it accepted.
//!
//! A record is in the kernel's hands before the answer goes out, so a killed process loses nothing. If the *machine*
//! goes down, the last seconds may be missing; for that there is the `bound` in the state file: no timestamp above it
//! was ever accepted, it is on disk before it is used, and after such a crash nothing up to it is accepted any more. A
//! process that has accepted nothing yet leaves the state of the one before it alone: a start waits for no disk.
//!
//! Files in the folder: `lock` (held while a process lives), `state` (JSON, replaced as a whole), and the
//! [segments](super::segment).

mod state;

use super::segment::{self, Closed, Segment};
use state::{Found, State};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// Records of the first segment, 1 MiB; the next ones are larger when there is much traffic …
const FEWEST_RECORDS: u64 = 1 << 16;
/// … up to 64 MiB.
const MOST_RECORDS: u64 = 1 << 22;
/// A segment is closed after this many seconds.
const SEGMENT_SECONDS: i64 = 60;
/// How far ahead of now the bound is set.
const LEASE_SECONDS: i64 = 15;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another data service is running on {0}: only one may use it")]
    Locked(PathBuf),
    /// The file system says no.
    #[error("the folder of used nonces {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The state file is not what was written.
    #[error("{0} is damaged; if it is removed, all requests are refused for a minute and then served")]
    Damaged(PathBuf),
}

/// What was found.
pub(super) struct Recovered {
    pub(super) key: [u8; 16],
    pub(super) floor: i64,
    pub(super) mark: String,
}

/// A bound below every timestamp: nothing may be accepted before the state was written.
const UNBOUND: i64 = i64::MIN;

/// The open journal.
pub(super) struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
    /// The bound on disk, in a state that says that the end was not orderly.
    bound: AtomicI64,
    current: RwLock<Segment>,
    /// Closed segments that still hold live records.
    old: Mutex<Vec<Closed>>,
    active: AtomicI64,
    _lock: File,
}

impl Journal {
    /// Opens the journal of a folder, and gives every record in it to `recall`.
    pub(super) fn open(
        folder: &Path,
        mark: Option<&str>,
        now: i64,
        recall: impl FnMut(segment::Record),
    ) -> Result<(Self, Recovered), OpenError> {
        let in_folder = |error| OpenError::Io(folder.to_owned(), error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(in_folder)?;
        let lock = state::private(&folder.join("lock")).map_err(in_folder)?;
        lock.try_lock().map_err(|_| OpenError::Locked(folder.to_owned()))?;
        let Found { mut state, known } = state::read(folder, mark, now)?;
        let old = segment::read_all(folder, recall).map_err(in_folder)?;
        let mut bound = if state.clean { UNBOUND } else { state.bound };
        if !known {
            // What was found out is not found out again.
            (state.boot, state.clean) = (state::boot_id(), false);
            state.bound = state.bound.max(now + LEASE_SECONDS);
            state::write(folder, &state).map_err(in_folder)?;
            bound = state.bound;
        }
        let current = Segment::create(folder, FEWEST_RECORDS, now).map_err(in_folder)?;
        let recovered = Recovered { key: state.key, floor: state.floor, mark: state.mark.clone() };
        let journal = Self {
            folder: folder.to_owned(),
            bound: AtomicI64::new(bound),
            state: Mutex::new(state),
            current: RwLock::new(current),
            old: Mutex::new(old),
            // The first request is not to wait for what may be written before it comes.
            active: AtomicI64::new(now),
            _lock: lock,
        };
        Ok((journal, recovered))
    }

    /// Writes a record. When this returns, a killed process has not lost it.
    pub(super) fn append(&self, timestamp: i64, fingerprint: u64, now: i64) -> io::Result<()> {
        self.active.store(now, Ordering::Relaxed);
        loop {
            // An orderly end takes this lock for itself when it takes the bound away: what is written here was allowed
            // here, and is on disk when the state says that everything is.
            let segment = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if timestamp > self.bound.load(Ordering::Acquire) {
                drop(segment);
                self.extend(timestamp.max(now) + LEASE_SECONDS)?;
                continue;
            }
            if segment.append(timestamp, fingerprint)? {
                return Ok(());
            }
            let full = segment.path().to_owned();
            drop(segment);
            self.roll(&full, now)?;
        }
    }

    /// Raises the bound, on disk first.
    fn extend(&self, bound: i64) -> io::Result<()> {
        let mut state = self.state();
        if bound > self.bound.load(Ordering::Acquire) {
            self.replace(&mut state, |next| next.bound = next.bound.max(bound))?;
        }
        Ok(())
    }

    /// Notes the floor, raises the bound while there is traffic, closes a full segment, removes dead ones.
    pub(super) fn tidy(&self, floor: i64, now: i64) -> io::Result<()> {
        self.roll_early(now)?;
        let active = now - self.active.load(Ordering::Relaxed) < SEGMENT_SECONDS;
        let due = active && self.bound.load(Ordering::Acquire) < now + LEASE_SECONDS / 3;
        let dead: Vec<PathBuf> = {
            let old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
            old.iter().filter(|closed| closed.highest < floor).map(|closed| closed.path.clone()).collect()
        };
        if due || !dead.is_empty() {
            // What is forgotten on disk must be below a floor that is on disk.
            self.replace(&mut self.state(), |next| {
                next.floor = floor;
                next.bound = if due { next.bound.max(now + LEASE_SECONDS) } else { next.bound };
            })?;
        }
        dead.iter().try_for_each(|path| remove(path))?;
        self.old.lock().unwrap_or_else(PoisonError::into_inner).retain(|closed| !dead.contains(&closed.path));
        Ok(())
    }

    /// Begins a new segment before the current one is full, or when it is old and not empty: then nobody has to wait
    /// for it.
    fn roll_early(&self, now: i64) -> io::Result<()> {
        let due = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            let (used, old) = (current.used(), current.age(now) >= SEGMENT_SECONDS);
            (used >= current.records() / 2 || (used > 0 && old)).then(|| current.path().to_owned())
        };
        due.map_or(Ok(()), |path| self.roll(&path, now))
    }

    /// Begins a new segment, larger if the current one was filled quickly. Of several callers one makes it: the others
    /// find another segment than the one they saw.
    fn roll(&self, seen: &Path, now: i64) -> io::Result<()> {
        let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
        let records = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.path() != seen {
                return Ok(());
            }
            let busy = current.age(now) < SEGMENT_SECONDS;
            if busy { current.records() * 4 } else { current.used() * 4 }
        };
        let next = Segment::create(&self.folder, records.clamp(FEWEST_RECORDS, MOST_RECORDS), now)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let full = std::mem::replace(&mut *current, next);
        drop(current);
        old.push(full.close());
        Ok(())
    }

    /// An orderly end: everything is on disk, and the state says so. What nobody needs any more is removed.
    pub(super) fn close(&self, floor: i64) -> io::Result<()> {
        let mut state = self.state();
        {
            // Whoever comes later all the same waits for this, and then takes the orderly end back.
            let current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            self.bound.store(UNBOUND, Ordering::Release);
            current.end()?;
        }
        let old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
        old.iter().try_for_each(Closed::sync)?;
        let next = State { clean: true, floor, ..state.clone() };
        state::write(&self.folder, &next)?;
        *state = next;
        old.iter().filter(|closed| closed.highest < floor).try_for_each(|closed| remove(&closed.path))
    }

    /// Changes the state, on disk first: what could not be written is not believed either.
    fn replace(&self, state: &mut State, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut next = State { boot: state::boot_id(), clean: false, ..state.clone() };
        change(&mut next);
        state::write(&self.folder, &next)?;
        self.bound.store(next.bound, Ordering::Release);
        *state = next;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
