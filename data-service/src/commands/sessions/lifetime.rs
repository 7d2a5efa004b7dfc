//! How long sessions last. A use puts the idle limit off, and is written down once in a while: most requests write
//! nothing.

use crate::error::Result;
use crate::settings::SessionLimits;
use crate::store::sessions::{self, StoredSession};
use crate::store::{ConnectionTrait, tokens};
use shared::timestamp::Timestamp;
use std::time::Duration;

/// Uses within this time count as one, unless the idle limit is very short.
const GRAIN: Duration = Duration::from_secs(60);

/// Idle and absolute limit.
fn limits(limits: &SessionLimits, has_user: bool, remembered: bool) -> (Duration, Duration) {
    match (remembered, has_user) {
        (true, _) => (limits.remember_idle, limits.remember_absolute),
        (false, true) => (limits.idle, limits.absolute),
        (false, false) => (limits.anonymous_idle, limits.absolute),
    }
}

/// When a session that begins now ends if nobody uses it, and when it ends whatever is done.
pub(super) fn ends(all: &SessionLimits, has_user: bool, remembered: bool, now: Timestamp) -> (Timestamp, Timestamp) {
    let (idle, absolute) = limits(all, has_user, remembered);
    let ends_at = after(now, absolute);
    (after(now, idle).min(ends_at), ends_at)
}

/// How long a session lasts after a use now; `None` if there is no need to write that down yet.
pub(super) fn put_off(all: &SessionLimits, session: &StoredSession, now: Timestamp) -> Option<Timestamp> {
    let (idle, _) = limits(all, session.user.is_some(), session.remembered);
    let grain = GRAIN.min(idle / 4);
    // Either way: a clock that was wrong and is right again must not leave a use in the future.
    let since = session.last_used_at.millis().abs_diff(now.millis());
    (u128::from(since) >= grain.as_millis()).then(|| after(now, idle).min(session.ends_at))
}

/// Writes a use down, for the session and its tokens.
pub(super) async fn note_use(
    on: &impl ConnectionTrait,
    session: &mut StoredSession,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    sessions::note_use(on, session.id, now, expires_at).await?;
    if session.user.is_some() {
        tokens::set_expiry(on, session.id, expires_at).await?;
    }
    (session.last_used_at, session.expires_at) = (now, expires_at);
    Ok(())
}

fn after(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn session(now: Timestamp) -> StoredSession {
        let (expires_at, ends_at) = ends(&SessionLimits::default(), true, false, now);
        StoredSession {
            id: Uuid::nil(),
            user: Some(Uuid::nil()),
            remembered: false,
            created_at: now,
            last_used_at: now,
            expires_at,
            ends_at,
            ended: false,
            version: 1,
        }
    }

    #[test]
    fn a_use_is_written_once_a_minute_and_never_beyond_the_absolute_limit() {
        let (all, start) = (SessionLimits::default(), Timestamp::from_seconds(1_000_000));
        let session = session(start);
        assert_eq!(put_off(&all, &session, start.plus_seconds(59)), None);
        let idle = i64::try_from(all.idle.as_secs()).unwrap();
        assert_eq!(put_off(&all, &session, start.plus_seconds(60)), Some(start.plus_seconds(60 + idle)));
        let absolute = i64::try_from(all.absolute.as_secs()).unwrap();
        assert_eq!(put_off(&all, &session, start.plus_seconds(absolute - 5)), Some(start.plus_seconds(absolute)));
    }

    #[test]
    fn a_clock_that_was_ahead_is_put_right() {
        let (all, start) = (SessionLimits::default(), Timestamp::from_seconds(1_000_000));
        let ahead = StoredSession { last_used_at: start.plus_seconds(3600), ..session(start) };
        assert!(put_off(&all, &ahead, start).is_some());
    }

    #[test]
    fn short_idle_limits_are_put_off_in_time() {
        let all = SessionLimits { idle: Duration::from_secs(2), ..SessionLimits::default() };
        let start = Timestamp::from_seconds(1_000_000);
        assert!(put_off(&all, &session(start), Timestamp::from_millis(start.millis() + 500)).is_some());
    }
}
