//! The state file: which folder this is, and from where on what is in it is all there is to know.

use super::OpenError;
use crate::chance;
use serde::{Deserialize, Serialize};
use shared::oauth1::limits;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What the state file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Ties the folder to its database.
    pub(super) mark: String,
    /// The key of the fingerprints.
    pub(super) key: [u8; 16],
    /// Changes when the machine starts; absent where the system does not tell.
    pub(super) boot: Option<String>,
    /// True after an orderly end: every record is on disk.
    pub(super) clean: bool,
    /// The lowest timestamp still remembered.
    pub(super) floor: i64,
    /// The highest timestamp that may have been accepted.
    pub(super) bound: i64,
}

/// The state, and whether all of it is on disk already.
pub(super) struct Found {
    pub(super) state: State,
    pub(super) known: bool,
}

/// The state, or a new one. Decides from where on nonces are known.
pub(super) fn read(folder: &Path, mark: Option<&str>, now: i64) -> Result<Found, OpenError> {
    let path = folder.join("state");
    let fresh = |floor| {
        let (mark, key) = (chance::key("r"), chance::bytes());
        Found { state: State { mark, key, boot: None, clean: true, floor, bound: 0 }, known: false }
    };
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
    let same_boot = state.boot.is_some() && state.boot == boot_id();
    let mut known = true;
    if mark.is_some_and(|mark| mark != state.mark) {
        (known, state.floor) = (false, state.floor.max(after_everything));
    }
    if !state.clean && !same_boot {
        (known, state.floor) = (false, state.floor.max(state.bound + 1));
    }
    Ok(Found { state, known })
}

/// Replaces the state file as a whole, and waits until it is on disk.
pub(super) fn write(folder: &Path, state: &State) -> io::Result<()> {
    let next = folder.join("state.next");
    let mut file = private(&next)?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.sync_all()?;
    fs::rename(&next, folder.join("state"))?;
    File::open(folder)?.sync_all()
}

/// Opens a file that only we may read.
pub(super) fn private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

pub(super) fn boot_id() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}
