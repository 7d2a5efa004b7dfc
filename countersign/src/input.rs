//! What comes in besides arguments: files, standard input, and secrets from the environment.

use crate::failure::Failure;
use shared::secret::Secret;
use std::env::{self, VarError};
use std::io::Read as _;

/// The bytes of a file; `-` is standard input.
pub fn file(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match path {
        "-" => std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes),
        path => std::fs::read(path),
    };
    read.map_err(|error| Failure::usage(format_args!("cannot read {path}: {error}")))
}

/// The text of the variable `NAME`, or of the file that `NAME_FILE` names, without the newline at its end.
pub fn secret(name: &str) -> Result<Option<Secret>, Failure> {
    let file_name = format!("{name}_FILE");
    match (variable(name)?, variable(&file_name)?) {
        (Some(_), Some(_)) => Err(Failure::usage(format_args!("{name} and {file_name} are both set: which is meant?"))),
        (Some(text), None) => Ok(Some(Secret::new(text))),
        (None, Some(path)) => {
            let text = String::from_utf8(file(&path)?);
            let text = text.map_err(|_| Failure::usage(format_args!("{path}, named by {file_name}, is not UTF-8")))?;
            Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
        }
        (None, None) => Ok(None),
    }
}

fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::usage(format_args!("{name} is not UTF-8"))),
    }
}
