//! `session.list`: where somebody is signed in.

use crate::commands::{Call, Run, bad_cursor, page};
use crate::error::Result;
use crate::store::{sessions, users};
use shared::command::{Limit, ListSessions, Page, SessionSeen};

impl Run for ListSessions {
    async fn run(self, call: &Call<'_>) -> Result<Page<SessionSeen>> {
        let user = call.caller.user(self.id)?;
        let limit = Limit::of(self.limit);
        let after = self.after.map(|id| id.parse().map_err(|_| bad_cursor())).transpose()?;
        users::must_find(call.store().read(), user).await?;
        let found = sessions::list(call.store().read(), user, after, limit + 1, call.now).await?;
        let current = call.caller.me().session;
        let items = found.into_iter().map(|session| SessionSeen {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: Some(session.id) == current,
        });
        Ok(page(items.collect(), limit, |session| session.id.to_string()))
    }
}
