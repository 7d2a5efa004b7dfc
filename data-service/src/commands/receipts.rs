//! Receipts: waiting until every instance has heard.

use super::Call;
use crate::error::Result;
use crate::store::instances;
use shared::command::{Confirmation, Ended, Receipt};
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

    /// Waits until every live instance has applied the change, at most as long as the settings allow, and says which
    /// have. The change itself is committed before this is called: nothing here can undo it.
    pub(super) async fn receipt(&self, sequence: i64, ended: Ended) -> Result<Receipt> {
        self.rooms.bell.notify_one();
        let deadline = Instant::now() + self.rooms.receipt_wait;
        let mut awaited = Vec::new();
        loop {
            let live = instances::live(self.store().read(), &awaited, self.rooms.clock.now()).await?;
            awaited = live.iter().map(|instance| instance.id.clone()).collect();
            let (confirmed, silent): (Vec<_>, Vec<_>) = live.into_iter().partition(|i| i.sequence >= sequence);
            if silent.is_empty() || Instant::now() >= deadline {
                return Ok(Receipt {
                    sequence,
                    at: self.now,
                    ended,
                    confirmed: confirmed
                        .into_iter()
                        .map(|i| Confirmation { instance: i.id, at: i.confirmed_at })
                        .collect(),
                    silent: silent.into_iter().map(|i| i.id).collect(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
