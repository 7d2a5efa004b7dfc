//! The operator: whoever can read the database and the sealing keys. The same commands, without a network.

use crate::backoff::Backoff;
use crate::caller::Caller;
use crate::checkers::gate::Gate;
use crate::clock::Clock;
use crate::commands::{self, Call, Counters, Rooms, Run};
use crate::error::{Error, Fault, Result};
use crate::settings::{Database, Settings};
use crate::store::schema::{self, Plan};
use crate::store::{OpenError, Store, consumers, marks, sessions, users};
use shared::command::{CreateToken, TokenCreated, User};
use shared::id::ConsumerKey;
use shared::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How long the operator waits for a database that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the schema of a database lacks; nothing is changed.
pub async fn plan(database: &Database) -> Result<Plan, OpenError> {
    patiently(PATIENCE, async || schema::look(database).await).await
}

/// Brings the schema of a database up to date, and answers what was done. Needs no sealing keys.
pub async fn migrate(database: &Database) -> Result<Plan, OpenError> {
    patiently(PATIENCE, async || schema::bring_up_to_date(database).await).await
}

/// Tries until the database is there, or was away for too long.
async fn patiently<T>(
    patience: impl Into<Option<Duration>>,
    attempt: impl AsyncFn() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let mut backoff = Backoff::new(patience.into());
    loop {
        match attempt().await {
            Err(error) if error.is_away() && !backoff.is_over() => backoff.pause().await,
            outcome => return outcome,
        }
    }
}

/// The house entered by the operator's key. Running instances hear of changes as they hear of each other's.
pub struct Operator {
    rooms: Rooms,
}

impl Operator {
    /// Opens the store, creating and migrating it if need be. A database that is away is waited for, five seconds.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        Self::open_within(settings, Some(PATIENCE)).await
    }

    /// The same with another patience; `None` waits for ever.
    pub async fn open_within(settings: &Settings, patience: Option<Duration>) -> Result<Self, OpenError> {
        let store = Store::at(&settings.database, &settings.seal_keys).await?;
        patiently(patience, async || store.prepare(settings.database.migrate).await).await?;
        let gate = Gate::open(1, 1, settings.password_cost).map_err(|e| OpenError::Database(Box::new(e)))?;
        let rooms = Rooms {
            store: Arc::new(store),
            clock: Clock::system(),
            gate,
            bell: Arc::default(),
            sessions: settings.sessions,
            events_keep: settings.events_keep,
            counters: Counters::default(),
            receipt_wait: settings.receipt_wait,
        };
        Ok(Self { rooms })
    }

    /// Carries out a command with every right.
    #[expect(private_bounds, reason = "what can be carried out is decided here; callers name the commands of `shared`")]
    pub async fn call<C: Run>(&self, command: C) -> Result<C::Reply> {
        commands::call(&self.rooms, &Caller::Operator, command).await
    }

    /// Makes many tokens for one user and one consumer, in one transaction.
    pub async fn create_tokens(&self, command: CreateToken, count: usize) -> Result<Vec<TokenCreated>> {
        let call = Call { rooms: &self.rooms, caller: &Caller::Operator, now: self.rooms.clock.now() };
        commands::create_tokens(&call, command, count).await
    }

    /// A user by name or e-mail address.
    pub async fn user(&self, login: &str) -> Result<Option<User>> {
        Ok(users::by_login(self.rooms.store.read(), login).await?.map(|account| account.user))
    }

    /// Whose session this is; `None` if there is none of that id, or it is a visitor's.
    pub async fn owner_of_session(&self, id: Uuid) -> Result<Option<Uuid>> {
        Ok(sessions::by_id(self.rooms.store.read(), id).await?.and_then(|session| session.user))
    }

    /// A new one-time link for the first administrator; `None` once there is one.
    pub async fn setup_link(&self) -> Result<Option<Secret>> {
        commands::new_link(&self.rooms.store, self.rooms.clock.now()).await
    }

    /// Something the executable wants to remember about this installation, such as its frontend's consumer.
    pub async fn remember(&self, name: &str, value: &str) -> Result<()> {
        let tx = self.rooms.store.begin().await?;
        marks::set(tx.on(), name, value).await?;
        tx.commit().await
    }

    /// What was remembered.
    pub async fn remembered(&self, name: &str) -> Result<Option<String>> {
        marks::get(self.rooms.store.read(), name).await
    }

    /// True if the sealing keys open what was sealed for a consumer.
    pub async fn can_open(&self, key: &ConsumerKey) -> Result<bool> {
        let Rooms { store, clock, .. } = &self.rooms;
        match consumers::credential(store.read(), &store.seal, key.as_str(), clock.now()).await {
            Ok(_) => Ok(true),
            Err(Error::Fault(Fault::Sealed)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Closes the store.
    pub async fn close(self) -> Result<()> {
        let store = Arc::try_unwrap(self.rooms.store).map_err(|_| Fault::Other("the store is still in use".into()))?;
        store.close().await;
        Ok(())
    }
}
