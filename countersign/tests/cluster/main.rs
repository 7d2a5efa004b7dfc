//! Several instances on one PostgreSQL: real processes, a real server, and what becomes of promises when they are killed,
//! stopped, cut off and restarted.
//!
//! These need PostgreSQL and are run by `./test`, or by hand:
//!
//!     cargo test -p countersign --test cluster -- --ignored
//!
//! `COUNTERSIGN_TEST_ROUNDS` says how many crashes there are; 20 if nothing is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test may fail by panicking, has its own clock, and says what it has seen"
)]

mod balancer;
mod client;
mod crashes;
mod cut_off;
mod history;
mod installation;
mod naming;
mod once;
mod proxy;
mod revoked;
mod rolling;
mod starting;
mod stopped;
