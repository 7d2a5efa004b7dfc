//! The data service: hears a command through any door, decides, remembers, tells.
//!
//! [`App`] is the running service; [`Operator`] is the same house entered by the operator's key, without a network.

mod app;
mod backoff;
mod caller;
mod chance;
mod checkers;
mod clock;
mod commands;
mod doors;
mod error;
mod events;
mod guard;
mod letters;
mod operator;
mod settings;
mod store;

pub use app::{App, StartError};
pub use clock::Clock;
pub use doors::zeromq::OpenError as ZeroMqError;
pub use error::{Error, Fault, Result};
/// For `./bench`, which measures it by itself.
#[doc(hidden)]
pub use guard::memory::Memory;
pub use operator::{Operator, migrate, plan};
pub use settings::{
    Address, Curve, CurvePublicKey, Database, Migrate, PasswordCost, SessionLimits, Settings, ZeroMq, new_curve_key,
};
pub use store::OpenError;
pub use store::schema::Plan;
pub use store::sealed::new_key as new_seal_key;
