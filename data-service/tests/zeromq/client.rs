//! A ZeroMQ client.

use crate::common::{Consumer, House, nonce, now};
use omq_tokio::{Message, Options, Socket, SocketType};
use serde_json::Value;
use shared::oauth1::{SignBody, ToSign};
use std::time::Duration;

/// For one answer: long, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A DEALER, or another socket.
pub struct Client<'a> {
    pub house: &'a House,
    pub socket: Socket,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: String,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        let code = self.json()["code"].as_str().map(str::to_owned);
        if self.status.starts_with('2') { "ok".into() } else { code.unwrap_or_else(|| "no problem+json".into()) }
    }

    #[track_caller]
    pub fn is(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{self:?}");
        self
    }
}

impl<'a> Client<'a> {
    pub fn connect(house: &'a House, address: &str) -> Self {
        Self::with(house, SocketType::Dealer, Options::default(), address)
    }

    pub fn with(house: &'a House, kind: SocketType, options: Options, address: &str) -> Self {
        let socket = house.runtime.block_on(async {
            let socket = Socket::new(kind, options);
            socket.connect(address).await.unwrap();
            socket
        });
        Self { house, socket }
    }

    pub fn send(&self, frames: &[&[u8]]) {
        let message = Message::multipart(frames.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>());
        self.house.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.socket.send(message)).await.expect("sent in time").unwrap();
        });
    }

    pub fn receive(&self) -> Vec<Vec<u8>> {
        self.receive_within(PATIENCE).expect("an answer in time")
    }

    pub fn receive_within(&self, time: Duration) -> Option<Vec<Vec<u8>>> {
        let received = async { tokio::time::timeout(time, self.socket.recv()).await };
        let message = self.house.runtime.block_on(received).ok()?.unwrap();
        Some((0..message.len()).map(|index| message.part_slice(index).unwrap().to_vec()).collect())
    }

    /// One answer, taken apart.
    #[track_caller]
    pub fn reply(&self) -> Reply {
        let mut frames = self.receive();
        if self.socket.socket_type() == SocketType::Dealer {
            assert_eq!(frames.remove(0), b"", "the empty frame comes first");
        }
        let text = |frame: &[u8]| String::from_utf8(frame.to_vec()).unwrap();
        assert_eq!((frames.len(), text(&frames[0]).as_str()), (3, "1"));
        Reply { status: text(&frames[1]), text: text(&frames[2]) }
    }

    /// Sends a request that is signed already.
    pub fn send_request(&self, authorization: &str, command: &str, body: &[u8]) {
        let frames = [b"", &b"1"[..], authorization.as_bytes(), command.as_bytes(), body];
        self.send(if self.socket.socket_type() == SocketType::Dealer { &frames } else { &frames[1..] });
    }

    pub fn request(&self, authorization: &str, command: &str, body: &[u8]) -> Reply {
        self.send_request(authorization, command, body);
        self.reply()
    }

    /// Signs, sends, and reads the answer.
    #[track_caller]
    pub fn ask(&self, consumer: &Consumer, command: &str, body: &Value) -> Reply {
        let body = body.to_string();
        self.request(&sign(consumer, command, body.as_bytes()), command, body.as_bytes())
    }
}

/// What the authorization frame holds.
pub fn sign(consumer: &Consumer, command: &str, body: &[u8]) -> String {
    sign_at(consumer, &format!("zeromq://countersign/{command}"), body, now(), &nonce())
}

pub fn sign_at(consumer: &Consumer, url: &str, body: &[u8], timestamp: u64, nonce: &str) -> String {
    let to_sign = ToSign { method: "POST", url, body: SignBody::Other(body), nonce, timestamp };
    consumer.signer.authorization(&to_sign).unwrap()
}
