//! `countersign config`: what holds, why, and what is wrong with it.

use super::{Config, Problems, Shown, document};
use crate::failure::Failure;
use crate::operate::table::table;
use crate::output;
use crate::place::Place;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Show and check the configuration
#[derive(clap::Subcommand)]
pub enum Command {
    /// Show every key, its value and where it came from; secrets are masked
    Show(Args),
    /// Say everything that is wrong, and what is probably not meant; exits with 78 if something is wrong
    Check(Args),
    /// Print all keys there are, as they stand in docs/configuration.md
    Keys,
}

/// Which configuration.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Show(args) => show(&args),
        Command::Check(args) => check(&args),
        Command::Keys => {
            output::bytes(document::table().as_bytes());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(Args { place, json }: &Args) -> Result<ExitCode, Failure> {
    let config = place.load()?;
    let shown = &config.shown;
    output::line(if *json {
        Value::from_iter(shown.iter().map(object)).to_string()
    } else {
        table(&["key", "value", "from"], shown.iter().map(row).collect(), "")
    });
    Ok(ExitCode::SUCCESS)
}

fn object(Shown { key, value, origin, .. }: &Shown) -> Value {
    let value = (!value.is_empty()).then_some(value);
    json!({ "key": key, "value": value, "origin": origin.to_string() })
}

fn row(Shown { key, value, instead, origin }: &Shown) -> Vec<String> {
    let value = if value.is_empty() { format!("({instead})") } else { value.clone() };
    vec![(*key).to_owned(), value, origin.to_string()]
}

fn check(Args { place, json }: &Args) -> Result<ExitCode, Failure> {
    let file = place.existing()?;
    let (problems, warnings) = match Config::load(&file, &[]) {
        Ok(config) => (Problems::default(), config.warnings()),
        Err(problems) => (problems, Vec::new()),
    };
    if *json {
        output::line(json!({ "problems": problems.lines(), "warnings": warnings }));
        return Ok(if problems.is_empty() { ExitCode::SUCCESS } else { Failure::from(problems).exit_code() });
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    warnings.iter().for_each(|warning| output::line(format_args!("warning: {warning}")));
    output::line(format_args!("{} can be used.", file.display()));
    Ok(ExitCode::SUCCESS)
}
