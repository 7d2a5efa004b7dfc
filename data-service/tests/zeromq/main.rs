//! The ZeroMQ door: the same commands, rights, nonces and answers as over HTTP, and events for whoever subscribes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod client;
mod curve;
mod door;
mod events;
mod flood;
mod frames;
mod page;
mod same;

use client::Client;
use common::House;
use data_service::{Address, Clock, Settings};

/// A house with a ZeroMQ door, and events, on free ports.
pub fn house() -> House {
    house_with(|_| {})
}

pub fn house_with(change: impl FnOnce(&mut Settings)) -> House {
    House::start_with(Clock::system(), |settings| {
        settings.zeromq.listen = vec![address("tcp://127.0.0.1:0", settings)];
        settings.zeromq.publish = vec![address("tcp://127.0.0.1:0", settings)];
        change(settings);
    })
}

/// An address; the path of a socket starts at the folder of the house.
pub fn address(text: &str, settings: &Settings) -> Address {
    Address::parse(text, settings.replay_folder.parent().unwrap()).unwrap()
}

impl House {
    /// A client that is connected to the first address.
    pub fn client(&self) -> Client<'_> {
        Client::connect(self, &self.zeromq[0])
    }
}
