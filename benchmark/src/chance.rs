//! Chance that need not be unguessable, and the time of day.

use std::hash::{BuildHasher as _, RandomState};

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Another sequence in every process and at every call.
    pub fn new() -> Self {
        Self(RandomState::new().hash_one("chance"))
    }

    /// The same sequence every time.
    pub fn fixed(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// 96 bits as hexadecimal digits.
    pub fn nonce(&mut self) -> String {
        format!("{:016x}{:08x}", self.bits(), self.bits() as u32)
    }

    /// The numbers below `end` in any order.
    pub fn shuffled(&mut self, end: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..end).collect();
        for index in (1..end).rev() {
            numbers.swap(index, self.below(index + 1));
        }
        numbers
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "signing needs the time of day, and here is where it is asked for")]
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
