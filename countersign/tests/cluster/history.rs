//! The history checker: what each request and each revocation saw, and whether all of it can be true together.
//!
//! The promise: a request that begins after a revocation was acknowledged is not accepted, by any instance. A request
//! that was begun earlier may go either way. So for each consumer it is enough to know when its revocation was
//! acknowledged, and to look for an accepted request that begins later.

use std::collections::HashMap;
use std::time::Instant;

/// A request, as its sender saw it.
#[derive(Clone)]
pub struct Seen {
    pub consumer: String,
    pub instance: String,
    pub begun: Instant,
    pub accepted: bool,
}

/// Everything that was seen.
#[derive(Default)]
pub struct History {
    pub requests: Vec<Seen>,
    /// When the revocation of a consumer was acknowledged.
    pub acknowledged: HashMap<String, Instant>,
}

impl History {
    /// Requests that were accepted although they began after the acknowledgement.
    pub fn violations(&self) -> Vec<&Seen> {
        let late = |seen: &&Seen| self.acknowledged.get(&seen.consumer).is_some_and(|at| seen.begun > *at);
        self.requests.iter().filter(|seen| seen.accepted).filter(late).collect()
    }

    /// Requests that began after the acknowledgement: those that the promise is about.
    pub fn late(&self) -> usize {
        let late = |seen: &&Seen| self.acknowledged.get(&seen.consumer).is_some_and(|at| seen.begun > *at);
        self.requests.iter().filter(late).count()
    }

    /// Consumers that were revoked and were accepted before: those for which a cache held something to forget.
    pub fn known_before(&self) -> usize {
        let accepted: std::collections::HashSet<&str> =
            self.requests.iter().filter(|seen| seen.accepted).map(|seen| seen.consumer.as_str()).collect();
        self.acknowledged.keys().filter(|key| accepted.contains(key.as_str())).count()
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcome = if self.accepted { "accepted" } else { "refused" };
        write!(f, "{} by {}, begun {:?} ago, {outcome}", self.consumer, self.instance, self.begun.elapsed())
    }
}

#[test]
fn a_request_accepted_after_the_acknowledgement_is_found_and_no_other() {
    use std::time::Duration;
    let start = Instant::now();
    let seen = |consumer: &str, millis: u64, accepted| Seen {
        consumer: consumer.into(),
        instance: "one".into(),
        begun: start + Duration::from_millis(millis),
        accepted,
    };
    let requests = vec![seen("a", 1, true), seen("a", 3, false), seen("b", 9, true), seen("c", 9, true)];
    let acknowledged = [("a", 2), ("b", 5)].map(|(key, millis)| (key.into(), start + Duration::from_millis(millis)));
    let history = History { requests, acknowledged: acknowledged.into() };
    let found: Vec<&str> = history.violations().into_iter().map(|seen| seen.consumer.as_str()).collect();
    assert_eq!(found, ["b"]);
    assert_eq!((history.late(), history.known_before()), (2, 2));
}
