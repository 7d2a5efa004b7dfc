//! The running service: built from parts, bound before it is told to run, closed in order.

use crate::checkers::gate::Gate;
use crate::chance;
use crate::clock::Clock;
use crate::commands::Rooms;
use crate::doors::http::{self, House};
use crate::error::{Error, Result};
use crate::events::Watch;
use crate::guard::Guard;
use crate::guard::nonces::Nonces;
use crate::guard::replay::{self, Replay};
use crate::settings::Settings;
use crate::store::{OpenError, Store, instances, marks, sweep};
use actix_web::{App as Actix, HttpServer, dev::Server, web};
use shared::oauth1::{BaseUrl, UrlError};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The mark under which the database knows its folder of nonces.
const REPLAY_MARK: &str = "replay_folder";

/// Why the service does not start.
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
    /// The address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
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

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

/// A data service that is bound to its address and not yet running.
pub struct App {
    house: Arc<House>,
    watch: Watch,
    server: Server,
    url: String,
    instance: String,
    trust_for: Duration,
    drain_for: Duration,
}

impl App {
    /// Opens the store and the memory of nonces, and binds the address.
    pub async fn bind(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let store = Arc::new(Store::open(&settings.database, &settings.seal_keys).await?);
        let replay = open_nonces(&store, &settings, &clock).await?;
        let listen = |error| StartError::Listen(settings.listen, error);
        let listener = std::net::TcpListener::bind(settings.listen).map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        let mut bases = settings.public_urls.clone();
        if bases.is_empty() {
            bases.push(BaseUrl::parse(&url)?);
        }
        let gate = Gate::open(settings.hashing_threads, settings.hashing_queue, settings.password_cost);
        let rooms = Rooms {
            store: Arc::clone(&store),
            clock: clock.clone(),
            gate: gate.map_err(StartError::Thread)?,
            bell: Arc::new(Notify::new()),
            session_lifetime: settings.session_lifetime,
            receipt_wait: settings.receipt_wait,
        };
        let guard = Guard::new(Arc::clone(&store), replay, bases, clock.clone(), settings.trust_for);
        let house = Arc::new(House::new(guard, rooms, settings.body_limit));
        let instance = chance::id(clock.now()).to_string();
        let watch = Watch::start(store, (instance.clone(), settings.instance), settings.trust_for, clock.now()).await?;
        let data = web::Data::new(Arc::clone(&house));
        let server = HttpServer::new(move || Actix::new().app_data(data.clone()).default_service(web::to(http::serve)))
            .workers(settings.workers.max(1))
            .disable_signals()
            .shutdown_timeout(10)
            .listen(listener)
            .map_err(listen)?
            .run();
        let Settings { trust_for, drain_for, .. } = settings;
        Ok(Self { house, watch, server, url, instance, trust_for, drain_for })
    }

    /// The bound address as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves until `shutdown` is done. Then says so for a while, takes nothing new, finishes what runs and closes
    /// everything in order.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let Self { house, watch, server, instance, trust_for, drain_for, .. } = self;
        let handle = server.handle();
        let carrier = Arc::clone(&house);
        let tasks = [
            tokio::spawn(keep_watch(Arc::clone(&house), watch, trust_for)),
            tokio::spawn(keep_house(Arc::clone(&house))),
            tokio::spawn(async move { carrier.guard.replay.carry().await }),
        ];
        let mut server = tokio::spawn(server);
        let ended = tokio::select! {
            () = shutdown => {
                // First everybody may see that no more is wanted here; what comes all the same is still served.
                house.drain();
                tokio::time::sleep(drain_for).await;
                handle.stop(true).await;
                (&mut server).await
            }
            ended = &mut server => ended,
        };
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            let _ = task.await;
        }
        close(&house, &instance).await?;
        ended.map_err(io::Error::other).and_then(|outcome| outcome).map_err(StartError::Server)
    }
}

async fn close(house: &House, instance: &str) -> Result<()> {
    let store = &house.rooms.store;
    if let Err(error) = house.guard.uses.write(store, house.rooms.clock.now()).await {
        tracing::warn!(%error, "the last uses of some seconds could not be written down");
    }
    house.guard.replay.close()?;
    say_goodbye(store, instance).await;
    store.close().await;
    Ok(())
}

/// Connections that were made in a thread that has ended are of no use any more: each attempt finds one of them at most.
const GOODBYES: u32 = 64;

/// An instance that ends is missed by nobody, or for half a minute if it could not say so.
async fn say_goodbye(store: &Store, instance: &str) {
    for _ in 0..GOODBYES {
        match instances::forget(store, instance).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "the goodbye is tried again"),
        }
    }
    tracing::warn!("receipts will miss this instance for a while: it could not say that it ends");
}

/// The memory of nonces: the table where the database has one for all, else a folder that is tied to the database.
async fn open_nonces(store: &Arc<Store>, settings: &Settings, clock: &Clock) -> Result<Nonces, StartError> {
    match Nonces::shared(store).await? {
        Some(shared) => Ok(shared),
        None => open_replay(store, settings, clock).await,
    }
}

async fn open_replay(store: &Store, settings: &Settings, clock: &Clock) -> Result<Nonces, StartError> {
    let mark = marks::get(store.read(), REPLAY_MARK).await?;
    let (replay, new) = Replay::open(&settings.replay_folder, mark.as_deref(), clock.now())?;
    let tx = store.begin().await?;
    // There is one instance, and the lock of the folder has just made it this one.
    instances::forget_all(tx.on()).await?;
    if mark.as_deref() != Some(&new) {
        marks::set(tx.on(), REPLAY_MARK, &new).await?;
    }
    tx.commit().await?;
    let wait = replay.floor() - clock.now().seconds();
    if wait > 0 {
        tracing::warn!(seconds = wait, "used nonces may have been lost: older timestamps are refused for a while");
    }
    Ok(Nonces::Own(Box::new(replay)))
}

/// Reads events as soon as a bell rings, and often enough without one.
async fn keep_watch(house: Arc<House>, mut watch: Watch, trust_for: Duration) {
    let mut failing = false;
    loop {
        let begun = house.guard.freshness.begin();
        let outcome = watch.catch_up(house.rooms.clock.now(), |what| house.guard.cache.forget(what)).await;
        match outcome {
            Ok(()) => {
                house.guard.freshness.reached(begun);
                if std::mem::take(&mut failing) {
                    tracing::info!("the store answers again");
                }
            }
            Err(error) => {
                house.guard.freshness.lose();
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "the store cannot be read; credentials in memory are not trusted meanwhile");
                }
            }
        }
        let pause = watch.pause(trust_for);
        tokio::select! {
            () = house.rooms.bell.notified() => {}
            () = watch.heard() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Everything that is done every now and then.
async fn keep_house(house: Arc<House>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut count: u64 = 0;
    loop {
        tick.tick().await;
        count += 1;
        let now = house.rooms.clock.now();
        let mut outcomes = vec![house.guard.replay.tidy(&house.rooms.store, now).await];
        if count.is_multiple_of(3) {
            outcomes.push(house.guard.uses.write(&house.rooms.store, now).await);
        }
        if count.is_multiple_of(60) {
            tracing::debug!(hashes = house.rooms.gate.hashes(), "password hashes computed since the start");
            outcomes.push(sweep_all(&house.rooms.store, now).await);
        }
        for error in outcomes.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "housekeeping will be tried again");
        }
    }
}

/// Batch after batch, with room for others in between.
async fn sweep_all(store: &Store, now: shared::timestamp::Timestamp) -> Result<()> {
    while sweep::one_batch(store, now).await? {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
