//! The rows. They never leave the store.

pub(super) mod consumer;
pub(super) mod consumer_secret;
pub(super) mod device;
pub(super) mod event;
pub(super) mod instance;
pub(super) mod mark;
pub(super) mod profile;
pub(super) mod session;
pub(super) mod session_data;
pub(super) mod setup_link;
pub(super) mod throttle;
pub(super) mod token;
pub(super) mod user;
