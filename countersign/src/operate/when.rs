//! Times and durations, as people say them.

use shared::timestamp::Timestamp;
use std::time::Duration;

const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];

/// Now.
pub(super) fn now() -> Timestamp {
    data_service::Clock::system().now()
}

/// How far away: `3 hours ago`, `in 29 days`.
pub(super) fn relative(moment: Timestamp, now: Timestamp) -> String {
    let seconds = moment.seconds() - now.seconds();
    let distance = seconds.abs();
    let unit = UNITS.iter().find(|(size, _)| distance >= *size);
    let Some((size, name)) = unit else { return "just now".into() };
    let count = distance / size;
    let plural = if count == 1 { "" } else { "s" };
    if seconds < 0 { format!("{count} {name}{plural} ago") } else { format!("in {count} {name}{plural}") }
}

/// When exactly, and how far away.
pub(super) fn both(moment: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", Timestamp::from_seconds(moment.seconds()), relative(moment, now))
}

/// How far away, or never.
pub(super) fn or_never(moment: Option<Timestamp>, now: Timestamp) -> String {
    moment.map_or_else(|| "never".into(), |moment| relative(moment, now))
}

/// Reads `90` (seconds), `90s`, `15m`, `24h` or `7d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 90s, 15m, 24h or 7d");
    let (number, size) = match text.as_bytes().last() {
        Some(b's') => (text.strip_suffix('s'), 1),
        Some(b'm') => (text.strip_suffix('m'), 60),
        Some(b'h') => (text.strip_suffix('h'), 3600),
        Some(b'd') => (text.strip_suffix('d'), 86_400),
        _ => (Some(text), 1),
    };
    // `parse` would take a sign, too.
    let digits = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(wrong)?;
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * size))
}

/// The same in whole seconds, as commands take them.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    duration(text).map(|duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, wanted) in [("90", 90), ("0", 0), ("10s", 10), ("15m", 900), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(wanted), "{text}");
        }
        for bad in ["", "h", "1.5h", "-1", "+1", "1w", "1 h", "99999999999", "1hh"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn distances_are_said() {
        let now = Timestamp::from_seconds(1_000_000);
        for (seconds, wanted) in [
            (0, "just now"),
            (-1, "1 second ago"),
            (-7200, "2 hours ago"),
            (59, "in 59 seconds"),
            (30 * 86_400, "in 30 days"),
        ] {
            assert_eq!(relative(now.plus_seconds(seconds), now), wanted);
        }
        assert_eq!(
            both(Timestamp::from_millis(1_999), Timestamp::from_seconds(61)),
            "1970-01-01T00:00:01Z (1 minute ago)"
        );
    }
}
