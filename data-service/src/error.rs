//! Two arms for failure: what may be told to the caller, and what goes to the log.

use shared::error::{Code, Refusal};

/// Why a command did not go well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// May be told to the caller.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Goes to the log; the caller hears `unavailable` or `internal`.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A fault of ours or of what we stand on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database cannot be reached.
    #[error("the store: {0}")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is full, damaged, or locked for too long.
    #[error("the store: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A sealed value does not open: the wrong key, or a value from another row.
    #[error("a sealed value does not open: is its key among seal.keys?")]
    Sealed,
    /// A stored value is not what was written.
    #[error("a stored value is damaged: {0}")]
    Damaged(&'static str),
    /// The memory of nonces cannot be written.
    #[error("the replay journal: {0}")]
    Journal(#[source] std::io::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// What the caller is told. A store fault is 503, never "not logged in".
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Fault(Fault::Away(_) | Fault::Store(_) | Fault::Journal(_)) => {
                Refusal::retry(Code::Unavailable, "the data service cannot reach its store at the moment", 2)
            }
            Self::Fault(_) => Refusal::new(Code::Internal, "a fault of the data service; its log says more"),
        }
    }
}

/// What nearly everything here answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
