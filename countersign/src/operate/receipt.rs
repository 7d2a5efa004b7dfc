//! Receipts: what was ended, and who has confirmed it.

use super::table::table;
use super::{Common, when};
use crate::failure::Failure;
use crate::output;
use shared::command::Receipt;
use std::process::ExitCode;

/// Prints a receipt. The exit code says whether everybody has confirmed.
pub(super) fn print(common: &Common, receipt: &Receipt, what: &str) -> Result<ExitCode, Failure> {
    common.print(receipt, || people(receipt, what))?;
    if receipt.silent.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::err(format_args!(
        "countersign: not confirmed by {} in time. The change is made and stays made; an instance that cannot hear of \
         it stops trusting its memory by itself within seconds",
        receipt.silent.join(", ")
    ));
    Ok(ExitCode::FAILURE)
}

fn people(receipt: &Receipt, what: &str) -> String {
    let now = when::now();
    let ended = receipt.ended;
    let mut rows: Vec<Vec<String>> = Vec::new();
    rows.extend(receipt.confirmed.iter().map(|by| vec![by.instance.clone(), format!("confirmed at {}", by.at)]));
    rows.extend(receipt.silent.iter().map(|instance| vec![instance.clone(), "silent".into()]));
    let instances = table(&["instance", "heard"], rows, "No instance is running; one that starts later knows of it.");
    format!(
        "{what}. Ended: {}, {}.\nChange {} of {}.\n\n{instances}",
        counted(ended.tokens, "token"),
        counted(ended.sessions, "session"),
        receipt.sequence,
        when::both(receipt.at, now),
    )
}

/// `1 token`, `2 tokens`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
