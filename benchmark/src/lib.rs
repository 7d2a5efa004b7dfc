//! The instruments behind `./bench`: a bare handler to compare with, a load generator of our own, and a table.
//!
//! `docs/performance.md` says how they measure and what they found.

pub mod batch;
pub mod chance;
pub mod figures;
pub mod histogram;
pub mod load;
pub mod machine;
pub mod once;
pub mod process;
pub mod run;
pub mod storm;
pub mod sweep;
pub mod table;
pub mod wire;
pub mod world;
pub mod zeromq;
pub mod zmtp;

/// Whatever goes wrong ends the run with a sentence.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
