//! How fast passwords may be guessed at.
//!
//! Each attempt is charged to buckets *before* the password is looked at, in one transaction, so that guesses made
//! at the same moment count too; a success gives the charge back. A bucket that has failed too often opens again
//! after a delay that doubles, up to a ceiling: nobody is locked out for good.
//!
//! A stranger's guesses are charged to the name as tried from their network, to their network, and, much more
//! leniently, to the name as tried from everywhere: so that many networks together cannot keep a person out. Without
//! an address the name alone is left. Somebody who has signed in before in this
//! browser proves it with the device secret and is charged to that device alone, so strangers who guess at a name
//! cannot keep its owner out. All of it is in the store: a restart forgets nothing.

use crate::error::Result;
use crate::store::throttles::{self, Count};
use crate::store::{Store, sealed};
use shared::error::{Code, Refusal};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::net::IpAddr;

/// Failures are forgotten after this many quiet seconds.
const FORGET_SECONDS: i64 = 3600;

/// Whom an attempt is charged to.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    buckets: Vec<Bucket>,
}

#[derive(Clone, Debug)]
struct Bucket {
    name: String,
    /// Failures without any delay.
    free: i64,
    /// The longest delay in seconds.
    ceiling: i64,
    /// A success forgets all of it, not only its own charge.
    cleared_by_success: bool,
}

impl Charge {
    /// A stranger: the name from this network, the name from everywhere, and the network.
    pub(crate) fn stranger(name: &str, address: Option<IpAddr>) -> Self {
        let name = sealed::hash(&Secret::new(name.trim().to_lowercase()));
        let bucket = |name, free, ceiling, cleared_by_success| Bucket { name, free, ceiling, cleared_by_success };
        let Some(address) = address else {
            return Self { buckets: vec![bucket(format!("name:{name}"), 5, 60, true)] };
        };
        let network = network(address);
        Self {
            buckets: vec![
                bucket(format!("name:{name}@{network}"), 5, 60, true),
                // From everywhere together: slow enough for guesses, and no weapon against the person.
                bucket(format!("name:{name}@*"), 50, 5, true),
                bucket(format!("net:{network}"), 20, 900, false),
            ],
        }
    }

    /// A browser in which this person has signed in before.
    pub(crate) fn device(device: &Secret) -> Self {
        let name = format!("device:{}", sealed::hash(device));
        Self { buckets: vec![Bucket { name, free: 10, ceiling: 60, cleared_by_success: true }] }
    }

    /// Charges an attempt, or refuses it with the seconds to wait.
    pub(crate) async fn take(&self, store: &Store, now: Timestamp) -> Result<()> {
        let tx = store.begin().await?;
        let mut charged = Vec::new();
        for bucket in &self.buckets {
            let count = fresh(throttles::get(tx.on(), &bucket.name).await?, now);
            if now < count.open_at {
                let seconds = (count.open_at.millis() - now.millis()).div_euclid(1000) + 1;
                let seconds = u32::try_from(seconds).unwrap_or(1);
                return Err(Refusal::retry(Code::Throttled, "too many attempts; please wait", seconds).into());
            }
            charged.push((bucket, bucket.counted(count.failures + 1, now)));
        }
        for (bucket, count) in charged {
            throttles::set(tx.on(), &bucket.name, count).await?;
        }
        tx.commit().await
    }

    /// Gives the charge back after a success, in the caller's transaction.
    pub(crate) async fn succeeded(&self, on: &impl crate::store::ConnectionTrait, now: Timestamp) -> Result<()> {
        for bucket in &self.buckets {
            if bucket.cleared_by_success {
                throttles::clear(on, std::slice::from_ref(&bucket.name)).await?;
            } else {
                bucket.give_back(on, now).await?;
            }
        }
        Ok(())
    }

    /// Gives the charge back of an attempt that was never looked at.
    pub(crate) async fn refund(&self, store: &Store, now: Timestamp) -> Result<()> {
        let tx = store.begin().await?;
        for bucket in &self.buckets {
            bucket.give_back(tx.on(), now).await?;
        }
        tx.commit().await
    }
}

impl Bucket {
    fn counted(&self, failures: i64, now: Timestamp) -> Count {
        let over = failures - self.free;
        let delay = if over <= 0 { 0 } else { 1_i64.checked_shl(over.min(30) as u32).unwrap_or(i64::MAX) };
        // Without a delay it was open all along, also for an attempt that began a moment before this one.
        let open_at = if delay == 0 { Timestamp::from_millis(0) } else { now.plus_seconds(delay.min(self.ceiling)) };
        Count { failures, open_at, updated_at: now }
    }

    async fn give_back(&self, on: &impl crate::store::ConnectionTrait, now: Timestamp) -> Result<()> {
        let count = fresh(throttles::get(on, &self.name).await?, now);
        throttles::set(on, &self.name, self.counted((count.failures - 1).max(0), now)).await
    }
}

/// A count, or none if it is too old to matter.
fn fresh(count: Option<Count>, now: Timestamp) -> Count {
    count.filter(|count| now < count.updated_at.plus_seconds(FORGET_SECONDS)).unwrap_or(Count {
        failures: 0,
        open_at: Timestamp::from_millis(0),
        updated_at: now,
    })
}

/// The network of an address: /24 for IPv4, /64 for IPv6. An IPv4 address in IPv6 clothes is an IPv4 address.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    async fn wait(charge: &Charge, store: &Store, now: Timestamp) -> Option<u32> {
        charge.take(store, now).await.err().and_then(|error| error.refusal().retry_after())
    }

    #[tokio::test]
    async fn delays_double_up_to_a_ceiling_and_a_success_ends_them() {
        let (_folder, store) = store().await;
        let charge = Charge::stranger("Ada", None);
        for _ in 0..6 {
            assert_eq!(wait(&charge, &store, NOW).await, None);
        }
        assert_eq!(wait(&charge, &store, NOW).await, Some(3));
        let later = NOW.plus_seconds(3);
        assert_eq!(wait(&charge, &store, later).await, None);
        assert_eq!(wait(&charge, &store, later).await, Some(5));
        let mut now = later;
        for _ in 0..20 {
            now = now.plus_seconds(61);
            assert_eq!(wait(&charge, &store, now).await, None, "never longer than a minute");
        }
        assert_eq!(wait(&Charge::stranger(" ada ", None), &store, now).await, Some(61), "one bucket per folded name");
        let tx = store.begin().await.unwrap();
        charge.succeeded(tx.on(), now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(wait(&charge, &store, now).await, None);
    }

    #[tokio::test]
    async fn strangers_do_not_keep_a_known_device_out() {
        let (_folder, store) = store().await;
        let stranger = Charge::stranger("ada", Some("203.0.113.7".parse().unwrap()));
        for _ in 0..7 {
            let _ = stranger.take(&store, NOW).await;
        }
        assert!(wait(&stranger, &store, NOW).await.is_some());
        assert_eq!(wait(&Charge::device(&Secret::new("d_1")), &store, NOW).await, None);
    }

    #[tokio::test]
    async fn a_network_that_guesses_at_many_names_is_slowed_down_and_its_success_clears_nothing_else() {
        let (_folder, store) = store().await;
        let address = |last: u8| Some(IpAddr::from([203, 0, 113, last]));
        for index in 0..21 {
            assert_eq!(wait(&Charge::stranger(&format!("u{index}"), address(index)), &store, NOW).await, None);
        }
        assert!(wait(&Charge::stranger("other", address(99)), &store, NOW).await.is_some());
        assert_eq!(wait(&Charge::stranger("other", Some([198, 51, 100, 1].into())), &store, NOW).await, None);
    }

    #[tokio::test]
    async fn many_networks_together_do_not_keep_a_person_out_for_long() {
        let (_folder, store) = store().await;
        for index in 0..60 {
            let _ = Charge::stranger("ada", Some([10, 0, index, 1].into())).take(&store, NOW).await;
        }
        let owner = Charge::stranger("ada", Some([198, 51, 100, 1].into()));
        assert_eq!(wait(&owner, &store, NOW).await, Some(3), "guesses from everywhere are slowed down");
        for minute in 1..30 {
            let now = NOW.plus_seconds(minute * 60);
            assert_eq!(wait(&Charge::stranger("ada", Some([10, 1, minute as u8, 1].into())), &store, now).await, None);
        }
        let now = NOW.plus_seconds(1800);
        let _ = Charge::stranger("ada", Some([10, 2, 0, 1].into())).take(&store, now).await;
        assert!(wait(&owner, &store, now).await.is_some_and(|seconds| seconds <= 6));
        assert_eq!(wait(&owner, &store, now.plus_seconds(6)).await, None);
    }

    #[tokio::test]
    async fn guesses_made_at_the_same_moment_all_count() {
        let (_folder, store) = store().await;
        let store = std::sync::Arc::new(store);
        let attempts: Vec<_> = (0..24)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { Charge::stranger("ada", None).take(&store, NOW).await.is_ok() })
            })
            .collect();
        let mut heard = 0;
        for attempt in attempts {
            heard += i32::from(attempt.await.unwrap());
        }
        assert_eq!(heard, 6);
    }

    #[tokio::test]
    async fn an_attempt_that_was_never_looked_at_costs_nothing() {
        let (_folder, store) = store().await;
        let charge = Charge::stranger("ada", Some([203, 0, 113, 7].into()));
        for _ in 0..30 {
            charge.take(&store, NOW).await.unwrap();
            charge.refund(&store, NOW).await.unwrap();
        }
    }

    #[test]
    fn networks() {
        for (address, wanted) in [
            ("203.0.113.7", "203.0.113.0/24"),
            ("::ffff:203.0.113.7", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), wanted);
        }
    }
}
