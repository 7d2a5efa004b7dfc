//! What people do with the pages, over real HTTP, once under `/` and once under `/accounts/`. The data service is a
//! small one of our own ([`house`]), which checks every signature and can be told to be away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod account;
mod browser;
mod forms;
mod house;
mod log;
mod login;
mod logout;
mod manners;
mod sessions;
mod settings;
mod setup;
mod street;
mod tokens;
mod verify;
