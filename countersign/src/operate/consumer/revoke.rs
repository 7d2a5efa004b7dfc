//! `countersign consumer revoke`: cut a service off, and have it confirmed.

use super::{Common, One, foreseen, receipt, when, within};
use crate::failure::Failure;
use crate::output;
use shared::command::{GetConsumerImpact, RevokeConsumer};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// What to revoke, and how long to wait for the confirmations.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    one: One,
    /// How long to wait for the instances to confirm it: 10s, 1m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = when::duration)]
    wait: Duration,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let Args { one: One { key, common }, wait, yes } = args;
    if !yes && has_somebody_to_ask(common) {
        let impact =
            common.operate(async |operator| Ok(operator.call(GetConsumerImpact { key: key.clone() }).await?))?;
        if !confirmed(&foreseen(key, &impact))? {
            return Err(Failure::refused("nothing was changed"));
        }
    }
    let command = RevokeConsumer { key: key.clone() };
    let receipt = within(&common.load()?, Some(*wait), async |operator| Ok(operator.call(command).await?))?;
    receipt::print(common, &receipt, &format!("{key} is revoked"))
}

/// A script is not asked.
fn has_somebody_to_ask(common: &Common) -> bool {
    !common.json && std::io::stdin().is_terminal() && output::is_read_by_a_person()
}

fn confirmed(words: &str) -> Result<bool, Failure> {
    output::line(words);
    let mut out = std::io::stdout();
    let _ = write!(out, "Revoke it? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::refused)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
