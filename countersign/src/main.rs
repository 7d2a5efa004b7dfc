//! Countersign: the one executable. Every subcommand is a module that turns its arguments into calls and the answers
//! into words.

mod chance;
mod cli;
mod clock;
mod config;
mod curve_key;
mod duration;
mod explain;
mod failure;
mod init;
mod input;
mod logging;
mod migrate;
mod operate;
mod output;
mod place;
mod request;
mod serve;
mod system;
mod up;

use clap::Parser as _;
use std::process::ExitCode;

/// Small things are taken and given back with every request, which this one does faster (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(failure) => {
            output::err(format_args!("countersign: {failure}"));
            failure.exit_code()
        }
    }
}
