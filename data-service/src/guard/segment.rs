//! One file of the journal: records of 16 bytes in a file that is mapped into memory.
//!
//! A record is written by a store into memory, without a call of the system. The kernel owns the pages, so a killed
//! process loses nothing; what only a crash of the machine can lose is the [journal](super::journal)'s care. All blocks
//! of the file are there before it is used: a full disk is an error when a segment is made, never a fault later.

use crate::chance;
use mmap_io::MemoryMappedFile;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Bytes of a record: timestamp and fingerprint, both little-endian.
const RECORD: usize = 16;
/// The ending of a segment's file name.
const EXTENSION: &str = "nonces";

/// A segment that takes records.
pub(super) struct Segment {
    path: PathBuf,
    map: MemoryMappedFile,
    records: u64,
    opened_at: i64,
    used: AtomicU64,
    /// The highest timestamp in it.
    highest: AtomicI64,
}

/// A segment that takes no more, as far as the journal has to know it.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) path: PathBuf,
    pub(super) highest: i64,
}

impl Segment {
    /// A new, empty segment for so many records.
    pub(super) fn create(folder: &Path, records: u64, now: i64) -> io::Result<Self> {
        let name: String = chance::bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(name).with_extension(EXTENSION);
        let map = map(&path, records * RECORD as u64).inspect_err(|_| {
            // Half a segment is worth nothing, and on a full disk it is in the way.
            let _ = fs::remove_file(&path);
        })?;
        let (used, highest) = (AtomicU64::new(0), AtomicI64::new(i64::MIN));
        Ok(Self { path, map, records, opened_at: now, used, highest })
    }

    /// Writes a record; false if the segment is full.
    pub(super) fn append(&self, timestamp: i64, fingerprint: u64) -> io::Result<bool> {
        let index = self.used.fetch_add(1, Ordering::Relaxed);
        if index >= self.records {
            return Ok(false);
        }
        if timestamp > self.highest.load(Ordering::Relaxed) {
            self.highest.fetch_max(timestamp, Ordering::Relaxed);
        }
        let record = u128::from(fingerprint) << 64 | u128::from(timestamp.cast_unsigned());
        self.map.update_region(index * RECORD as u64, &record.to_le_bytes()).map_err(io::Error::other)?;
        Ok(true)
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Records it was made for.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Records written so far.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed).min(self.records)
    }

    /// Seconds since it was made.
    pub(super) fn age(&self, now: i64) -> i64 {
        now - self.opened_at
    }

    /// What remains to be known of it.
    pub(super) fn close(self) -> Closed {
        Closed { path: self.path, highest: self.highest.into_inner() }
    }

    /// Takes no more, gives back the room that was not used, and waits until what is in it is on disk.
    pub(super) fn end(&self) -> io::Result<()> {
        // Whoever has a place already, has it below this.
        let used = self.used.swap(self.records, Ordering::Relaxed);
        let file = File::options().write(true).open(&self.path)?;
        if used < self.records {
            file.set_len(used * RECORD as u64)?;
        }
        file.sync_all()
    }
}

impl Closed {
    /// Waits until everything in it is on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        // The pages of its mappings too.
        File::open(&self.path)?.sync_all()
    }
}

/// Timestamp and fingerprint.
pub(super) type Record = (i64, u64);

/// Bytes that are read in one go: whole records.
const PIECE: usize = 128 * 1024;

/// Gives all records of all segments of a folder to `recall`. A record of zeros was never written: a process was killed
/// between two others, or the segment was not full. A segment without any record is removed.
pub(super) fn read_all(folder: &Path, mut recall: impl FnMut(Record)) -> io::Result<Vec<Closed>> {
    let mut segments = Vec::new();
    let mut piece = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let file = File::open(&path)?;
        let mut highest = None;
        loop {
            piece.clear();
            // Until the piece is full or the file is over; what is no whole record at its end was never accepted.
            if (&file).take(PIECE as u64).read_to_end(&mut piece)? == 0 {
                break;
            }
            let (chunks, _) = piece.as_chunks::<RECORD>();
            for number in chunks.iter().map(|chunk| u128::from_le_bytes(*chunk)).filter(|number| *number != 0) {
                let timestamp = (number as u64).cast_signed();
                highest = highest.max(Some(timestamp));
                recall((timestamp, (number >> 64) as u64));
            }
        }
        match highest {
            Some(highest) => segments.push(Closed { path, highest }),
            None => fs::remove_file(&path)?,
        }
    }
    Ok(segments)
}

/// A new file of this length, all of its blocks there, mapped into memory.
fn map(path: &Path, length: u64) -> io::Result<MemoryMappedFile> {
    let mut options = File::options();
    reserve(&options.read(true).write(true).create_new(true).mode(0o600).open(path)?, length)?;
    MemoryMappedFile::open_rw(path).map_err(io::Error::other)
}

/// Makes a file so long that every block of it is there.
fn reserve(file: &File, length: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, length) {
        Err(rustix::io::Errno::OPNOTSUPP) => write_zeros(file, length),
        outcome => Ok(outcome?),
    }
}

/// The slow way, for file systems that cannot be asked.
fn write_zeros(mut file: &File, length: u64) -> io::Result<()> {
    // On the heap: inlined, it would be 64 KiB of every caller's stack.
    let zeros = vec![0; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let piece = zeros.get(..usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len())).unwrap_or(&zeros);
        file.write_all(piece)?;
        left -= piece.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_segment_takes_no_more_and_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let segment = Segment::create(folder.path(), 3, 0).unwrap();
        for index in 1..=3 {
            assert!(segment.append(1_700_000_000 + index, index as u64 | 1 << 63).unwrap());
        }
        assert!(!segment.append(1_700_000_009, 9).unwrap());
        drop(segment);
        let mut records = Vec::new();
        let segments = read_all(folder.path(), |record| records.push(record)).unwrap();
        let wanted: Vec<_> = (1..=3).map(|index| (1_700_000_000 + index, index as u64 | 1 << 63)).collect();
        assert_eq!(records, wanted);
        assert_eq!(segments[0].highest, 1_700_000_003);
    }

    #[test]
    fn a_segment_that_has_ended_is_as_long_as_what_is_in_it_and_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let count = PIECE as u64 / RECORD as u64 + 5;
        let segment = Segment::create(folder.path(), 1 << 16, 0).unwrap();
        for index in 0..count {
            assert!(segment.append(1_700_000_000, index + 1).unwrap());
        }
        segment.end().unwrap();
        assert!(!segment.append(1_700_000_009, 9).unwrap(), "who comes too late is told so");
        segment.end().unwrap();
        assert_eq!(fs::metadata(segment.path()).unwrap().len(), count * RECORD as u64);
        let mut prints = Vec::new();
        read_all(folder.path(), |(_, print)| prints.push(print)).unwrap();
        assert_eq!(prints, (1..=count).collect::<Vec<_>>());
    }

    #[test]
    fn a_segment_without_a_record_goes() {
        let folder = tempfile::tempdir().unwrap();
        for end in [false, true] {
            let segment = Segment::create(folder.path(), 3, 0).unwrap();
            if end {
                segment.end().unwrap();
            }
            drop(segment);
            assert!(read_all(folder.path(), |_| panic!("there is none")).unwrap().is_empty());
            assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        }
    }

    #[test]
    fn blocks_are_there_either_way() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (name, reserve) in
            [("fast", reserve as fn(&File, u64) -> io::Result<()>), ("slow", |f, l| write_zeros(f, l))]
        {
            let file = File::create(folder.path().join(name)).unwrap();
            reserve(&file, 200_000).unwrap();
            let facts = file.metadata().unwrap();
            assert!(facts.len() == 200_000 && facts.blocks() * 512 >= 200_000, "{name}: {}", facts.blocks());
        }
    }
}
