//! `event.list`: what happened, from a cursor on.

use super::{Call, Run, page};
use crate::error::Result;
use crate::store::events;
use shared::command::{Limit, ListEvents, Page};
use shared::error::{Code, Refusal};
use shared::event::Event;

impl Run for ListEvents {
    async fn run(self, call: &Call<'_>) -> Result<Page<Event>> {
        let limit = Limit::of(self.limit);
        let read = call.store().read();
        let found = events::after(read, self.after.unwrap_or(0), limit + 1).await?;
        // Asked afterwards: what was swept while the events were read would otherwise be missing without a word.
        let swept = events::swept(read).await?;
        if self.after.is_some_and(|after| after < swept) {
            let detail = format!("events up to {swept} are no longer kept: begin again without `after`");
            return Err(Refusal::new(Code::Gone, detail).into());
        }
        Ok(page(found, limit, |event| event.sequence.to_string()))
    }
}
