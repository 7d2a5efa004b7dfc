//! `countersign consumer drain`, `undrain` and `purge`: the steps before and after a revocation.

use super::{One, counted};
use crate::failure::Failure;
use shared::command::{DrainConsumer, PurgeConsumer, UndrainConsumer};
use std::process::ExitCode;

/// What to remove.
#[derive(clap::Args)]
pub struct Purge {
    #[command(flatten)]
    one: One,
    /// Also remove what its service keeps about people; refused while the service has another consumer
    #[arg(long)]
    profiles: bool,
}

pub(super) fn drain(One { key, common }: &One) -> Result<ExitCode, Failure> {
    let consumer = common.operate(async |operator| Ok(operator.call(DrainConsumer { key: key.clone() }).await?))?;
    let left = counted(consumer.live_tokens, "live token");
    common.print(&consumer, || format!("{key} is given no new tokens. It has {left}; `consumer revoke` ends them."))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn undrain(One { key, common }: &One) -> Result<ExitCode, Failure> {
    let consumer = common.operate(async |operator| Ok(operator.call(UndrainConsumer { key: key.clone() }).await?))?;
    common.print(&consumer, || format!("{key} is given new tokens again."))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn purge(Purge { one: One { key, common }, profiles }: &Purge) -> Result<ExitCode, Failure> {
    let command = PurgeConsumer { key: key.clone(), profiles: *profiles };
    let purged = common.operate(async |operator| Ok(operator.call(command).await?))?;
    common.print(&purged, || {
        let with = match profiles {
            true => format!(" and {} of its service", counted(purged.profiles, "profile")),
            false => String::new(),
        };
        format!("{key} is removed, with {}{with}.", counted(purged.tokens, "token"))
    })?;
    Ok(ExitCode::SUCCESS)
}
