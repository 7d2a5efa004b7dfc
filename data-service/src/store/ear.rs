//! How an instance hears that something was committed.
//!
//! On PostgreSQL a connection of its own listens, and is also the one that is asked for the last event: an answer proves
//! that whoever listens is alive, and that nothing was missed, whatever became of the notifications. On SQLite the last
//! event is simply looked at more often.

use super::events::{self, LAST};
use super::{Engine, Store};
use crate::error::{Error, Fault, Result};
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::sync::Arc;
use std::time::Duration;

/// Where events are told on PostgreSQL.
const CHANNEL: &str = "countersign_events";
/// What the connection is called in `pg_stat_activity`.
const NAME: &str = "countersign listening";
/// How long it may take to be connected.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hears of events.
#[derive(Debug)]
pub(crate) enum Ear {
    /// Looks.
    Looking(Arc<Store>),
    /// Listens.
    Listening(Box<Listening>),
}

/// The connection that listens, while there is one.
#[derive(Debug)]
pub(crate) struct Listening {
    options: PgConnectOptions,
    listener: Option<PgListener>,
}

impl Ear {
    /// The ear for a store.
    pub(crate) fn of(store: &Arc<Store>) -> Self {
        if store.engine() == Engine::Sqlite {
            return Self::Looking(Arc::clone(store));
        }
        let options = (*store.read().inner().get_postgres_connection_pool().connect_options()).clone();
        Self::Listening(Box::new(Listening { options: options.application_name(NAME), listener: None }))
    }

    /// The sequence number of the last event there is, asked on the connection that listens.
    pub(crate) async fn last(&mut self) -> Result<i64> {
        match self {
            Self::Looking(store) => events::newest(store).await,
            Self::Listening(listening) => listening.last().await,
        }
    }

    /// Done when something may have been committed; at the latest when the connection is lost.
    pub(crate) async fn heard(&mut self) {
        match self {
            Self::Listening(listening) if listening.listener.is_some() => listening.heard().await,
            _ => std::future::pending().await,
        }
    }

    /// Starts anew with the next question: whoever lost patience does not know in what state the connection is.
    pub(crate) fn give_up(&mut self) {
        if let Self::Listening(listening) = self {
            listening.listener = None;
        }
    }

    /// How often the last event is to be asked for when nothing is heard.
    pub(crate) fn pause(&self, trust_for: Duration) -> Duration {
        match self {
            Self::Looking(_) => Duration::from_millis(100).min(trust_for / 5),
            Self::Listening(_) => trust_for / 5,
        }
    }
}

impl Listening {
    async fn last(&mut self) -> Result<i64> {
        let listener = self.listener.take();
        let mut listener = match listener {
            Some(listener) => listener,
            None => {
                // A pool of its own each time: one that was given up may not give its connection back for long.
                let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
                let pool = pool.acquire_timeout(PATIENCE).test_before_acquire(false);
                let pool = pool.connect_lazy_with(self.options.clone());
                let mut listener = PgListener::connect_with(&pool).await.map_err(fault)?;
                listener.ignore_pool_close_event(true);
                listener.eager_reconnect(false);
                listener.listen(CHANNEL).await.map_err(fault)?;
                listener
            }
        };
        // Asked after it listens: what is committed from now on is heard, what was before is in the answer.
        let last = sqlx::query_scalar::<_, i64>(LAST).fetch_all(&mut listener).await.map_err(fault)?;
        self.listener = Some(listener);
        last.first().copied().ok_or_else(events::uncounted)
    }

    async fn heard(&mut self) {
        let Some(listener) = &mut self.listener else { return };
        if !matches!(listener.try_recv().await, Ok(Some(_))) {
            self.listener = None;
            return;
        }
        // Many at once are one piece of news.
        while listener.next_buffered().is_some() {}
    }
}

fn fault(error: sqlx::Error) -> Error {
    Fault::Store(Box::new(error)).into()
}
