//! Sessions: begun, used, ended. Whoever knows the secret id speaks for the session; a list knows public ids only.

mod create;
mod cycle;
mod data;
mod end;
mod lifetime;
mod list;
mod resolve;

pub(super) use create::{Begun, begin, carry_over};
pub(super) use end::{Why, end_all, sign_out};

use super::Call;
use crate::error::Result;
use crate::store::Tx;
use crate::store::session_views::{self, SessionView};
use crate::store::sessions::{self, StoredSession};
use crate::store::tokens::{self, Known};
use shared::error::{Code, Refusal};
use shared::secret::Secret;

/// Longer values are no session ids, and not worth a look.
const MOST_BYTES: usize = 128;

/// A session that the caller may use, with the caller's token for it if there is one.
struct Live {
    session: StoredSession,
    token: Option<Known>,
}

/// Unknown, ended, expired: one answer.
fn gone() -> Refusal {
    Refusal::new(Code::NotFound, "there is no such session")
}

/// The session behind a secret, as it is at this moment, and what the caller sees of it.
async fn look(call: &Call<'_>, secret: &Secret) -> Result<SessionView> {
    check_length(secret)?;
    let consumer = call.caller.consumer();
    let (key, service) = (consumer.map(|consumer| &consumer.key), consumer.map(|consumer| &consumer.service));
    let view = session_views::find(call.store(), secret, key, service, call.now).await?.ok_or_else(gone)?;
    if view.session.user.is_some() {
        call.caller.consumer_key()?;
    }
    check_token(view.token.as_ref())?;
    Ok(view)
}

/// The same in a transaction that is going to change it.
async fn lock(call: &Call<'_>, tx: &Tx, secret: &Secret) -> Result<Live> {
    check_length(secret)?;
    let session = sessions::locked_by_secret(tx.on(), secret).await?;
    let session = session.filter(|session| session.lives(call.now)).ok_or_else(gone)?;
    let token = match session.user {
        Some(_) => tokens::of_session(tx.on(), &call.store().seal, session.id, call.caller.consumer_key()?).await?,
        None => None,
    };
    check_token(token.as_ref())?;
    Ok(Live { session, token })
}

fn check_length(secret: &Secret) -> Result<(), Refusal> {
    if secret.expose().len() > MOST_BYTES { Err(gone()) } else { Ok(()) }
}

/// Somebody may have ended this service's part of the session: that holds until the person signs in again.
fn check_token(token: Option<&Known>) -> Result<(), Refusal> {
    if token.is_some_and(|token| token.revoked) { Err(gone()) } else { Ok(()) }
}
