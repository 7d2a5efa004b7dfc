//! The real executable on a PostgreSQL of its own: what an operator does. Tests that run where there is PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod away;
mod making;
mod place;
