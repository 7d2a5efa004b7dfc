//! From settings to an open house, as soon as the database lets us.

use super::StartError;
use crate::backoff::Backoff;
use crate::chance;
use crate::checkers::gate::Gate;
use crate::clock::Clock;
use crate::commands::{Counters, Rooms};
use crate::doors::http::Porch;
use crate::doors::{House, zeromq};
use crate::events::Watch;
use crate::guard::Guard;
use crate::guard::freshness::Freshness;
use crate::guard::nonces::Nonces;
use crate::guard::replay::Replay;
use crate::settings::Settings;
use crate::store::{Store, marks};
use shared::oauth1::BaseUrl;
use std::sync::Arc;
use tokio::sync::Notify;

/// The mark under which the database knows its folder of nonces.
const REPLAY_MARK: &str = "replay_folder";

/// What the house is made of, before the database is there.
pub(super) struct Opening {
    pub(super) settings: Settings,
    /// This process and no other, whatever its name.
    pub(super) instance: String,
    rooms: Rooms,
}

/// What only the database could give; and when it was asked for the last event.
pub(super) type Given = (Nonces, Watch, u64);

/// The open house, and what keeps it going.
pub(super) struct Live {
    pub(super) house: Arc<House>,
    pub(super) watch: Watch,
    pub(super) zeromq: zeromq::Door,
}

impl Opening {
    /// Everything that needs no database. A file that is not there is made, though.
    pub(super) async fn new(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let store = Arc::new(Store::at(&settings.database, &settings.seal_keys).await?);
        let gate = Gate::open(settings.hashing_threads, settings.hashing_queue, settings.password_cost);
        let rooms = Rooms {
            store,
            clock,
            gate: gate.map_err(StartError::Thread)?,
            bell: Arc::new(Notify::new()),
            sessions: settings.sessions,
            events_keep: settings.events_keep,
            counters: Counters::default(),
            receipt_wait: settings.receipt_wait,
        };
        let instance = chance::id(rooms.clock.now()).to_string();
        Ok(Self { settings, instance, rooms })
    }

    /// Whom the database knows, and where.
    pub(super) fn identity(&self) -> (Arc<Store>, String) {
        (Arc::clone(&self.rooms.store), self.instance.clone())
    }

    /// One attempt.
    pub(super) async fn attempt(&self) -> Result<Given, StartError> {
        let Rooms { store, clock, .. } = &self.rooms;
        store.prepare(self.settings.database.migrate).await?;
        let replay = open_nonces(store, &self.settings, clock).await?;
        let names = (self.instance.clone(), self.settings.instance.clone());
        let begun = Freshness::begin();
        let watch = Watch::start(Arc::clone(store), names, self.settings.trust_for, clock.now()).await?;
        Ok((replay, watch, begun))
    }

    /// Attempts until the database is there, it says no, or it was away for too long.
    pub(super) async fn attempts(self, porch: &Porch, bases: Vec<BaseUrl>) -> Result<Live, StartError> {
        let mut backoff = Backoff::new(self.settings.database.give_up_after);
        loop {
            match self.attempt().await {
                Err(error) if error.is_away() && backoff.is_over() => {
                    return Err(StartError::GivenUp { after: backoff.so_far(), words: error.to_string() });
                }
                Err(error) if error.is_away() => backoff.pause().await,
                Err(error) => return Err(error),
                Ok(given) => return self.open(given, porch, bases).await,
            }
        }
    }

    /// Opens all doors.
    pub(super) async fn open(self, given: Given, porch: &Porch, bases: Vec<BaseUrl>) -> Result<Live, StartError> {
        let Self { settings, instance, rooms } = self;
        let (nonces, watch, begun) = given;
        let guard = Guard::new(Arc::clone(&rooms.store), nonces, rooms.clock.clone(), settings.trust_for);
        // There is nothing in memory yet that could be wrong.
        guard.freshness.reached(begun);
        let house = Arc::new(House { guard, rooms, body_limit: settings.body_limit, instance });
        let zeromq = zeromq::Door::open(&settings.zeromq, settings.workers, &house).await?;
        tracing::info!(listens = ?zeromq.addresses(), publishes = ?zeromq.published(), "the doors are open");
        porch.open(Arc::clone(&house), bases);
        Ok(Live { house, watch, zeromq })
    }
}

/// The memory of nonces: the table where the database has one for all, else a folder that is tied to the database.
async fn open_nonces(store: &Arc<Store>, settings: &Settings, clock: &Clock) -> Result<Nonces, StartError> {
    match Nonces::shared(store).await? {
        Some(shared) => Ok(shared),
        None => open_replay(store, settings, clock).await,
    }
}

async fn open_replay(store: &Store, settings: &Settings, clock: &Clock) -> Result<Nonces, StartError> {
    let mark = marks::look(store, REPLAY_MARK).await?;
    let (replay, new) = Replay::open(&settings.replay_folder, mark.as_deref(), clock.now())?;
    if mark.as_deref() != Some(&new) {
        let tx = store.begin().await?;
        marks::set(tx.on(), REPLAY_MARK, &new).await?;
        tx.commit().await?;
    }
    let wait = replay.floor() - clock.now().seconds();
    if wait > 0 {
        tracing::warn!(seconds = wait, "used nonces may have been lost: older timestamps are refused for a while");
    }
    Ok(Nonces::Own(Box::new(replay)))
}
