//! The clock (RFC 5849 section 3.3): by how much it is off, and what that looks like.

use super::case::Case;
use super::cause::Cause;
use crate::oauth1::Window;

/// The last second a timestamp of twelve digits can name.
pub(super) const LAST_SECOND: i64 = 999_999_999_999;

/// Offsets of time zones are multiples of a quarter of an hour, up to fourteen hours.
const QUARTER: i64 = 900;
const FARTHEST: i64 = 14 * 3600;
/// How far from such a multiple a clock may be that is right but for its zone.
const SLACK: i64 = 60;

pub(super) fn causes(case: &Case<'_>) -> Vec<Cause> {
    let timestamp = case.value("oauth_timestamp").and_then(|text| text.parse::<i64>().ok());
    let (Some(now), Some(timestamp)) = (case.at, timestamp.filter(|seconds| (1..=LAST_SECOND).contains(seconds)))
    else {
        return Vec::new();
    };
    let window = Window::at(now, 0);
    if window.check(timestamp).is_ok() {
        return Vec::new();
    }
    let off = timestamp - now;
    let (code, reason) = match looks_like_a_zone(off) {
        true => (
            "clock_time_zone",
            "That is the size of a time zone: the client takes its local time for UTC. A timestamp has no zone.",
        ),
        false if off < 0 => (
            "clock_off",
            "Its clock is slow, the request waited on its way, or it was sent again: a retry needs a new timestamp and \
             nonce.",
        ),
        false => ("clock_off", "Its clock is fast: let it be set by NTP."),
    };
    let side = if off < 0 { "behind" } else { "ahead" };
    let detail = format!("The client's timestamp is {} {side}. {reason}", span(off.abs()));
    let expected = format!("{}-{}", window.floor, window.ceiling());
    vec![Cause::new(code, detail).found(timestamp.to_string()).expected(expected)]
}

fn looks_like_a_zone(off: i64) -> bool {
    let quarters = (off.abs() + QUARTER / 2) / QUARTER;
    (1..=FARTHEST / QUARTER).contains(&quarters) && (off.abs() - quarters * QUARTER).abs() <= SLACK
}

/// Seconds in words.
fn span(seconds: i64) -> String {
    let rounded = match seconds {
        0..120 => return format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    };
    format!("{seconds} s (about {rounded})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_told_from_drift() {
        for (off, zone) in [(3600, true), (-3590, true), (19_800, true), (-45_900, true), (400, false), (-4000, false)]
        {
            assert_eq!(looks_like_a_zone(off), zone, "{off}");
        }
        assert!(!looks_like_a_zone(15 * 3600));
        assert!(!looks_like_a_zone(30));
    }

    #[test]
    fn spans_in_words() {
        assert_eq!((span(61), span(3600)), ("61 s".into(), "3600 s (about 60 min)".into()));
        assert_eq!((span(7200), span(864_000)), ("7200 s (about 2 h)".into(), "864000 s (about 10 days)".into()));
    }
}
