//! The ZeroMQ door: a ROUTER that answers requests, and a PUB that tells events.
//!
//! The sockets have a thread of their own for the wire. Requests are answered by as many threads as answer HTTP; a
//! command that waits holds up nobody. What is sent is never waited for: who does not read loses answers, not we time.

mod frames;
mod load;
mod requests;
mod sockets;

use super::House;
use super::message::Desk;
use crate::settings::ZeroMq;
use omq_tokio::{Context, Message, Options, Socket, SocketType};
use requests::Requests;
use shared::event::Event;
use shared::oauth1::{BaseUrl, UrlError};
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use sockets::BindError;

/// Events that wait for one subscriber. Who is slower than that misses some, and sees it by the sequence.
const EVENTS_WAITING: u32 = 10_000;
/// How long what was answered last may take to leave.
const LINGER: Duration = Duration::from_secs(1);

/// Why the door does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Others could read along.
    #[error(
        "zeromq: {0} can be reached from other machines and nothing there is encrypted: set zeromq.curve_secret_key, or \
         zeromq.allow_plain = true if that network is trusted"
    )]
    Exposed(String),
    /// An address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The name that is signed.
    #[error("zeromq.name: {0}")]
    Name(#[from] UrlError),
    /// A thread cannot be started.
    #[error("zeromq: a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Both sockets, as far as they are wanted.
pub(crate) struct Door {
    context: Option<Context>,
    requests: Option<Requests>,
    addresses: Vec<String>,
    publisher: Publisher,
    published: Vec<String>,
}

impl Door {
    /// Binds every address, and begins to answer.
    pub(crate) async fn open(settings: &ZeroMq, threads: usize, house: &Arc<House>) -> Result<Self, OpenError> {
        let base = BaseUrl::parse(&format!("zeromq://{}", settings.name))?;
        if let Some(address) = settings.exposed() {
            return Err(OpenError::Exposed(address.to_string()));
        }
        let mut door =
            Self { context: None, requests: None, addresses: vec![], publisher: Publisher(None), published: vec![] };
        if settings.listen.is_empty() && settings.publish.is_empty() {
            return Ok(door);
        }
        let context = door.context.insert(Context::with_name("zeromq"));
        if !settings.publish.is_empty() {
            let options = Options::default().send_hwm(EVENTS_WAITING).max_message_size(sockets::SUBSCRIPTION_BYTES);
            let socket = context.socket(SocketType::Pub, sockets::secured(options, settings));
            door.published = sockets::bind(&socket, &settings.publish, false).await?;
            door.publisher = Publisher(Some(socket));
        }
        if !settings.listen.is_empty() {
            let options = requests::options(house.body_limit);
            let socket = context.socket(SocketType::Router, sockets::secured(options, settings));
            door.addresses = sockets::bind(&socket, &settings.listen, settings.anywhere).await?;
            let desk = Desk::new(Arc::clone(house), "zeromq", base);
            door.requests = Some(Requests::start(socket, desk, threads.max(1))?);
        }
        Ok(door)
    }

    /// Where requests are answered.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Where events are published.
    pub(crate) fn published(&self) -> &[String] {
        &self.published
    }

    /// What events are told to.
    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Takes no more requests, and is done when those that run are answered.
    pub(crate) async fn finish(&self) {
        if let Some(requests) = &self.requests {
            requests.finish().await;
        }
    }

    /// Closes both sockets; what was answered last still leaves.
    pub(crate) async fn close(self) {
        self.finish().await;
        let router = self.requests.map(Requests::into_socket);
        for socket in router.into_iter().chain(self.publisher.0) {
            let _ = socket.close_with_linger(Some(LINGER)).await;
        }
        if let Some(context) = self.context {
            context.term();
        }
    }
}

/// Tells events to whoever subscribed. Nobody is waited for.
#[derive(Clone)]
pub(crate) struct Publisher(Option<Socket>);

impl Publisher {
    /// Sends an event: its topic, and its JSON.
    pub(crate) fn publish(&self, event: &Event) {
        let Some(socket) = &self.0 else { return };
        let Ok(json) = serde_json::to_vec(event) else { return };
        if let Err(error) = socket.try_send(Message::multipart([event.topic.word().as_bytes().to_vec(), json])) {
            tracing::debug!(%error, sequence = event.sequence, "an event could not be published");
        }
    }
}
