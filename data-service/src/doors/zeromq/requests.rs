//! The threads that answer requests.

use super::frames;
use super::load::{Load, Slot};
use crate::chance;
use crate::doors::message::{Answer, Desk};
use omq_tokio::{Identity, IdentitySocket, Message, Options, Socket};
use shared::error::{Code, Refusal};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

/// Answers that wait for one client. Who does not read loses what is over.
const ANSWERS_WAITING: u32 = 256;
/// Requests of one client that wait to be looked at; what is over waits at the client.
const REQUESTS_WAITING: u32 = 16;
/// Bytes that frames other than the body take, at most.
const HEAD_BYTES: usize = 64 * 1024;
/// How long requests that run may go on when it is time to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket's options.
pub(super) fn options(body_limit: usize) -> Options {
    Options::default()
        .send_hwm(ANSWERS_WAITING)
        .recv_hwm(REQUESTS_WAITING)
        .max_message_size(body_limit.saturating_add(HEAD_BYTES))
}

/// What the threads share.
struct Counter {
    router: IdentitySocket,
    desk: Desk,
    load: Arc<Load>,
}

/// The threads that answer requests.
pub(super) struct Requests {
    socket: Socket,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Requests {
    pub(super) fn start(socket: Socket, desk: Desk, count: usize) -> io::Result<Self> {
        let router = socket.identity_routing().map_err(io::Error::other)?;
        let counter = Arc::new(Counter { router, desk, load: Arc::default() });
        let stop = watch::Sender::new(false);
        let mut threads = Vec::new();
        for number in 1..=count {
            let (counter, stopped) = (Arc::clone(&counter), stop.subscribe());
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let name = format!("zeromq-{number}");
            threads.push(thread::Builder::new().name(name).spawn(move || counter.work(&runtime, stopped))?);
        }
        Ok(Self { socket, stop, threads: Mutex::new(threads) })
    }

    /// Takes no more requests, and is done when those that run are answered.
    pub(super) async fn finish(&self) {
        self.stop.send_replace(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = tokio::task::spawn_blocking(|| threads.into_iter().all(|thread| thread.join().is_ok())).await;
        if !ended.unwrap_or(false) {
            tracing::error!("a thread of the ZeroMQ door broke off");
        }
    }

    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}

impl Counter {
    /// One thread, until it is told to stop.
    fn work(self: Arc<Self>, runtime: &Runtime, mut stop: watch::Receiver<bool>) {
        LocalSet::new().block_on(runtime, async {
            let mut running = JoinSet::new();
            loop {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => break,
                    Some(_) = running.join_next() => {}
                    received = self.router.recv_from() => match received {
                        Ok((sender, message)) => self.admit(sender, message, &mut running),
                        Err(error) => {
                            tracing::error!(%error, "the ZeroMQ door is closed");
                            break;
                        }
                    },
                }
            }
            let rest = async { while running.join_next().await.is_some() {} };
            if tokio::time::timeout(PATIENCE, rest).await.is_err() {
                tracing::warn!("requests over ZeroMQ were still running when the service stopped");
            }
        });
    }

    /// Begins to answer, or says at once that there is no room.
    fn admit(self: &Arc<Self>, sender: Identity, message: Message, running: &mut JoinSet<()>) {
        match self.load.enter(sender.peer_info().connection_id, message.byte_len()) {
            Some(slot) => {
                running.spawn_local(Arc::clone(self).answer(sender, message, slot));
            }
            None => {
                let request_id = chance::request_id();
                tracing::debug!(request_id, door = "zeromq", "too much is under way");
                let words = "too many requests are under way here at the moment";
                let refused = Answer::refused(&Refusal::retry(Code::Unavailable, words, 1), &request_id);
                self.send(&sender, frames::write(frames::envelope(&message), refused));
            }
        }
    }

    async fn answer(self: Arc<Self>, sender: Identity, message: Message, slot: Slot) {
        let answer = self.desk.answer(frames::read(&message)).await;
        let answer = frames::write(frames::envelope(&message), answer);
        drop(slot);
        if self.is_still(&sender).await {
            self.send(&sender, answer);
        }
    }

    /// False if the client is gone. One that chose its own routing id may have been replaced by another that chose the
    /// same: what was answered to the one is not for the other.
    async fn is_still(&self, sender: &Identity) -> bool {
        let info = sender.peer_info();
        info.peer_identity.is_none() || matches!(self.router.connection_info(info.connection_id).await, Ok(Some(_)))
    }

    /// Never waits: a client that does not read loses the answer.
    fn send(&self, to: &Identity, answer: Message) {
        if let Err(error) = self.router.try_send_to(to, answer) {
            tracing::debug!(%error, "an answer over ZeroMQ found nobody who reads it");
        }
    }
}
