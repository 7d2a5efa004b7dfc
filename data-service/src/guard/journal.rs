//! The journal of used nonces: what a new process reads to know what the one before it accepted.
//!
//! A record is in the kernel's hands before the answer goes out, so a killed process loses nothing. If the *machine*
//! goes down, the last seconds may be missing; for that there is the `bound` in the state file: no timestamp above it
//! was ever accepted, it is on disk before it is used, and after such a crash nothing up to it is accepted any more.
//!
//! Files in the folder: `lock` (held while a process lives), `state` (JSON, replaced as a whole), and the
//! [segments](super::segment).

use super::segment::{self, Closed, Segment};
use crate::chance;
use serde::{Deserialize, Serialize};
use shared::oauth1::limits;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
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

/// What the state file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    /// Ties the folder to its database.
    mark: String,
    /// The key of the fingerprints.
    key: [u8; 16],
    /// Changes when the machine starts; absent where the system does not tell.
    boot: Option<String>,
    /// True after an orderly end: every record is on disk.
    clean: bool,
    /// The lowest timestamp still remembered.
    floor: i64,
    /// The highest timestamp that may have been accepted.
    bound: i64,
}

/// What was found.
pub(super) struct Recovered {
    pub(super) key: [u8; 16],
    pub(super) floor: i64,
    pub(super) records: Vec<segment::Record>,
    pub(super) mark: String,
}

/// The open journal.
pub(super) struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
    bound: AtomicI64,
    current: RwLock<Segment>,
    /// Closed segments that still hold live records.
    old: Mutex<Vec<Closed>>,
    active: AtomicI64,
    _lock: File,
}

impl Journal {
    pub(super) fn open(folder: &Path, mark: Option<&str>, now: i64) -> Result<(Self, Recovered), OpenError> {
        let in_folder = |error| OpenError::Io(folder.to_owned(), error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(in_folder)?;
        let lock = private(&folder.join("lock")).map_err(in_folder)?;
        lock.try_lock().map_err(|_| OpenError::Locked(folder.to_owned()))?;
        let mut state = read_state(folder, mark, now)?;
        let (records, old) = segment::read_all(folder).map_err(in_folder)?;
        (state.boot, state.clean) = (boot_id(), false);
        state.bound = state.bound.max(now + LEASE_SECONDS);
        write_state(folder, &state).map_err(in_folder)?;
        let current = Segment::create(folder, FEWEST_RECORDS, now).map_err(in_folder)?;
        let recovered = Recovered { key: state.key, floor: state.floor, records, mark: state.mark.clone() };
        let journal = Self {
            folder: folder.to_owned(),
            bound: AtomicI64::new(state.bound),
            state: Mutex::new(state),
            current: RwLock::new(current),
            old: Mutex::new(old),
            active: AtomicI64::new(0),
            _lock: lock,
        };
        Ok((journal, recovered))
    }

    /// Writes a record. When this returns, a killed process has not lost it.
    pub(super) fn append(&self, timestamp: i64, fingerprint: u64, now: i64) -> io::Result<()> {
        if timestamp > self.bound.load(Ordering::Acquire) {
            self.extend(timestamp.max(now) + LEASE_SECONDS)?;
        }
        self.active.store(now, Ordering::Relaxed);
        loop {
            let full = {
                let segment = self.current.read().unwrap_or_else(PoisonError::into_inner);
                if segment.append(timestamp, fingerprint)? {
                    return Ok(());
                }
                segment.path().to_owned()
            };
            self.roll(&full, now)?;
        }
    }

    /// Raises the bound, on disk first.
    fn extend(&self, bound: i64) -> io::Result<()> {
        let mut state = self.state();
        if bound > state.bound {
            self.replace(&mut state, |next| next.bound = bound)?;
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
        for path in &dead {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
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

    /// An orderly end: everything is on disk, and the state says so.
    pub(super) fn close(&self, floor: i64) -> io::Result<()> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).sync()?;
        self.old.lock().unwrap_or_else(PoisonError::into_inner).iter().try_for_each(Closed::sync)?;
        self.replace(&mut self.state(), |next| (next.clean, next.floor) = (true, floor))
    }

    /// Changes the state, on disk first: what could not be written is not believed either.
    fn replace(&self, state: &mut State, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut next = state.clone();
        change(&mut next);
        write_state(&self.folder, &next)?;
        self.bound.store(next.bound, Ordering::Release);
        *state = next;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state, or a new one. Decides from where on nonces are known.
fn read_state(folder: &Path, mark: Option<&str>, now: i64) -> Result<State, OpenError> {
    let path = folder.join("state");
    let fresh =
        |floor| State { mark: chance::key("r"), key: chance::bytes(), boot: None, clean: true, floor, bound: 0 };
    // Everything a process before us can have accepted lies at or below this.
    let after_everything = now + limits::WINDOW_FUTURE + 1;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        // The database was used with another folder, and that folder is not here.
        Err(error) if error.kind() == io::ErrorKind::NotFound && mark.is_some() => return Ok(fresh(after_everything)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(fresh(0)),
        Err(error) => return Err(OpenError::Io(path, error)),
    };
    let mut state: State = serde_json::from_str(&text).map_err(|_| OpenError::Damaged(path))?;
    if mark.is_some_and(|mark| mark != state.mark) {
        state.floor = state.floor.max(after_everything);
    }
    let same_boot = state.boot.is_some() && state.boot == boot_id();
    if !state.clean && !same_boot {
        state.floor = state.floor.max(state.bound + 1);
    }
    Ok(state)
}

/// Replaces the state file as a whole, and waits until it is on disk.
fn write_state(folder: &Path, state: &State) -> io::Result<()> {
    let next = folder.join("state.next");
    let mut file = private(&next)?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.sync_all()?;
    fs::rename(&next, folder.join("state"))?;
    File::open(folder)?.sync_all()
}

/// Opens a file that only we may read.
fn private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn boot_id() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn open(folder: &Path, mark: Option<&str>, now: i64) -> (Journal, Recovered) {
        Journal::open(folder, mark, now).unwrap()
    }

    /// As if the machine had been started again, losing what was not on disk yet.
    fn pull_the_plug(folder: &Path) {
        let mut state: State = serde_json::from_str(&fs::read_to_string(folder.join("state")).unwrap()).unwrap();
        state.boot = Some("an earlier one".into());
        write_state(folder, &state).unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "nonces") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        assert!(matches!(Journal::open(folder.path(), Some(&found.mark), NOW), Err(OpenError::Locked(_))));
        drop(journal);
        open(folder.path(), Some(&found.mark), NOW);
    }

    #[test]
    fn a_new_folder_serves_at_once_and_a_lost_one_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        assert_eq!(found.floor, 0);
        drop(journal);
        let other = tempfile::tempdir().unwrap();
        let (_journal, lost) = open(other.path(), Some(&found.mark), NOW);
        assert_eq!(lost.floor, NOW + 61, "nothing the lost folder can have known is accepted");
        let (_journal, swapped) = open(folder.path(), Some("another"), NOW);
        assert_eq!(swapped.floor, NOW + 61);
    }

    #[test]
    fn after_a_power_cut_nothing_up_to_the_bound_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        journal.append(NOW + 40, 7, NOW).unwrap();
        drop(journal);
        pull_the_plug(folder.path());
        let (_journal, after) = open(folder.path(), Some(&found.mark), NOW + 5);
        assert!(after.floor > NOW + 40, "{}", after.floor);
        assert!(after.floor <= NOW + 40 + LEASE_SECONDS + 1);
    }

    #[test]
    fn after_an_orderly_end_a_power_cut_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        journal.append(NOW, 7, NOW).unwrap();
        journal.close(NOW - 300).unwrap();
        drop(journal);
        let mut state: State = serde_json::from_str(&fs::read_to_string(folder.path().join("state")).unwrap()).unwrap();
        state.boot = Some("an earlier one".into());
        write_state(folder.path(), &state).unwrap();
        let (_journal, after) = open(folder.path(), Some(&found.mark), NOW + 5);
        assert_eq!((after.floor, after.records), (NOW - 300, vec![(NOW, 7)]));
    }

    #[test]
    fn segments_roll_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = open(folder.path(), None, NOW);
        let count = || {
            let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            names.filter(|path| path.extension().is_some_and(|extension| extension == "nonces")).count()
        };
        for second in 0..600 {
            journal.append(NOW + second, 1, NOW + second).unwrap();
            journal.tidy(NOW + second - 300, NOW + second).unwrap();
        }
        assert!((5..=8).contains(&count()), "{}", count());
        assert!(journal.bound.load(Ordering::Relaxed) >= NOW + 599);
    }

    #[test]
    fn a_bound_that_could_not_be_written_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        fs::create_dir(folder.path().join("state.next")).unwrap();
        for _ in 0..3 {
            assert!(journal.append(NOW + 50, 7, NOW).is_err());
        }
        fs::remove_dir(folder.path().join("state.next")).unwrap();
        drop(journal);
        pull_the_plug(folder.path());
        let (_journal, after) = open(folder.path(), Some(&found.mark), NOW);
        assert!(after.floor <= NOW + LEASE_SECONDS + 1, "nothing above the bound on disk was accepted");
    }

    #[test]
    fn a_full_segment_is_followed_by_a_larger_one_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        let total = FEWEST_RECORDS * 2 + 5;
        std::thread::scope(|scope| {
            for part in 0..4 {
                let journal = &journal;
                scope.spawn(move || {
                    for index in (part..total).step_by(4) {
                        journal.append(NOW, index + 1, NOW).unwrap();
                    }
                });
            }
        });
        assert!(journal.current.read().unwrap().records() > FEWEST_RECORDS);
        drop(journal);
        let (_journal, after) = open(folder.path(), Some(&found.mark), NOW);
        let mut prints: Vec<u64> = after.records.iter().map(|(_, print)| *print).collect();
        prints.sort_unstable();
        assert_eq!(prints, (1..=total).collect::<Vec<_>>());
    }
}
