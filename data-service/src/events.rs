//! Events: hearing what was committed, by whomever, and passing it on.
//!
//! Commands write events in their own transaction. The [`Watch`] of every instance reads them in order, has what
//! they touch forgotten, and only then reports how far it has come. That report is what a receipt is made of.

use crate::error::Result;
use crate::store::credentials::Forget;
use crate::store::tokens::Which;
use crate::store::{Store, events, instances, tokens};
use serde_json::Value;
use shared::event::{Event, Topic};
use shared::timestamp::Timestamp;
use std::sync::Arc;

/// Reads events and reports.
pub(crate) struct Watch {
    store: Arc<Store>,
    instance: String,
    /// The last event that was applied.
    applied: i64,
    applied_at: Timestamp,
    reported_at: Timestamp,
}

/// Events read in one go.
const BATCH: u64 = 500;
/// An instance says that it lives at least this often.
const HEARTBEAT_SECONDS: i64 = 5;

impl Watch {
    /// Starts at the last event there is: nothing before it can be in an empty memory.
    pub(crate) async fn start(store: Arc<Store>, instance: String, now: Timestamp) -> Result<Self> {
        let applied = events::last(store.read()).await?;
        let mut watch = Self { store, instance, applied, applied_at: now, reported_at: now };
        watch.report(now).await?;
        Ok(watch)
    }

    /// Applies what is new, up to the end, and reports if there was something or it is time for a sign of life.
    pub(crate) async fn catch_up(&mut self, now: Timestamp, forget: impl Fn(&Forget)) -> Result<()> {
        let before = self.applied;
        loop {
            let batch = match events::last(self.store.read()).await? {
                last if last > self.applied => events::after(self.store.read(), self.applied, BATCH).await?,
                _ => break,
            };
            for event in batch {
                if let Some(what) = self.touched(&event).await? {
                    forget(&what);
                }
                (self.applied, self.applied_at) = (event.sequence, now);
            }
        }
        if self.applied != before || now >= self.reported_at.plus_seconds(HEARTBEAT_SECONDS) {
            self.report(now).await?;
        }
        Ok(())
    }

    /// Which credentials an event makes wrong.
    async fn touched(&self, event: &Event) -> Result<Option<Forget>> {
        let tokens_of =
            async |which: Which<'_>| Ok(Some(Forget::Tokens(tokens::keys(self.store.read(), which).await?)));
        match event.topic {
            Topic::ConsumerChanged | Topic::ConsumerRotated | Topic::ConsumerRevoked => {
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
            | Topic::UserRefused
            | Topic::ConsumerCreated => Ok(None),
        }
    }

    async fn report(&mut self, now: Timestamp) -> Result<()> {
        instances::report(self.store.alone(), &self.instance, self.applied, self.applied_at, now).await?;
        self.reported_at = now;
        Ok(())
    }
}

fn user(event: &Event) -> Option<Forget> {
    event.subject.parse().ok().map(Forget::User)
}

fn changes_access(event: &Event) -> bool {
    let fields = event.data.get("fields").and_then(Value::as_array);
    fields.is_some_and(|fields| fields.iter().any(|field| field == "access"))
}
