//! Doors: decode, identify, call, encode. Nothing else.

pub(crate) mod http;
