//! Doors: decode, identify, call, encode. Nothing else.

mod dispatch;
pub(crate) mod http;
mod message;
pub(crate) mod zeromq;

use crate::commands::Rooms;
use crate::guard::Guard;

/// What every door leads to.
pub(crate) struct House {
    pub(crate) guard: Guard,
    pub(crate) rooms: Rooms,
    /// Bytes that the body of a request may have.
    pub(crate) body_limit: usize,
    /// This process and no other, whatever its name.
    pub(crate) instance: String,
}
