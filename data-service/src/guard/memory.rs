//! The set of used nonces: one table of 64-bit fingerprints for each timestamp second and shard, in a ring of seconds that
//! is longer than the window. A replay repeats the signed timestamp, so only that second is asked.
//!
//! The `floor` is the lowest timestamp that is still remembered. It never moves backwards, so a clock that is stepped
//! back revives nothing.

use super::prints::Prints;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

const SHARDS: usize = 16;
/// Seconds a ring has room for: more than the window is long.
const RING: usize = 512;

/// The fingerprints of one second.
#[derive(Debug)]
struct Second {
    timestamp: i64,
    prints: Prints,
}

/// One part of the memory.
#[derive(Debug, Default)]
struct Shard {
    /// Empty until the first fingerprint comes.
    ring: Vec<Second>,
    /// What the last second that was forgotten has left behind, for the next one that begins.
    spare: Prints,
}

impl Shard {
    /// Empties the seconds before `floor`; how many fingerprints that were.
    fn forget_before(&mut self, floor: i64) -> usize {
        let mut gone = 0;
        for second in self.ring.iter_mut().filter(|second| second.timestamp < floor && second.prints.len() > 0) {
            self.spare = std::mem::take(&mut second.prints);
            gone += self.spare.len();
        }
        gone
    }

    /// The second of a timestamp, if it is the one in its place.
    fn second(&mut self, timestamp: i64) -> Option<&mut Second> {
        self.ring.get_mut(place(timestamp)).filter(|second| second.timestamp == timestamp)
    }

    /// A table for a second, as large as the two before it needed.
    fn table(&mut self, timestamp: i64) -> Prints {
        let before = [1, 2].map(|back| self.second(timestamp.saturating_sub(back)).map_or(0, |one| one.prints.len()));
        Prints::for_about(before.into_iter().max().unwrap_or(0), std::mem::take(&mut self.spare))
    }
}

/// The place of a second in the ring.
fn place(timestamp: i64) -> usize {
    usize::try_from(timestamp.rem_euclid(RING as i64)).unwrap_or(0)
}

/// The set.
#[derive(Debug)]
pub struct Memory {
    shards: Vec<Mutex<Shard>>,
    live: AtomicU64,
    floor: AtomicI64,
}

impl Memory {
    /// An empty one, from `floor` on.
    pub fn new(floor: i64) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            live: AtomicU64::new(0),
            floor: AtomicI64::new(floor),
        }
    }

    /// Has the processor fetch what [`Self::insert`] will look at, if nobody else is at it.
    #[inline]
    pub fn expect(&self, timestamp: i64, print: u64) {
        let shard = self.shards.get(usize::try_from(print % SHARDS as u64).unwrap_or(0));
        if let Some(Ok(mut shard)) = shard.map(Mutex::try_lock)
            && let Some(second) = shard.second(timestamp)
        {
            second.prints.expect(print);
        }
    }

    /// True if it was not there, and its second is still remembered.
    pub fn insert(&self, timestamp: i64, print: u64) -> bool {
        // Not by the highest bits: those the tables use themselves.
        let Some(shard) = self.shards.get(usize::try_from(print % SHARDS as u64).unwrap_or(0)) else { return false };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.second(timestamp).is_none() {
            self.begin(&mut shard, timestamp);
        }
        // Under the shard's lock: the floor is raised before a second is dropped, so that no fingerprint enters a
        // second that is gone.
        let Some(second) = shard.second(timestamp).filter(|_| timestamp >= self.floor()) else { return false };
        let fresh = second.prints.insert(print);
        if fresh {
            self.live.fetch_add(1, Ordering::Relaxed);
        }
        fresh
    }

    /// Begins a second, unless it is over or its place belongs to a later one.
    #[cold]
    fn begin(&self, shard: &mut Shard, timestamp: i64) {
        if timestamp < self.floor() {
            return;
        }
        let never = || Second { timestamp: i64::MIN, prints: Prints::default() };
        if shard.ring.is_empty() {
            shard.ring = std::iter::repeat_with(never).take(RING).collect();
        }
        let prints = shard.table(timestamp);
        let Some(second) = shard.ring.get_mut(place(timestamp)) else { return };
        // Both cannot be remembered. That happens only when a clock jumps, or before the tidying of this second; the
        // older one is then below the floor, whichever it is, before it is forgotten.
        self.raise_floor(second.timestamp.min(timestamp).saturating_add(1));
        if timestamp > second.timestamp {
            self.live.fetch_sub(second.prints.len() as u64, Ordering::Relaxed);
            *second = Second { timestamp, prints };
        }
    }

    /// The lowest timestamp that is still remembered.
    pub fn floor(&self) -> i64 {
        self.floor.load(Ordering::Acquire)
    }

    /// How many there are.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Raises the floor.
    pub(super) fn raise_floor(&self, floor: i64) {
        self.floor.fetch_max(floor, Ordering::AcqRel);
    }

    /// Raises the floor, and gives back what lies below it.
    pub fn forget_before(&self, floor: i64) {
        self.raise_floor(floor);
        let floor = self.floor();
        for shard in &self.shards {
            let gone = shard.lock().unwrap_or_else(PoisonError::into_inner).forget_before(floor);
            self.live.fetch_sub(gone as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn places(memory: &Memory) -> usize {
        let of = |shard: &Mutex<Shard>| -> usize {
            let shard = shard.lock().unwrap();
            shard.ring.iter().map(|second| second.prints.places()).sum::<usize>() + shard.spare.places()
        };
        memory.shards.iter().map(of).sum()
    }

    #[test]
    fn a_second_gets_a_table_of_the_size_that_those_before_it_needed() {
        // A rate that falls and rises again: memory follows it.
        let memory = Memory::new(NOW - 300);
        let mut number = 0;
        for (begin, rate) in [(0, 5_000), (300, 500), (600, 2_000)] {
            for second in begin..begin + 300 {
                memory.forget_before(NOW + second - 300);
                for _ in 0..rate {
                    number += 1;
                    assert!(memory.insert(NOW + second, spread(number)));
                }
            }
            memory.forget_before(NOW + begin);
            assert_eq!(memory.live(), rate * 300);
            let bytes = places(&memory) as f64 * 8.0 / memory.live() as f64;
            assert!(bytes < 16.0, "{bytes} bytes for each at {rate} in a second");
        }
        memory.forget_before(NOW + 900);
        assert_eq!(memory.live(), 0);
        assert!(places(&memory) < 10_000, "{}", places(&memory));
    }

    #[test]
    fn a_floor_never_falls() {
        let memory = Memory::new(NOW);
        memory.forget_before(NOW - 1);
        assert_eq!(memory.floor(), NOW);
        assert!(!memory.insert(NOW - 1, 7));
        assert!(memory.insert(NOW, 7) && !memory.insert(NOW, 7));
    }
}
