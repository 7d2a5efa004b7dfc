//! The language of Countersign: everything that can be said between its processes.
//!
//! This room does no I/O and knows no runtime, framework, clock or environment. Time and randomness come in as
//! arguments. Read [`command`] first: a command is a type, and its HTTP route, access word, client call and place
//! in the OpenAPI document all follow from its one declaration.

pub mod acl;
pub mod command;
pub mod error;
pub mod event;
pub mod id;
pub mod oauth1;
pub mod openapi;
pub mod secret;
pub mod timestamp;
