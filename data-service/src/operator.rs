//! The operator: whoever can read the database and the sealing keys. The same commands, without a network.

use crate::caller::Caller;
use crate::checkers::gate::Gate;
use crate::clock::Clock;
use crate::commands::{self, Call, Rooms, Run};
use crate::error::{Fault, Result};
use crate::settings::Settings;
use crate::store::{OpenError, Store, marks, users};
use shared::command::{CreateToken, TokenCreated, User};
use shared::secret::Secret;
use std::sync::Arc;

/// The house entered by the operator's key. Running instances hear of changes as they hear of each other's.
pub struct Operator {
    rooms: Rooms,
}

impl Operator {
    /// Opens the store, creating and migrating it if need be.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let store = Store::open(&settings.database, &settings.seal_keys).await?;
        let gate = Gate::open(1, 1, settings.password_cost).map_err(|e| OpenError::Database(Box::new(e)))?;
        let rooms = Rooms {
            store: Arc::new(store),
            clock: Clock::system(),
            gate,
            bell: Arc::default(),
            session_lifetime: settings.session_lifetime,
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

    /// Closes the store.
    pub async fn close(self) -> Result<()> {
        let store = Arc::try_unwrap(self.rooms.store).map_err(|_| Fault::Other("the store is still in use".into()))?;
        store.close().await;
        Ok(())
    }
}
