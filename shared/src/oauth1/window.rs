//! The time window (RFC 5849 section 3.3).

use super::limits;
use crate::error::Refusal;

/// Which timestamps are accepted at one moment.
///
/// `floor` is the lowest timestamp whose nonces are still remembered. It never moves backwards, so a clock that is
/// stepped back revives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Now, in seconds since the epoch.
    pub now: i64,
    /// The lowest acceptable timestamp, in seconds since the epoch.
    pub floor: i64,
}

impl Window {
    /// The window at `now` for a memory that reaches back to `floor`.
    pub fn at(now: i64, floor: i64) -> Self {
        Self { now, floor: floor.max(now - limits::WINDOW_PAST) }
    }

    /// The highest acceptable timestamp.
    pub const fn ceiling(&self) -> i64 {
        self.now + limits::WINDOW_FUTURE
    }

    /// Refuses a timestamp outside, naming the acceptable ones and the time it is here.
    pub fn check(&self, timestamp: i64) -> Result<(), Refusal> {
        if (self.floor..=self.ceiling()).contains(&timestamp) {
            return Ok(());
        }
        Err(Refusal::timestamp(self.floor, self.ceiling(), self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_edges_belong_to_the_window() {
        let window = Window::at(1000, 0);
        for (timestamp, inside) in [(699, false), (700, true), (1000, true), (1060, true), (1061, false)] {
            assert_eq!(window.check(timestamp).is_ok(), inside, "{timestamp}");
        }
    }

    #[test]
    fn a_clock_stepped_back_does_not_lower_the_floor() {
        let window = Window::at(600, 700);
        assert!(window.check(650).is_err());
        assert!(window.check(660).is_err());
        assert!(window.check(700).is_err(), "above the ceiling of the clock that was stepped back");
    }
}
