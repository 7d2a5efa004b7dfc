//! `session.cycle`: a new secret for the same session.

use super::lifetime::{note_use, put_off};
use super::lock;
use crate::chance;
use crate::commands::{Call, Run};
use crate::error::Result;
use crate::store::sessions;
use shared::command::{CycleSession, Cycled};

impl Run for CycleSession {
    /// Of two at once one wins, and the other finds no session: two good values would be one too many.
    async fn run(self, call: &Call<'_>) -> Result<Cycled> {
        let tx = call.store().begin().await?;
        let mut session = lock(call, &tx, &self.sessionid).await?.session;
        let sessionid = chance::session_id();
        sessions::set_secret(tx.on(), session.id, &sessionid).await?;
        if let Some(expires_at) = put_off(&call.rooms.sessions, &session, call.now) {
            note_use(tx.on(), &mut session, call.now, expires_at).await?;
        }
        tx.commit().await?;
        Ok(Cycled { sessionid })
    }
}
