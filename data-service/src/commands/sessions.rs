//! Sessions: from the cookie to the user, and its end.

use super::authenticate::make_token;
use super::{Call, Run};
use crate::error::Result;
use crate::store::tokens::Which;
use crate::store::{events, sessions, tokens, users};
use serde_json::json;
use shared::command::{EndSession, ResolveSession, Resolved};
use shared::error::{Code, Refusal};
use shared::event::Topic;

impl Run for ResolveSession {
    async fn run(self, call: &Call<'_>) -> Result<Resolved> {
        let consumer = call.caller.consumer_key()?;
        let gone = || Refusal::new(Code::NotFound, "there is no such session");
        let read = call.store().read();
        let session =
            sessions::by_secret(read, &self.sessionid).await?.filter(|s| s.lives(call.now)).ok_or_else(gone)?;
        let account = users::must_find(read, session.user).await?;
        if account.user.disabled_at.is_some() {
            return Err(gone().into());
        }
        let known = tokens::of_session(read, &call.store().seal, session.id, consumer).await?;
        let (token, secret) = match known {
            // Somebody has ended this service's part of the session: that holds until the person signs in again.
            Some(known) if known.revoked => return Err(gone().into()),
            Some(known) => (known.token, known.secret),
            None => {
                let tx = call.store().begin().await?;
                // Two at once, or a logout in between: look again where nobody else can write.
                let lives = sessions::by_id(tx.on(), session.id).await?.is_some_and(|s| s.lives(call.now));
                let there = tokens::of_session(tx.on(), &call.store().seal, session.id, consumer).await?;
                match there {
                    _ if !lives => return Err(gone().into()),
                    Some(there) if there.revoked => return Err(gone().into()),
                    Some(there) => (there.token, there.secret),
                    None => {
                        let made = make_token(call, tx.on(), consumer, &session).await?;
                        tx.commit().await?;
                        made
                    }
                }
            }
        };
        Ok(Resolved {
            id: session.id,
            user: Some(account.user),
            token,
            secret,
            version: session.version,
            created_at: session.created_at,
            expires_at: session.expires_at,
        })
    }
}

impl Run for EndSession {
    async fn run(self, call: &Call<'_>) -> Result<()> {
        let tx = call.store().begin().await?;
        let Some(session) = sessions::by_secret(tx.on(), &self.sessionid).await? else { return Ok(()) };
        if !sessions::end(tx.on(), session.id, call.now).await? {
            return Ok(());
        }
        let ended = tokens::revoke(tx.on(), Which::Session(session.id), call.now).await?;
        let data = json!({ "user": session.user, "tokens": ended });
        let sequence = events::append(tx.on(), call.now, Topic::SessionEnded, session.id, data).await?;
        tx.commit().await?;
        // Logged out means logged out everywhere by the time the answer is there.
        call.receipt(sequence, Default::default()).await?;
        Ok(())
    }
}
