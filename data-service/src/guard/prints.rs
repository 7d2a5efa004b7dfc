//! A set of fingerprints in one flat table: asking it touches one line of memory, and it grows to at most 22 bytes for
//! each fingerprint, 14 on average.

/// Fingerprints, which are hashes already, found by their own lowest bits. Zero marks a free place.
#[derive(Debug, Default)]
pub(super) struct Prints {
    places: Vec<u64>,
    taken: usize,
}

impl Prints {
    /// Places of the smallest table that is not empty.
    const FEWEST: usize = 16;

    /// True if it was not there.
    pub(super) fn insert(&mut self, print: u64) -> bool {
        if self.taken * 4 >= self.places.len() * 3 {
            self.grow();
        }
        // Zero is taken to be one: a fingerprint in 2^64 has a neighbour.
        let fresh = put(&mut self.places, print.max(1));
        self.taken += usize::from(fresh);
        fresh
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// How many places there are, taken or not.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// Removes all and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.places.fill(0);
        self.taken = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = vec![0; (self.places.len() * 2).max(Self::FEWEST)];
        for print in self.places.iter().filter(|print| **print != 0) {
            put(&mut larger, *print);
        }
        self.places = larger;
    }
}

/// Puts a fingerprint into the first free place from its own on; false if it is there already.
fn put(places: &mut [u64], print: u64) -> bool {
    let mask = places.len().wrapping_sub(1);
    let mut index = usize::try_from(print & (mask as u64)).unwrap_or(0);
    while let Some(place) = places.get_mut(index) {
        if *place == 0 {
            *place = print;
            return true;
        }
        if *place == print {
            return false;
        }
        index = (index + 1) & mask;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_is_in_whatever_it_collides_with() {
        let mut prints = Prints::default();
        // The same lowest bits, the end of the table, zero, and more than one table holds.
        let all: Vec<u64> = [0, u64::MAX, 15, 31, 47].into_iter().chain((1..500).map(|n| n << 40 | 15)).collect();
        for print in &all {
            assert!(prints.insert(*print), "{print}");
            assert!(!prints.insert(*print), "{print}");
        }
        assert!(all.iter().all(|print| !prints.insert(*print)));
        assert_eq!(prints.len(), all.len());
        prints.clear();
        assert_eq!(prints.len(), 0);
        assert!(prints.insert(47));
    }

    #[test]
    fn a_quarter_stays_free_and_no_more_than_it_takes() {
        let mut prints = Prints::default();
        for n in 1..=100_000_u64 {
            prints.insert(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert!(prints.places() * 3 >= prints.len() * 4 - 4 && prints.places() <= (prints.len() * 8 / 3).max(16));
        }
    }
}
