//! Durations, as people write them.

use std::time::Duration;

/// Reads `90` (seconds), `90s`, `15m`, `24h` or `7d`.
pub(crate) fn read(text: &str) -> Result<Duration, String> {
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

/// The other way round, in the largest unit that needs no fraction.
pub(crate) fn show(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(size, name)| format!("{}{name}", seconds / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, wanted) in [("90", 90), ("0", 0), ("10s", 10), ("15m", 900), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(read(text).map(|time| time.as_secs()), Ok(wanted), "{text}");
        }
        for bad in ["", "h", "1.5h", "-1", "+1", "1w", "1 h", "99999999999", "1hh"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_are_written() {
        for text in ["0s", "90s", "15m", "36h", "7d"] {
            assert_eq!(show(read(text).unwrap()), text);
        }
        assert_eq!(show(Duration::from_secs(24 * 3600)), "1d");
    }
}
