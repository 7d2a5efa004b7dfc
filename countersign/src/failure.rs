//! How a command fails, and the exit code that goes with it.

use std::fmt;
use std::process::ExitCode;

const AWAY: u8 = 129;

/// Why a command was not done, in words for whoever typed it. Holds nothing secret.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    words: String,
}

impl Failure {
    /// Refused, or failed: exit code 1.
    pub fn refused(words: impl fmt::Display) -> Self {
        Self { code: 1, words: words.to_string() }
    }

    /// Asked in a way that cannot be meant: exit code 2.
    pub fn usage(words: impl fmt::Display) -> Self {
        Self { code: 2, words: words.to_string() }
    }

    /// The configuration is wrong (`EX_CONFIG`): exit code 78.
    pub fn config(words: impl fmt::Display) -> Self {
        Self { code: 78, words: words.to_string() }
    }

    /// Something this stands on could not be reached in the allowed time: exit code 129.
    pub fn away(words: impl fmt::Display) -> Self {
        Self { code: AWAY, words: words.to_string() }
    }

    /// True if it may help to wait.
    pub fn is_away(&self) -> bool {
        self.code == AWAY
    }

    /// For the shell.
    pub fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<data_service::StartError> for Failure {
    fn from(error: data_service::StartError) -> Self {
        match error {
            data_service::StartError::Listen(..) => {
                let hint = "another address: `countersign up --data-service 127.0.0.1:0`, or data_service.listen";
                Self::refused(format_args!("{error}; {hint}"))
            }
            data_service::StartError::ZeroMq(data_service::ZeroMqError::Bind(_)) => {
                let hint =
                    "another address: `countersign up --zeromq tcp://127.0.0.1:0`, or zeromq.listen and zeromq.publish";
                Self::refused(format_args!("{error}; {hint}"))
            }
            data_service::StartError::ZeroMq(_) | data_service::StartError::PublicUrl(_) => Self::config(error),
            data_service::StartError::GivenUp { .. } => Self::away(error),
            error => Self::refused(error),
        }
    }
}

impl From<data_service::Error> for Failure {
    /// The sentence, and the word that programs would be told. A fault tells all: the operator is who should know.
    fn from(error: data_service::Error) -> Self {
        match error {
            data_service::Error::Refused(refusal) => {
                Self::refused(format_args!("{} ({})", refusal.detail, refusal.code.word()))
            }
            data_service::Error::Fault(fault @ data_service::Fault::Away(_)) => Self::away(fault),
            data_service::Error::Fault(fault) => Self::refused(format_args!("{fault} (internal)")),
        }
    }
}
