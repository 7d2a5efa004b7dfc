//! How often each command was called since the start: one number each, and nothing else is touched.

use crate::clock::Stopwatch;
use shared::command::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! names {
    ($($command:ident,)*) => { &[Echo::NAME, $(<$command as Command>::NAME,)*] };
}

/// Everything that is counted. `echo` is no command, and counted all the same.
const NAMES: &[&str] = shared::for_each_command!(names);

/// The place of a name, known when the program is built.
pub(super) const fn place(name: &str) -> usize {
    let (mut rest, mut place) = (NAMES, 0);
    while let [first, others @ ..] = rest {
        if same(first.as_bytes(), name.as_bytes()) {
            return place;
        }
        (rest, place) = (others, place + 1);
    }
    place
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    match (left, right) {
        ([], []) => true,
        ([a, left @ ..], [b, right @ ..]) => *a == *b && same(left, right),
        _ => false,
    }
}

/// A number with a cache line of its own: two threads that count different things do not meet.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Count(AtomicU64);

/// The numbers.
#[derive(Debug)]
pub(crate) struct Counters {
    since: Stopwatch,
    counts: [Count; NAMES.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self { since: Stopwatch::start(), counts: std::array::from_fn(|_| Count::default()) }
    }
}

impl Counters {
    /// One more of what has this [`place`].
    pub(super) fn count(&self, place: usize) {
        if let Some(count) = self.counts.get(place) {
            count.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One more echo.
    pub(crate) fn count_echo(&self) {
        self.count(const { place(Echo::NAME) });
    }

    /// Seconds since the start.
    pub(super) fn uptime(&self) -> u64 {
        self.since.millis() / 1000
    }

    /// What was counted, by name.
    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        let counts = self.counts.iter().map(|count| count.0.load(Ordering::Relaxed));
        NAMES.iter().map(|name| (*name).to_owned()).zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_place_of_its_own() {
        let places: std::collections::HashSet<usize> = NAMES.iter().map(|name| place(name)).collect();
        assert_eq!(places.len(), NAMES.len());
        assert_eq!(place("session"), NAMES.len(), "a beginning is no name");
    }
}
