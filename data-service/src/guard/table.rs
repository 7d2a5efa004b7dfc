//! A set whose values are found by their own keys: an index and a slab.
//!
//! The index tells by 48 bits of a key's hash where in the slab a value lies, eight bytes for each; it grows by half, and
//! the values are not looked at for that. The slab holds the values side by side, in pieces that never move. So a look-up
//! waits for memory twice, a value takes little more than its own bytes, and nobody waits long for a table that grows.

use prefetch_index::prefetch_index;
use std::borrow::Borrow;

/// Something with a key of its own. The default is what lies in a free place.
pub(super) trait Keyed: Default {
    /// What it is found by.
    type Key: Eq + ToOwned + ?Sized;

    /// Its key.
    fn key(&self) -> &Self::Key;

    /// A hash of a key. Its upper 48 bits tell keys apart.
    fn hash(key: &Self::Key) -> u64;

    /// Takes the place of an older value with the same key.
    fn succeed(self, older: &mut Self) {
        *older = self;
    }

    /// Has the processor fetch one of several.
    #[inline]
    fn fetch(values: &[Self], at: usize) {
        prefetch_index(values, at);
    }
}

/// Values one table can hold: places are numbered by sixteen bits, and zero marks what is free.
pub(super) const MOST: usize = u16::MAX as usize;

/// Bytes of one piece of the slab, or a little less: hardly less than a size that allocators have, with room to align it.
const PIECE_BYTES: usize = 16 * 1024 - 128;
/// The smallest index that is not empty.
const FEWEST: usize = 16;
/// The bits of a hash that an index keeps.
const HASH: u64 = !0xffff;

/// The set.
#[derive(Debug)]
pub(super) struct Table<V> {
    /// For each value the upper bits of its hash, and its place in the slab plus one.
    index: Vec<u64>,
    slab: Vec<Vec<V>>,
    free: Vec<u16>,
    /// Places of the slab that were ever used.
    places: u16,
    /// The place that is looked at first when one has to be given up.
    next_victim: u16,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { index: Vec::new(), slab: Vec::new(), free: Vec::new(), places: 0, next_victim: 0 }
    }
}

impl<V: Keyed> Table<V> {
    /// Values side by side in one piece; of small ones there are never so many that their pieces matter.
    const PIECE: usize = if size_of::<V>() > 64 { PIECE_BYTES / size_of::<V>() } else { 64 };

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        usize::from(self.places) - self.free.len()
    }

    /// The value of a key.
    #[inline]
    pub(super) fn get(&self, hash: u64, key: &V::Key) -> Option<&V> {
        self.find(hash, key).map(|(_, value)| value)
    }

    /// The first value whose key has this hash.
    pub(super) fn first(&self, hash: u64) -> Option<&V> {
        self.find_by(hash, |key| V::hash(key) == hash).map(|(_, value)| value)
    }

    /// Has the processor fetch the part of the index that [`Self::get`] will look at, and waits for nothing.
    #[inline]
    pub(super) fn expect(&self, hash: u64) {
        prefetch_index(&self.index, home(hash, self.index.len()));
    }

    /// Has the processor fetch the value with this hash. The index should have been fetched before.
    #[inline]
    pub(super) fn expect_value(&self, hash: u64) {
        let mut at = home(hash, self.index.len());
        while let Some(place) = self.index.get(at).copied().and_then(place) {
            if self.index.get(at).is_some_and(|entry| (entry ^ hash) & HASH == 0) {
                if let Some(piece) = self.slab.get(usize::from(place) / Self::PIECE) {
                    V::fetch(piece, usize::from(place) % Self::PIECE);
                }
                return;
            }
            at = following(at, self.index.len());
        }
    }

    /// The value of a key, to be changed; its key must stay.
    pub(super) fn get_mut(&mut self, hash: u64, key: &V::Key) -> Option<&mut V> {
        let place = self.find(hash, key).and_then(|(at, _)| place(*self.index.get(at)?))?;
        slot(&mut self.slab, place)
    }

    /// Adds a value whose key is not there. When all places are taken another value is given up for it.
    pub(super) fn insert(&mut self, hash: u64, value: V) {
        if self.len() >= MOST {
            self.give_one_up();
        }
        if (self.len() + 1) * 4 > self.index.len() * 3 {
            self.grow();
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                if usize::from(self.places).is_multiple_of(Self::PIECE) {
                    self.slab.push(Vec::with_capacity(Self::PIECE));
                }
                if let Some(piece) = self.slab.last_mut() {
                    piece.push(V::default());
                }
                self.places += 1;
                self.places - 1
            }
        };
        if let Some(slot) = slot(&mut self.slab, place) {
            *slot = value;
            put(&mut self.index, hash & HASH | (u64::from(place) + 1));
        }
    }

    /// Removes the value of a key; true if it was there. It is dropped where it lies: a secret that was moved away would
    /// leave its bytes behind.
    pub(super) fn remove(&mut self, hash: u64, key: &V::Key) -> bool {
        let Some(at) = self.find(hash, key).map(|(at, _)| at) else { return false };
        let Some(place) = self.index.get(at).copied().and_then(place) else { return false };
        close_gap(&mut self.index, at);
        if let Some(slot) = slot(&mut self.slab, place) {
            *slot = V::default();
        }
        self.free.push(place);
        true
    }

    /// Removes what is not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let places = self.index.iter().copied().filter_map(place);
        let gone: Vec<_> =
            places.filter_map(|place| self.at(place)).filter(|value| !keep(value)).map(owned_key).collect();
        for key in gone {
            self.remove(V::hash(key.borrow()), key.borrow());
        }
    }

    /// The value in a place of the slab.
    #[inline]
    fn at(&self, place: u16) -> Option<&V> {
        self.slab.get(usize::from(place) / Self::PIECE)?.get(usize::from(place) % Self::PIECE)
    }

    /// Where in the index a key stands, and its value.
    #[inline]
    fn find(&self, hash: u64, key: &V::Key) -> Option<(usize, &V)> {
        self.find_by(hash, |other| other == key)
    }

    #[inline]
    fn find_by(&self, hash: u64, is_it: impl Fn(&V::Key) -> bool) -> Option<(usize, &V)> {
        let mut at = home(hash, self.index.len());
        loop {
            let entry = *self.index.get(at)?;
            let place = place(entry)?;
            if (entry ^ hash) & HASH == 0
                && let Some(value) = self.at(place)
                && is_it(value.key())
            {
                return Some((at, value));
            }
            at = following(at, self.index.len());
        }
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = vec![0; (self.index.len() + self.index.len() / 2).max(FEWEST)];
        for entry in self.index.iter().filter(|entry| **entry != 0) {
            put(&mut larger, *entry);
        }
        self.index = larger;
    }

    #[cold]
    fn give_one_up(&mut self) {
        let victim = self.next_victim;
        self.next_victim = (victim + 1) % self.places.max(1);
        if let Some(key) = self.at(victim).map(owned_key) {
            self.remove(V::hash(key.borrow()), key.borrow());
        }
    }
}

/// The place in the slab; `None` in a free entry.
#[inline]
fn place(entry: u64) -> Option<u16> {
    ((entry & !HASH) as u16).checked_sub(1)
}

fn owned_key<V: Keyed>(value: &V) -> <V::Key as ToOwned>::Owned {
    value.key().to_owned()
}

fn slot<V: Keyed>(slab: &mut [Vec<V>], place: u16) -> Option<&mut V> {
    let (piece, within) = (usize::from(place) / Table::<V>::PIECE, usize::from(place) % Table::<V>::PIECE);
    slab.get_mut(piece)?.get_mut(within)
}

/// Where in an index a hash belongs: its upper bits, scaled.
#[inline]
fn home(hash: u64, length: usize) -> usize {
    usize::try_from(((hash >> 32) * length as u64) >> 32).unwrap_or(0)
}

#[inline]
fn following(at: usize, length: usize) -> usize {
    if at + 1 == length { 0 } else { at + 1 }
}

/// Puts an entry into the first free place from its own on.
fn put(index: &mut [u64], entry: u64) {
    let mut at = home(entry, index.len());
    while index.get(at).is_some_and(|taken| *taken != 0) {
        at = following(at, index.len());
    }
    if let Some(free) = index.get_mut(at) {
        *free = entry;
    }
}

/// Frees a place, and moves those after it that are not where they belong, so that none is lost behind the gap.
fn close_gap(index: &mut [u64], mut gap: usize) {
    let length = index.len();
    let distance = |from: usize, to: usize| if to >= from { to - from } else { to + length - from };
    let mut at = gap;
    loop {
        at = following(at, length);
        let entry = index.get(at).copied().unwrap_or(0);
        if entry == 0 {
            break;
        }
        if distance(home(entry, length), at) >= distance(gap, at) {
            if let Some(free) = index.get_mut(gap) {
                *free = entry;
            }
            gap = at;
        }
    }
    if let Some(free) = index.get_mut(gap) {
        *free = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// `BAD` ones spread over few homes, some of them the last, so that many collide and some begin anew.
    #[derive(Debug, Default, PartialEq)]
    struct Value<const BAD: bool>(u32, u32);

    impl<const BAD: bool> Keyed for Value<BAD> {
        type Key = u32;

        fn key(&self) -> &u32 {
            &self.0
        }

        fn hash(key: &u32) -> u64 {
            match BAD {
                true => [0, HASH, 1 << 63, 0xffff_fffe_0000_0000][(key % 4) as usize] ^ u64::from(key / 256 % 2) << 20,
                false => u64::from(*key).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            }
        }
    }

    fn hash(key: u32) -> u64 {
        Value::<false>::hash(&key)
    }

    fn check<const BAD: bool>(steps: &[(u8, u16)]) {
        let (mut table, mut model) = (Table::<Value<BAD>>::default(), BTreeMap::new());
        for (count, (what, number)) in (0..).zip(steps) {
            let key = u32::from(*number);
            let hash = Value::<BAD>::hash(&key);
            match what % 4 {
                0 | 1 if model.contains_key(&key) => {
                    table.get_mut(hash, &key).unwrap().1 = count;
                    model.insert(key, count);
                }
                0 | 1 => {
                    table.insert(hash, Value(key, count));
                    model.insert(key, count);
                }
                2 => assert_eq!(table.remove(hash, &key), model.remove(&key).is_some()),
                _ => {
                    table.retain(|value| value.1 % 3 > 0);
                    model.retain(|_, value| *value % 3 > 0);
                }
            }
            assert_eq!(table.len(), model.len());
            assert_eq!(table.get(hash, &key).map(|value| value.1), model.get(&key).copied());
        }
        for (key, value) in &model {
            assert_eq!(table.get(Value::<BAD>::hash(key), key), Some(&Value(*key, *value)));
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((0..30_u8, 0..200_u16), 0..600)) {
            check::<false>(&steps);
            check::<true>(&steps);
        }
    }

    #[test]
    fn a_full_table_gives_one_up_for_each_that_comes() {
        let mut table = Table::default();
        for key in 0..MOST as u32 + 5_000 {
            table.insert(hash(key), Value::<false>(key, key));
            assert_eq!(table.get(hash(key), &key).map(|value| value.1), Some(key));
        }
        assert_eq!(table.len(), MOST);
        let left = (0..MOST as u32 + 5_000).filter(|key| table.get(hash(*key), key).is_some());
        assert_eq!(left.count(), MOST);
    }

    #[test]
    fn it_takes_at_most_sixteen_bytes_beside_each_value() {
        let mut table = Table::default();
        for key in 0..60_000_u32 {
            table.insert(hash(key), Value::<false>(key, key));
            let (index, slots) = (table.index.len() * 8, table.slab.len() * Table::<Value<false>>::PIECE);
            assert!(
                key < 1000 || index <= 17 * (table.len() + 1) && slots <= table.len() + Table::<Value<false>>::PIECE
            );
        }
    }
}
