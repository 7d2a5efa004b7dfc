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
use crate::store::sessions::{self, StoredSession};
use crate::store::tokens::{self, Known};
use crate::store::{ConnectionTrait, Tx};
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

/// The session behind a secret, as it is at this moment.
async fn look(call: &Call<'_>, secret: &Secret) -> Result<Live> {
    let read = call.store().read();
    check(call, read, found(secret, sessions::by_secret(read, secret)).await?).await
}

/// The same in a transaction that is going to change it.
async fn lock(call: &Call<'_>, tx: &Tx, secret: &Secret) -> Result<Live> {
    check(call, tx.on(), found(secret, sessions::locked_by_secret(tx.on(), secret)).await?).await
}

async fn found(
    secret: &Secret,
    query: impl Future<Output = Result<Option<StoredSession>>>,
) -> Result<Option<StoredSession>> {
    if secret.expose().len() > MOST_BYTES { Ok(None) } else { query.await }
}

async fn check(call: &Call<'_>, on: &impl ConnectionTrait, found: Option<StoredSession>) -> Result<Live> {
    let session = found.filter(|session| session.lives(call.now)).ok_or_else(gone)?;
    let token = match session.user {
        Some(_) => tokens::of_session(on, &call.store().seal, session.id, call.caller.consumer_key()?).await?,
        None => None,
    };
    // Somebody has ended this service's part of the session: that holds until the person signs in again.
    if token.as_ref().is_some_and(|token| token.revoked) {
        return Err(gone().into());
    }
    Ok(Live { session, token })
}
