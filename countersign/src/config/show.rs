//! What `config show` prints.

use super::origin::Origin;
use super::{Fallback, Key};

/// A key, its value and where it came from. Secrets are masked already.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The key.
    pub(crate) key: &'static str,
    /// Its value; empty for nothing.
    pub(crate) value: String,
    /// What nothing means.
    pub(crate) instead: &'static str,
    /// Where it came from.
    pub(crate) origin: Origin,
}

impl Shown {
    pub(super) fn new(key: &Key, value: String, origin: Origin) -> Self {
        let instead = match key.fallback {
            Fallback::Nothing(words) => words,
            Fallback::Text(_) | Fallback::Made(..) => "",
        };
        Self { key: key.name, value, instead, origin }
    }
}
