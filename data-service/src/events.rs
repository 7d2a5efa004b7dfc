//! Events: hearing what was committed, by whomever, and passing it on.
//!
//! Commands write events in their own transaction. The [`Watch`] of every instance reads them in order, has what
//! they touch forgotten, and only then reports how far it has come. That report is what a receipt is made of. Each
//! event that was applied is then told to whoever asked to be told.

use crate::clock::Stopwatch;
use crate::error::{Error, Fault, Result};
use crate::store::credentials::Forget;
use crate::store::ear::Ear;
use crate::store::instances::{GONE_AFTER_SECONDS, Process};
use crate::store::tokens::Which;
use crate::store::{Engine, Store, events, instances, tokens};
use serde_json::Value;
use shared::event::{Event, Topic};
use shared::timestamp::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Reads events and reports.
pub(crate) struct Watch {
    store: Arc<Store>,
    ear: Ear,
    /// Who reports.
    own: Process,
    /// The last event that was applied.
    applied: i64,
    /// Milliseconds after which it is time for a sign of life.
    heartbeat: u64,
    /// Since the last report was begun.
    reported: Stopwatch,
}

/// Events read in one go.
const BATCH: u64 = 500;
/// An instance says at least this often that it lives. Others wait for it a little longer than that after it has
/// died, so where there are others it is said more often.
const HEARTBEATS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// What an instance allows itself between asking and acting.
const MARGIN: Duration = Duration::from_secs(1);
/// A reading that takes longer is given up, and the connection with it.
const PATIENCE: Duration = Duration::from_secs(2);

impl Watch {
    /// Starts at the last event there is: nothing before it can be in an empty memory. `id` is this process and no
    /// other, `name` what people call it.
    pub(crate) async fn start(
        store: Arc<Store>,
        (id, name): (String, String),
        trust_for: Duration,
        now: Timestamp,
    ) -> Result<Self> {
        let applied = events::newest(&store).await?;
        let ear = Ear::of(&store);
        let heartbeat = if store.engine() == Engine::Sqlite { HEARTBEATS.0 } else { HEARTBEATS.1 };
        // Memory is only believed after a reading of the events, and a reading only counts with a sign of life that is
        // not older than a heartbeat.
        let own = Process { id, name, trust: trust_for + heartbeat + MARGIN };
        let heartbeat = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX);
        let reported = Stopwatch::start();
        instances::begin(&store, &own, applied, now).await?;
        Ok(Self { store, ear, own, applied, heartbeat, reported })
    }

    /// Applies what is new, up to the end, and reports if there was something or it is time for a sign of life.
    pub(crate) async fn catch_up(
        &mut self,
        now: Timestamp,
        forget: impl Fn(&Forget),
        tell: impl Fn(&Event),
    ) -> Result<()> {
        let outcome = tokio::time::timeout(PATIENCE, self.apply(now, forget, tell)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(slow()));
        if outcome.is_err() {
            self.ear.give_up();
            // Whoever listens may be the first to notice that the database is away.
            let _ = self.store.look().await;
        }
        outcome
    }

    async fn apply(&mut self, now: Timestamp, forget: impl Fn(&Forget), tell: impl Fn(&Event)) -> Result<()> {
        let before = self.applied;
        if self.reported.millis() >= GONE_AFTER_SECONDS.unsigned_abs() * 1000 {
            // Nobody waits for this instance any more: it begins anew, like one that has just been started.
            forget(&Forget::Everything);
        }
        let mut last = self.ear.last().await?;
        if last < self.applied {
            // The database is an older copy of itself: what has been applied has not happened yet.
            forget(&Forget::Everything);
            self.applied = last;
        }
        while last > self.applied {
            // After a very long sleep some of what is new may be gone already.
            let swept = events::swept(self.store.read()).await?;
            if swept > self.applied {
                forget(&Forget::Everything);
                self.applied = swept;
            }
            for event in events::after(self.store.read(), self.applied, BATCH).await? {
                if let Some(what) = self.touched(&event).await? {
                    forget(&what);
                }
                self.applied = event.sequence;
                tell(&event);
            }
            last = self.ear.last().await?;
        }
        if self.applied != before || self.reported.millis() >= self.heartbeat {
            self.report(now).await?;
        }
        Ok(())
    }

    /// Done when there may be something new.
    pub(crate) async fn heard(&mut self) {
        self.ear.heard().await;
    }

    /// How long to wait for that at most.
    pub(crate) fn pause(&self, trust_for: Duration) -> Duration {
        self.ear.pause(trust_for)
    }

    /// Which credentials an event makes wrong.
    async fn touched(&self, event: &Event) -> Result<Option<Forget>> {
        let tokens_of =
            async |which: Which<'_>| Ok(Some(Forget::Tokens(tokens::keys(self.store.read(), which).await?)));
        match event.topic {
            Topic::ConsumerChanged | Topic::ConsumerRotated | Topic::ConsumerRevoked | Topic::ConsumerPurged => {
                Ok(Some(Forget::Consumer(event.subject.clone())))
            }
            Topic::TokenRevoked => Ok(Some(Forget::Tokens(vec![event.subject.clone()]))),
            Topic::SessionEnded => match event.subject.parse() {
                Ok(session) => tokens_of(Which::Session(session)).await,
                Err(_) => Ok(None),
            },
            Topic::UserDisabled | Topic::UserEnabled | Topic::UserDeleted => Ok(user(event)),
            Topic::UserChanged if changes_access(event) => Ok(user(event)),
            Topic::UserChanged
            | Topic::UserCreated
            | Topic::UserSignedIn
            | Topic::UserSignedOut
            | Topic::SessionCreated
            | Topic::UserRefused
            | Topic::ConsumerCreated => Ok(None),
        }
    }

    async fn report(&mut self, now: Timestamp) -> Result<()> {
        let begun = Stopwatch::start();
        instances::report(&self.store, &self.own, self.applied, now).await?;
        self.reported = begun;
        Ok(())
    }
}

fn slow() -> Error {
    Fault::Store("the events could not be read in time".into()).into()
}

fn user(event: &Event) -> Option<Forget> {
    event.subject.parse().ok().map(Forget::User)
}

fn changes_access(event: &Event) -> bool {
    let fields = event.data.get("fields").and_then(Value::as_array);
    fields.is_some_and(|fields| fields.iter().any(|field| field == "access"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::{ConnectionTrait as _, sweep, tests::store};
    use serde_json::json;
    use std::cell::RefCell;

    /// An instance that slept until what it has missed was swept away cannot know what to forget.
    #[tokio::test]
    async fn whoever_missed_events_for_good_forgets_everything() {
        let (_folder, store) = store().await;
        let (store, now) = (Arc::new(store), Timestamp::from_seconds(1_000_000));
        let mut watch =
            Watch::start(Arc::clone(&store), ("one".into(), "one".into()), Duration::from_secs(1), now).await.unwrap();
        let append = async |at: Timestamp| {
            let tx = store.begin().await.unwrap();
            events::append(tx.on(), at, Topic::ConsumerRevoked, "shop", json!({})).await.unwrap();
            tx.commit().await.unwrap();
        };
        for _ in 0..3 {
            append(now.plus_seconds(-7200)).await;
        }
        append(now).await;
        sweep::all(&store, &Clock::by_hand(now), Duration::from_secs(3600)).await.unwrap();
        let forgotten = RefCell::new(Vec::new());
        watch.catch_up(now, |what| forgotten.borrow_mut().push(what.clone()), |_| {}).await.unwrap();
        assert_eq!(*forgotten.borrow(), [Forget::Everything, Forget::Consumer("shop".into())]);
        watch.catch_up(now, |_| panic!("there is nothing new"), |_| panic!("nothing to tell")).await.unwrap();
    }

    /// Events that are numbered anew would otherwise be taken for known ones, and confirmed.
    #[tokio::test]
    async fn a_database_that_is_an_older_copy_is_noticed() {
        let (ground, store) = store().await;
        let (store, now) = (Arc::new(store), Timestamp::from_seconds(1_000_000));
        let append = async |subject: &str| {
            let tx = store.begin().await.unwrap();
            events::append(tx.on(), now, Topic::ConsumerRevoked, subject, json!({})).await.unwrap();
            tx.commit().await.unwrap();
        };
        append("one").await;
        append("two").await;
        let names = ("one".to_owned(), "one".to_owned());
        let mut watch = Watch::start(Arc::clone(&store), names, Duration::from_secs(1), now).await.unwrap();
        let tx = store.begin().await.unwrap();
        let count = match ground.is_postgres() {
            true => "ALTER SEQUENCE events_sequence_seq RESTART",
            false => "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'events'",
        };
        for back in ["DELETE FROM events", count] {
            tx.on().execute_unprepared(back).await.unwrap();
        }
        tx.commit().await.unwrap();
        append("another").await;
        let forgotten = RefCell::new(Vec::new());
        watch.catch_up(now, |what| forgotten.borrow_mut().push(what.clone()), |_| {}).await.unwrap();
        assert_eq!(*forgotten.borrow().first().unwrap(), Forget::Everything);
        append("two again").await;
        watch.catch_up(now, |what| forgotten.borrow_mut().push(what.clone()), |_| {}).await.unwrap();
        assert_eq!(*forgotten.borrow().last().unwrap(), Forget::Consumer("two again".into()));
    }
}
