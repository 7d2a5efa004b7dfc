//! The one place that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// Whole seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
