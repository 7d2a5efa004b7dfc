//! A set of fingerprints in one flat table: asking it touches one line of memory, and it takes at most 15 bytes for each
//! fingerprint, 12 as a rule.

use prefetch_index::prefetch_index;

/// Fingerprints, which are hashes already, found by their own highest bits. Zero marks a free place.
#[derive(Debug, Default)]
pub(super) struct Prints {
    places: Vec<u64>,
    taken: usize,
}

impl Prints {
    /// Places of the smallest table that is not empty.
    const FEWEST: usize = 4;

    /// A set that is going to hold about so many, in the table of `used` if that has the size. A few more fit in too: two
    /// seconds seldom see the same number.
    pub(super) fn for_about(count: usize, mut used: Self) -> Self {
        let most = count + count / 16 + 2;
        let size = if count == 0 { 0 } else { size_from(most + most / 3 + 1) };
        // The next size does as well; taking one that is there costs nothing, and tears no holes into memory.
        if !(size..=size_from(size + 1)).contains(&used.places.len()) {
            used.places = vec![0; size];
        } else if used.taken > 0 {
            used.places.fill(0);
        }
        used.taken = 0;
        used
    }

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

    /// Has the processor fetch the place that [`Self::insert`] will look at.
    pub(super) fn expect(&self, print: u64) {
        prefetch_index(&self.places, own_place(&self.places, print.max(1)));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// How many places there are, taken or not.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = vec![0; size_from(self.places.len() + 1)];
        for print in self.places.iter().filter(|print| **print != 0) {
            put(&mut larger, *print);
        }
        self.places = larger;
    }
}

/// The next size of a table: four of them from one power of two to the next, so that little is left over wherever it grows
/// to. Those are the sizes that the allocator has too; two places less, because it wants a little room for itself.
fn size_from(places: usize) -> usize {
    let room = places.max(Prints::FEWEST) + 2;
    let quarter = 1 << (room.ilog2() - 2);
    room.next_multiple_of(quarter) - 2
}

fn own_place(places: &[u64], print: u64) -> usize {
    usize::try_from((u128::from(print) * places.len() as u128) >> 64).unwrap_or(0)
}

/// Puts a fingerprint into the first free place from its own on; false if it is there already. Its own place is as far
/// into the table as it is into all numbers: so a table that grows is read and written from front to back.
fn put(places: &mut [u64], print: u64) -> bool {
    let own = own_place(places, print);
    let Some((before, after)) = places.split_at_mut_checked(own) else { return false };
    for place in after.iter_mut().chain(before) {
        if *place == 0 {
            *place = print;
            return true;
        }
        if *place == print {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn what_is_in_is_in_whatever_it_collides_with() {
        let mut prints = Prints::default();
        // All in the first place, all in the last one, so that they run over the end, and zero.
        let all: Vec<u64> = [0].into_iter().chain(2..500).chain((0..500).map(|n| u64::MAX - n)).collect();
        for print in &all {
            assert!(prints.insert(*print), "{print}");
            assert!(!prints.insert(*print), "{print}");
        }
        assert!(all.iter().all(|print| !prints.insert(*print)));
        assert_eq!(prints.len(), all.len());
    }

    #[test]
    fn it_says_what_a_plain_set_says() {
        for (seed, of) in [(1_u64, 7), (2, 100), (3, 5_000), (4, u64::MAX - 1)] {
            let (mut prints, mut plain) = (Prints::for_about(of.min(300) as usize, Prints::default()), HashSet::new());
            for n in 0..20_000_u64 {
                // Some of them many times, in no order.
                let print = spread(spread(n ^ seed << 32) % of + 1);
                assert_eq!(prints.insert(print), plain.insert(print), "{n} of {of}");
            }
            assert_eq!(prints.len(), plain.len());
        }
    }

    #[test]
    fn a_quarter_stays_free_and_no_more_than_15_bytes_are_taken() {
        let mut prints = Prints::default();
        for n in 1..=100_000_u64 {
            prints.insert(spread(n));
            let (places, count) = (prints.places(), prints.len());
            assert!(places * 3 >= count * 4 - 4, "{count} in {places}");
            assert!(count < 64 || places * 8 <= count * 15, "{count} in {places}");
        }
    }

    #[test]
    fn what_was_made_for_about_so_many_need_not_grow_and_is_not_too_large() {
        let mut prints = Prints::default();
        for count in (0..2_000).chain([10_000, 54_321, 1_000_000, 20_000, 500, 0]) {
            prints = Prints::for_about(count, prints);
            assert_eq!(prints.len(), 0);
            let places = prints.places();
            assert!(count < 64 || places * 8 <= count * 15, "{places} for {count}");
            for n in 0..count as u64 {
                prints.insert(spread(n + 1));
            }
            assert!(count == 0 || prints.places() == places, "{count}");
        }
    }

    #[test]
    fn sizes_are_close_together() {
        assert_eq!([0, 5, 7, 8, 17, 31, 1000, 1023].map(size_from), [4, 5, 8, 8, 18, 38, 1022, 1278]);
    }
}
