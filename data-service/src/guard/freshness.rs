//! Whether what is remembered can be trusted: only if the events were read up to the end a moment ago.

use crate::clock::coarse_millis;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// When the end of the events was last reached.
#[derive(Debug)]
pub(crate) struct Freshness {
    /// Milliseconds of the coarse clock; 0 means never.
    last: AtomicU64,
    /// The last reading failed.
    lost: AtomicBool,
    /// Milliseconds that memory may seem to be behind.
    most: u64,
}

impl Freshness {
    /// The coarse clock may be this much behind.
    const GRAIN_MILLIS: u64 = 10;

    /// Memory may be this much behind.
    pub(crate) fn new(most: Duration) -> Self {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).saturating_sub(Self::GRAIN_MILLIS);
        Self { last: AtomicU64::new(0), lost: AtomicBool::new(true), most }
    }

    /// The moment at which a reading of the events begins.
    pub(crate) fn begin() -> u64 {
        coarse_millis().max(1)
    }

    /// The end was reached by a reading that began at `begun`.
    pub(crate) fn reached(&self, begun: u64) {
        self.last.store(begun, Ordering::Release);
        self.lost.store(false, Ordering::Release);
    }

    /// A reading failed.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// True if the last reading failed: then there is no use in looking at memory first. Without asking the clock;
    /// whether memory may be *believed* is for [`Self::is_fresh`] to say.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// True if memory is not more behind than it may be.
    pub(crate) fn is_fresh(&self) -> bool {
        let last = self.last.load(Ordering::Acquire);
        last > 0 && coarse_millis().saturating_sub(last) <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_fresh_before_the_first_reading_or_long_after_one() {
        let freshness = Freshness::new(Duration::from_secs(1));
        assert!(!freshness.is_fresh());
        freshness.reached(Freshness::begin());
        assert!(freshness.is_fresh());
        let long_ago = Freshness { last: (coarse_millis() - 1500).into(), lost: false.into(), most: 990 };
        assert!(!long_ago.is_fresh());
    }
}
