//! `countersign migrate`: brings the schema of the database up to date. Every start does the same; this is for
//! whoever wants it done before.

use crate::failure::Failure;
use crate::place::Place;
use crate::{logging, operate, output, system};
use migrations::{Migrator, MigratorTrait as _};
use std::process::ExitCode;

/// Bring the schema of the database up to date
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    logging::of_a_command();
    let config = args.place.load()?;
    system::block_on(async { Ok::<_, Failure>(operate::open(&config).await?.close().await?) })?;
    let steps = Migrator::migrations();
    let last = steps.last().map(|step| step.name().to_owned()).unwrap_or_default();
    output::line(format_args!("The schema is up to date: {} steps, the last is {last}.", steps.len()));
    Ok(ExitCode::SUCCESS)
}
