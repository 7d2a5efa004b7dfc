//! The real executable on real folders: what an operator does, in the order in which they would do it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod apart;
mod configuration;
mod consumers;
mod making;
mod place;
mod up;
mod users;
mod zeromq;
