//! The running service: built from parts, bound before it is told to run, closed in order.
//!
//! The order of starting does not matter. Without its database the service binds all the same, answers 503, and goes
//! on by itself when the database comes, at the start and later.

mod opening;
#[cfg(test)]
mod plans;

use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::doors::http::{self, Porch};
use crate::doors::{House, zeromq};
use crate::error::{Error, Fault, Result};
use crate::events::Watch;
use crate::guard::freshness::Freshness;
use crate::guard::replay;
use crate::settings::Settings;
use crate::store::{OpenError, Store, instances, sweep};
use actix_web::{HttpServer, dev::Server};
use opening::{Given, Live, Opening};
use shared::oauth1::{BaseUrl, UrlError};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How long the connections may take to close.
const CLOSE: Duration = Duration::from_secs(5);

/// Why the service does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The memory of used nonces.
    #[error(transparent)]
    Replay(#[from] replay::OpenError),
    /// Something in the store is not as it should be.
    #[error("the store: {0}")]
    Fault(Error),
    /// The database was away for too long.
    #[error("given up after {} seconds (dependencies.give_up_after): {words}", .after.as_secs())]
    GivenUp {
        /// For how long.
        after: Duration,
        /// What was found last.
        words: String,
    },
    /// The address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The ZeroMQ door.
    #[error(transparent)]
    ZeroMq(#[from] zeromq::OpenError),
    /// The public URL.
    #[error("data_service.public_urls: {0}")]
    PublicUrl(#[from] UrlError),
    /// The HTTP server broke off.
    #[error("the HTTP server broke off: {0}")]
    Server(#[source] io::Error),
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}

impl StartError {
    /// True if it may help to wait.
    fn is_away(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_away())
            || matches!(self, Self::Fault(Error::Fault(Fault::Away(_))))
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

/// A data service that is bound to its address and not yet running.
pub struct App {
    state: State,
    times: Times,
    porch: Arc<Porch>,
    server: Server,
    url: String,
}

/// Whether the database was there.
enum State {
    Open(Box<Live>),
    /// It was away: what it gives, and the ZeroMQ door with it, comes later.
    Waiting(Box<Opening>, Vec<BaseUrl>),
}

/// How long what may last.
#[derive(Clone, Copy)]
struct Times {
    trust_for: Duration,
    drain_for: Duration,
    give_up_after: Option<Duration>,
}

impl App {
    /// Opens the store and the memory of nonces, and binds the address. A database that is away is waited for later.
    pub async fn bind(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let opening = Opening::new(settings, clock).await?;
        let settings = &opening.settings;
        let given = match opening.attempt().await {
            Ok(given) => Some(given),
            Err(error) if error.is_away() && settings.database.give_up_after == Some(Duration::ZERO) => {
                return Err(StartError::GivenUp { after: Duration::ZERO, words: error.to_string() });
            }
            Err(error) if error.is_away() => {
                tracing::error!(%error, "every request is answered 503 until the database comes");
                None
            }
            Err(error) => return Err(error),
        };
        let (store, instance) = opening.identity();
        let bound = Self::bind_doors(opening, given).await;
        if bound.is_err() {
            // Whoever does not start is not waited for in receipts.
            let _ = forget(&store, &instance).await;
        }
        bound
    }

    async fn bind_doors(opening: Opening, given: Option<Given>) -> Result<Self, StartError> {
        let settings = &opening.settings;
        let times = Times {
            trust_for: settings.trust_for,
            drain_for: settings.drain_for,
            give_up_after: settings.database.give_up_after,
        };
        let listen = |error| StartError::Listen(settings.listen, error);
        let listener = std::net::TcpListener::bind(settings.listen).map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        let mut bases = settings.public_urls.clone();
        if bases.is_empty() {
            bases.push(BaseUrl::parse(&url)?);
        }
        let porch = Arc::new(Porch::default());
        let served = Arc::clone(&porch);
        let server = HttpServer::new(move || http::service(&served))
            .workers(settings.workers.max(1))
            .disable_signals()
            .shutdown_timeout(10)
            .listen(listener)
            .map_err(listen)?
            .run();
        let state = match given {
            Some(given) => State::Open(Box::new(opening.open(given, &porch, bases).await?)),
            None => State::Waiting(Box::new(opening), bases),
        };
        Ok(Self { state, times, porch, server, url })
    }

    /// The bound address as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The addresses of the ZeroMQ door; none if it is closed, or not open yet.
    pub fn zeromq(&self) -> &[String] {
        match &self.state {
            State::Open(live) => live.zeromq.addresses(),
            State::Waiting(..) => &[],
        }
    }

    /// The addresses where events are published over ZeroMQ.
    pub fn published(&self) -> &[String] {
        match &self.state {
            State::Open(live) => live.zeromq.published(),
            State::Waiting(..) => &[],
        }
    }

    /// Serves until `shutdown` is done or the database was away for too long. Whoever is shut down says so for a while;
    /// then nothing new is taken, what runs is finished, and everything is closed in order.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let Self { state, times, porch, server, .. } = self;
        let (open, told) = (Arc::clone(&porch), Arc::clone(&porch));
        let messages = Arc::new(OnceLock::new());
        let opened = Arc::clone(&messages);
        let mut life = tokio::spawn(async move {
            let live = match state {
                State::Open(live) => *live,
                State::Waiting(opening, bases) => match opening.attempts(&open, bases).await {
                    Ok(live) => live,
                    Err(error) => return error,
                },
            };
            let Live { house, watch, zeromq } = live;
            let publisher = zeromq.publisher();
            let _ = opened.set(zeromq);
            tokio::select! {
                error = keep_watch(Arc::clone(&house), watch, publisher, times) => error,
                never = house.guard.replay.carry() => match never {},
                never = keep_house(Arc::clone(&house)) => match never {},
                never = sweep(Arc::clone(&house)) => match never {},
            }
        });
        let shutdown = async move {
            shutdown.await;
            // First everybody may see that no more is wanted here; what comes all the same is still served.
            if told.drain() {
                tokio::time::sleep(times.drain_for).await;
            }
        };
        let handle = server.handle();
        let mut server = tokio::spawn(server);
        let (outcome, over) = tokio::select! {
            () = shutdown => (Ok(()), false),
            error = &mut life => (Err(error.unwrap_or_else(|error| StartError::Server(io::Error::other(error)))), false),
            ended = &mut server => (broke_off(ended), true),
        };
        let outcome = if over {
            outcome
        } else {
            tokio::join!(handle.stop(true), finish(messages.get()));
            outcome.and(broke_off(server.await))
        };
        finish(messages.get()).await;
        if !life.is_finished() {
            life.abort();
            let _ = life.await;
        }
        if let Some(messages) = Arc::into_inner(messages).and_then(OnceLock::into_inner) {
            messages.close().await;
        }
        if let Some(house) = porch.house() {
            close(house).await?;
        }
        outcome
    }
}

/// Takes no more over ZeroMQ, and is done when what runs is answered.
async fn finish(messages: Option<&zeromq::Door>) {
    if let Some(messages) = messages {
        messages.finish().await;
    }
}

fn broke_off(ended: Result<io::Result<()>, tokio::task::JoinError>) -> Result<(), StartError> {
    ended.map_err(io::Error::other).and_then(|outcome| outcome).map_err(StartError::Server)
}

/// What the database is told at the end is a courtesy: while it is away, it is not told.
async fn close(house: &House) -> Result<()> {
    let store = &house.rooms.store;
    let told = async {
        house.guard.uses.write(&house.guard.cache, store, house.rooms.clock.now()).await?;
        forget(store, &house.instance).await
    };
    if let Err(error) = told.await {
        tracing::warn!(%error, "the store was not told that this instance ends");
    }
    let closed = house.guard.replay.close();
    let _ = tokio::time::timeout(CLOSE, store.close()).await;
    closed
}

async fn forget(store: &Store, instance: &str) -> Result<()> {
    let tx = store.begin().await?;
    instances::forget(tx.on(), instance).await?;
    tx.commit().await
}

/// Reads events as soon as a bell rings, and often enough without one. Ends when the database was away for too long.
async fn keep_watch(
    house: Arc<House>,
    mut watch: Watch,
    publisher: zeromq::Publisher,
    Times { trust_for, give_up_after, .. }: Times,
) -> StartError {
    let mut trouble: Option<Backoff> = None;
    loop {
        let begun = Freshness::begin();
        match hear(&house, &mut watch, &publisher).await {
            Ok(()) => {
                house.guard.freshness.reached(begun);
                if let Some(trouble) = trouble.take() {
                    tracing::info!(seconds = trouble.so_far().as_secs(), "the store answers again");
                }
                let pause = watch.pause(trust_for);
                tokio::select! {
                    () = house.rooms.bell.notified() => {}
                    () = watch.heard() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            Err(error) => {
                house.guard.freshness.lose();
                if trouble.is_none() {
                    tracing::error!(%error, "the store cannot be read; credentials in memory are not trusted meanwhile");
                }
                let trouble = trouble.get_or_insert_with(|| Backoff::new(give_up_after));
                if house.rooms.store.is_away() && trouble.is_over() {
                    return StartError::GivenUp { after: trouble.so_far(), words: error.to_string() };
                }
                trouble.pause().await;
            }
        }
    }
}

/// Applies what is new. While the database is away, this is who looks for it.
async fn hear(house: &House, watch: &mut Watch, publisher: &zeromq::Publisher) -> Result<(), StartError> {
    if house.rooms.store.is_away() {
        house.rooms.store.look().await?;
    }
    let (forget, tell) = (|what: &_| house.guard.cache.forget(what), |event: &_| publisher.publish(event));
    Ok(watch.catch_up(house.rooms.clock.now(), forget, tell).await?)
}

/// Everything that is done every now and then.
async fn keep_house(house: Arc<House>) -> Infallible {
    // Not at once: who has just started has better things to do.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut count: u64 = 0;
    loop {
        tick.tick().await;
        count += 1;
        let now = house.rooms.clock.now();
        let away = house.rooms.store.is_away();
        let mut outcomes = Vec::new();
        if !away {
            outcomes.push(house.guard.replay.tidy(&house.rooms.store, now).await);
        }
        if count.is_multiple_of(3) && !away {
            outcomes.push(house.guard.uses.write(&house.guard.cache, &house.rooms.store, now).await);
        }
        for error in outcomes.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "housekeeping will be tried again");
        }
    }
}

/// Sweeps away what is old, once a minute. That may take long, and the rest of the house is kept meanwhile.
async fn sweep(house: Arc<House>) -> Infallible {
    let mut tick = tokio::time::interval(Duration::from_secs(60));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one comes at once.
    tick.tick().await;
    loop {
        tick.tick().await;
        tracing::debug!(hashes = house.rooms.gate.hashes(), "password hashes computed since the start");
        let store = &house.rooms.store;
        if store.is_away() {
            continue;
        }
        if let Err(error) = sweep::all(store, &house.rooms.clock, house.rooms.events_keep).await {
            tracing::warn!(%error, "sweeping will be tried again");
        }
    }
}
