//! `stats`: how this instance is doing.

use super::{Call, Run};
use crate::error::Result;
use crate::store::{sessions, tokens};
use shared::command::{GetStats, Stats};

impl Run for GetStats {
    async fn run(self, call: &Call<'_>) -> Result<Stats> {
        let (read, counters) = (call.store().read(), &call.rooms.counters);
        Ok(Stats {
            uptime_seconds: counters.uptime(),
            requests: counters.all(),
            sessions: sessions::count_live(read, call.now).await?,
            tokens: tokens::count_live(read, call.now).await?,
        })
    }
}
