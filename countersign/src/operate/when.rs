//! Times and durations, as people say them.

pub(super) use crate::duration::read as duration;

use shared::timestamp::Timestamp;

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

/// A duration in whole seconds, as commands take them.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    duration(text).map(|duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

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
