//! Times and counts as people say them.

use shared::timestamp::Timestamp;
use time::OffsetDateTime;
use time::macros::format_description;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment as a page shows it: in words, and exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// `3 days ago`, `in 2 hours`.
    pub(crate) words: String,
    /// `22 November 2026, 04:33 UTC`.
    pub(crate) exact: String,
    /// For `<time datetime>`.
    pub(crate) datetime: String,
}

impl Moment {
    /// A moment as seen from now.
    pub(crate) fn of(moment: Timestamp, now: Timestamp) -> Self {
        let ahead = moment.seconds() - now.seconds();
        let words = match ahead {
            // Last uses are known to within a few seconds only, and clocks differ.
            -59..=59 => "just now".into(),
            ..=-60 => format!("{} ago", span(-ahead)),
            60.. => format!("in {}", span(ahead)),
        };
        Self { words, exact: exact(moment), datetime: moment.to_string() }
    }

    /// The same with the day instead of the distance: for what lies long ago.
    pub(crate) fn by_day(moment: Timestamp) -> Self {
        Self { words: day(moment), exact: exact(moment), datetime: moment.to_string() }
    }
}

/// How long somebody is asked to wait, rounded up so that it is never too short: `30 seconds`, `5 minutes`.
pub(crate) fn wait(seconds: u32) -> String {
    match i64::from(seconds.max(1)) {
        seconds if seconds <= 90 => count(seconds, "second"),
        seconds if seconds <= HOUR => count((seconds + MINUTE - 1) / MINUTE, "minute"),
        seconds => count((seconds + HOUR - 1) / HOUR, "hour"),
    }
}

/// The largest unit of which there is at least one.
fn span(seconds: i64) -> String {
    match seconds {
        _ if seconds < HOUR => count(seconds / MINUTE, "minute"),
        _ if seconds < DAY => count(seconds / HOUR, "hour"),
        _ if seconds < 60 * DAY => count(seconds / DAY, "day"),
        _ if seconds < 730 * DAY => count(seconds / (30 * DAY), "month"),
        _ => count(seconds / (365 * DAY), "year"),
    }
}

fn count(number: i64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

fn day(moment: Timestamp) -> String {
    written(moment, format_description!("[day padding:none] [month repr:long] [year]"))
}

fn exact(moment: Timestamp) -> String {
    written(moment, format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC"))
}

fn written(moment: Timestamp, format: &[time::format_description::BorrowedFormatItem<'_>]) -> String {
    let date = OffsetDateTime::from_unix_timestamp(moment.seconds()).ok();
    date.and_then(|date| date.format(format).ok()).unwrap_or_else(|| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_in_words() {
        let now = Timestamp::from_seconds(1_700_000_000);
        for (seconds, wanted) in [
            (0, "just now"),
            (-59, "just now"),
            (20, "just now"),
            (-60, "1 minute ago"),
            (-3599, "59 minutes ago"),
            (-3600, "1 hour ago"),
            (-DAY, "1 day ago"),
            (-59 * DAY, "59 days ago"),
            (-60 * DAY, "2 months ago"),
            (-800 * DAY, "2 years ago"),
            (14 * DAY, "in 14 days"),
        ] {
            assert_eq!(Moment::of(now.plus_seconds(seconds), now).words, wanted);
        }
    }

    #[test]
    fn dates_are_written_out() {
        let moment = Moment::by_day(Timestamp::from_millis(1_700_000_000_123));
        assert_eq!(moment.words, "14 November 2023");
        assert_eq!(moment.exact, "14 November 2023, 22:13 UTC");
        assert_eq!(moment.datetime, "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn waits_are_never_too_short() {
        for (seconds, wanted) in
            [(0, "1 second"), (30, "30 seconds"), (91, "2 minutes"), (3599, "60 minutes"), (3601, "2 hours")]
        {
            assert_eq!(wait(seconds), wanted);
        }
    }
}
