//! The command line.

use crate::failure::Failure;
use crate::operate::{consumer, session, token, user};
use crate::{config, explain, init, migrate, request, serve, up};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Users, sessions and service credentials for a site of many services.
#[derive(Parser)]
#[command(name = "countersign", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Args),
    DataService(serve::DataService),
    Frontend(serve::Frontend),
    Init(init::Args),
    Migrate(migrate::Args),
    #[command(subcommand)]
    Config(config::commands::Command),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Consumer(consumer::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Session(session::Command),
    Request(request::Args),
    Explain(explain::Args),
}

impl Cli {
    /// Does what was asked. Says how it went by the exit code: 0 done, 1 refused or failed.
    pub fn run(self) -> Result<ExitCode, Failure> {
        match self.command.unwrap_or_else(|| Command::Up(up::Args::default())) {
            Command::Up(args) => up::run(args),
            Command::DataService(args) => serve::data_service(&args),
            Command::Frontend(args) => serve::frontend(&args),
            Command::Init(args) => init::run(args),
            Command::Migrate(args) => migrate::run(&args),
            Command::Config(command) => config::commands::run(command),
            Command::User(command) => user::run(command),
            Command::Consumer(command) => consumer::run(command),
            Command::Token(command) => token::run(command),
            Command::Session(command) => session::run(&command),
            Command::Request(args) => request::run(&args),
            Command::Explain(args) => explain::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
