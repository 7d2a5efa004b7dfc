//! How a command ends when it does not end well: an exit code, and words for people.

use std::fmt;

/// Refused or failed.
const FAILED: u8 = 1;
/// Wrong usage.
const USAGE: u8 = 2;
/// Bad configuration (`EX_CONFIG`).
const CONFIG: u8 = 78;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// What standard error is told; nothing if everything was said already.
    pub(crate) words: String,
}

impl Failure {
    /// Refused, or something broke.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self { code: FAILED, words: words.into() }
    }

    /// The command line asks for something that cannot be.
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self { code: USAGE, words: words.into() }
    }

    /// The configuration is wrong.
    pub(crate) fn config(words: impl Into<String>) -> Self {
        Self { code: CONFIG, words: words.into() }
    }

    /// Everything was said on the way.
    pub(crate) fn said() -> Self {
        Self::new("")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<data_service::Error> for Failure {
    /// The sentence, and the word that programs would be told. A fault tells all: the operator is the one to know.
    fn from(error: data_service::Error) -> Self {
        match error {
            data_service::Error::Refused(refusal) => Self::new(format!("{} ({})", refusal.detail, refusal.code.word())),
            data_service::Error::Fault(fault) => Self::new(format!("{fault} ({})", "internal")),
        }
    }
}
