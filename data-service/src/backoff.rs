//! How often something that is away is asked for, and for how long.

use crate::chance;
use crate::clock::Stopwatch;
use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause: so much later than the thing itself we are back at most.
const CEILING: Duration = Duration::from_secs(3);

/// Pauses that double up to a ceiling. Chance takes up to half of each away, so that instances that lost the same
/// thing at the same moment do not come back at the same moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    begun: Stopwatch,
    next: Duration,
    /// When it is given up; `None` is never.
    give_up_after: Option<Duration>,
}

impl Backoff {
    /// Begins now, with something that is away.
    pub(crate) fn new(give_up_after: Option<Duration>) -> Self {
        Self { begun: Stopwatch::start(), next: FIRST, give_up_after }
    }

    /// How long it has been away.
    pub(crate) fn so_far(&self) -> Duration {
        Duration::from_millis(self.begun.millis())
    }

    /// True once it was away for so long that it is given up.
    pub(crate) fn is_over(&self) -> bool {
        self.give_up_after.is_some_and(|limit| self.so_far() >= limit)
    }

    /// Waits for the next attempt, but not much longer than until it is given up.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }

    fn next_pause(&mut self) -> Duration {
        let [chance] = chance::bytes::<1>();
        let pause = self.next.mul_f64(0.5 + f64::from(chance) / 512.0);
        self.next = (self.next * 2).min(CEILING);
        let left = self.give_up_after.map(|limit| limit.saturating_sub(self.so_far()).max(FIRST));
        left.map_or(pause, |left| pause.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_ceiling_and_are_hardly_ever_the_same() {
        let mut backoff = Backoff::new(None);
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.next_pause()).collect();
        for (index, pause) in pauses.iter().enumerate() {
            let whole = FIRST.saturating_mul(1 << index.min(20)).min(CEILING);
            assert!(*pause >= whole / 2 && *pause <= whole, "{index}: {pause:?}");
        }
        let last: std::collections::HashSet<_> = pauses.iter().skip(10).collect();
        assert!(last.len() > 5, "{pauses:?}");
    }

    #[tokio::test]
    async fn it_is_given_up_when_it_was_said_so_and_not_before() {
        assert!(Backoff::new(Some(Duration::ZERO)).is_over(), "at once");
        assert!(!Backoff::new(None).is_over());
        let mut backoff = Backoff::new(Some(Duration::from_millis(120)));
        assert!(!backoff.is_over());
        while !backoff.is_over() {
            backoff.pause().await;
        }
        assert!(backoff.so_far() >= Duration::from_millis(120));
    }
}
