//! Proofs of identity: passwords, how fast they may be guessed at, and who does the hashing.

pub(crate) mod gate;
pub(crate) mod password;
pub(crate) mod throttle;
