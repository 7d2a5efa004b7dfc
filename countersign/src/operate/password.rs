//! Passwords come from a terminal, twice and unseen, or from standard input; never from an argument, which every
//! other user of the machine could read.

use crate::failure::Failure;
use shared::secret::Secret;
use std::io::{IsTerminal as _, Read as _};

/// Where a password comes from.
#[derive(clap::Args)]
pub struct Source {
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl Source {
    /// The password.
    pub(super) fn read(&self, whose: &str) -> Result<Secret, Failure> {
        let password = if self.password_stdin {
            from_standard_input()?
        } else if std::io::stdin().is_terminal() {
            asked(whose)?
        } else {
            let words =
                "there is no terminal to ask for the password at; --password-stdin reads it from standard input";
            return Err(Failure::usage(words));
        };
        if password.is_empty() {
            return Err(Failure::refused("the password is empty"));
        }
        Ok(password)
    }
}

fn from_standard_input() -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::refused(format_args!("the password on standard input: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

fn asked(whose: &str) -> Result<Secret, Failure> {
    let once = prompt(&format!("Password for {whose}: "))?;
    if once != prompt("The same again: ")? {
        return Err(Failure::refused("these were two different passwords; nothing was changed"));
    }
    Ok(once)
}

fn prompt(words: &str) -> Result<Secret, Failure> {
    rpassword::prompt_password(words).map(Secret::new).map_err(Failure::refused)
}
