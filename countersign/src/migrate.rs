//! `countersign migrate`: brings the schema of the database up to date. Every start does the same, unless
//! `database.migrate` forbids it; this is for whoever wants it done before, or by somebody else.

use crate::failure::Failure;
use crate::place::Place;
use crate::{logging, operate, output, system};
use data_service::Plan;
use std::process::ExitCode;

/// Bring the schema of the database up to date
///
/// All steps are one transaction: if one fails, nothing was changed. However many run at once, one does it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Only say what would be done, on which database; nothing is changed
    #[arg(long)]
    plan: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    logging::of_a_command();
    let config = args.place.load()?;
    let database = config.database();
    let found = system::block_on(async {
        if args.plan { data_service::plan(&database).await } else { data_service::migrate(&database).await }
    });
    let Plan { applied, pending } = found.map_err(|error| operate::not_opened(&config, &error))?;
    let shown = config.database_url.shown();
    if args.json {
        let (done, to_do) = if args.plan { (Vec::new(), pending) } else { (pending, Vec::new()) };
        let json = serde_json::json!({ "database": shown, "there": applied, "done": done, "pending": to_do });
        output::line(json);
        return Ok(ExitCode::SUCCESS);
    }
    let steps = applied.len() + pending.len();
    match (args.plan, pending.as_slice()) {
        (_, []) => output::line(format_args!("The schema of {shown} is up to date: {steps} steps.")),
        (true, pending) => {
            output::line(format_args!(
                "{shown} has {} of {steps} steps. To be done, in one transaction:",
                applied.len()
            ));
            pending.iter().for_each(|step| output::line(format_args!("  {step}")));
        }
        (false, done) => {
            done.iter().for_each(|step| output::line(format_args!("  {step}")));
            output::line(format_args!(
                "The schema of {shown} is up to date: {} of {steps} steps were done.",
                done.len()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}
