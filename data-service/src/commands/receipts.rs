//! Receipts: waiting until every instance has heard.

use super::Call;
use crate::error::Result;
use crate::store::instances::{self, Instance as Known};
use shared::command::{Confirmation, Ended, Receipt};
use shared::timestamp::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How often the confirmations are looked at.
const LOOK: Duration = Duration::from_millis(10);

impl Call<'_> {
    /// Waits until every live instance has heard of the last event, if there was one.
    pub(super) async fn heard(&self, last: Option<i64>) -> Result<()> {
        if let Some(sequence) = last {
            self.receipt(sequence, Ended::default()).await?;
        }
        Ok(())
    }

    /// Waits until every instance that may still trust its memory has applied the change, at most as long as the settings
    /// allow, and says which have. The change itself is committed before this is called: nothing here can undo it.
    pub(super) async fn receipt(&self, sequence: i64, ended: Ended) -> Result<Receipt> {
        self.rooms.bell.notify_one();
        let deadline = Instant::now() + self.rooms.receipt_wait;
        let mut awaited = Vec::new();
        loop {
            let live = match instances::live(self.store().read(), &awaited, self.rooms.clock.now()).await {
                Ok(live) => live,
                // The change is committed: whoever made it should not be told that it failed before it is sure that
                // nobody can be asked.
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            awaited = live.iter().map(|instance| instance.id.clone()).collect();
            let names = names(&live);
            let named: Vec<_> = live.into_iter().zip(names).collect();
            let (confirmed, silent): (Vec<_>, Vec<_>) = named.into_iter().partition(|(i, _)| i.sequence >= sequence);
            if silent.iter().all(|(i, _)| !i.trusting) || Instant::now() >= deadline {
                return Ok(Receipt {
                    sequence,
                    at: self.now,
                    ended,
                    confirmed: confirmed
                        .into_iter()
                        .map(|(i, instance)| Confirmation { instance, at: Timestamp::from_millis(i.confirmed_at) })
                        .collect(),
                    silent: silent.into_iter().map(|(_, instance)| instance).collect(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What instances are called in a receipt. Where several share a name, each also bears the end of its id.
fn names(live: &[Known]) -> Vec<String> {
    let shared = |name: &str| live.iter().filter(|instance| instance.name == name).count() > 1;
    let end = |id: &str| id.get(id.len().saturating_sub(6)..).unwrap_or(id).to_owned();
    let name = |instance: &Known| match shared(&instance.name) {
        true => format!("{}#{}", instance.name, end(&instance.id)),
        false => instance.name.clone(),
    };
    live.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_one_name_are_told_apart() {
        let instance = |id: &str, name: &str| Known {
            id: id.into(),
            name: name.into(),
            sequence: 0,
            confirmed_at: 0,
            trusting: true,
        };
        let live = [instance("0123456789", "web"), instance("abcdefghij", "web"), instance("x", "job")];
        assert_eq!(names(&live), ["web#456789", "web#efghij", "job"]);
    }
}
