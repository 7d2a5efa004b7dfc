//! Tokens: made for jobs, listed, ended.

use super::authenticate::new_pair;
use super::decommission::check_not_drained;
use super::sessions::sign_out;
use super::{Call, Run, bad_cursor, page};
use crate::error::{Fault, Result};
use crate::store::tokens::{NewToken, Which};
use crate::store::{consumers, events, sessions, tokens, users};
use serde_json::json;
use shared::command::{CreateToken, Ended, Limit, ListTokens, Page, Receipt, RevokeToken, Token, TokenCreated};
use shared::error::{Code, Refusal};
use shared::event::Topic;
use shared::id::{TokenKey, TokenRef};
use uuid::Uuid;

const DAY: i64 = 24 * 3600;
const LIFETIME: i64 = 30 * DAY;
const LONGEST: i64 = 3650 * DAY;

/// Tokens that one statement makes.
const BATCH: usize = 500;

impl Run for CreateToken {
    async fn run(self, call: &Call<'_>) -> Result<TokenCreated> {
        let made = create_many(call, self, 1).await?;
        made.into_iter().next().ok_or_else(|| Fault::Other("one token was asked for, and none was made".into()).into())
    }
}

/// Makes as many tokens as asked for, in one transaction.
pub(crate) async fn create_many(call: &Call<'_>, command: CreateToken, count: usize) -> Result<Vec<TokenCreated>> {
    let seconds = command.expires_in.unwrap_or(LIFETIME);
    if !(1..=LONGEST).contains(&seconds) {
        return Err(Refusal::invalid("expires_in", "out_of_range", "1 second to ten years, in seconds").into());
    }
    let expires_at = call.now.plus_seconds(seconds);
    let tx = call.store().begin().await?;
    let account = users::must_find(tx.on(), command.user).await?;
    let consumer = consumers::must_find(tx.on(), &command.consumer, call.now).await?;
    if account.user.disabled_at.is_some() {
        return Err(Refusal::new(Code::Conflict, "this user is disabled").into());
    }
    if consumer.revoked_at.is_some() {
        return Err(Refusal::new(Code::Conflict, "this consumer is revoked").into());
    }
    check_not_drained(tx.on(), &consumer.key).await?;
    // A token acts with its user's rights: whoever makes one must hold them.
    call.caller.must_be_able_to_act_for(account.user.id, &account.access)?;
    let mut made = Vec::with_capacity(count);
    for _ in 0..count {
        let (token, secret) = new_pair()?;
        made.push(TokenCreated { token, secret, user: command.user, consumer: consumer.key.clone(), expires_at });
    }
    for batch in made.chunks(BATCH) {
        let rows = batch.iter().map(|new| NewToken {
            token: &new.token,
            secret: &new.secret,
            consumer: &new.consumer,
            user: new.user,
            session: None,
            expires_at,
        });
        tokens::insert(tx.on(), &call.store().seal, rows, call.now).await?;
    }
    tx.commit().await?;
    Ok(made)
}

impl Run for ListTokens {
    async fn run(self, call: &Call<'_>) -> Result<Page<Token>> {
        let user = call.caller.user(self.id)?;
        let limit = Limit::of(self.limit);
        let after = match &self.after {
            None => None,
            Some(cursor) => {
                let (created_at, token) = cursor.split_once('.').ok_or_else(bad_cursor)?;
                Some((created_at.parse().map_err(|_| bad_cursor())?, token.to_owned()))
            }
        };
        users::must_find(call.store().read(), user).await?;
        let items = tokens::list(call.store().read(), user, after, limit + 1, call.now).await?;
        Ok(page(items, limit, |token| format!("{}.{}", token.created_at.millis(), token.token)))
    }
}

impl Run for RevokeToken {
    /// The word depends on whose the token is. Whoever may not end it is not told that it exists.
    async fn check(&self, call: &Call<'_>) -> Result<()> {
        let TokenRef::Key(token) = &self.token else { return Ok(()) };
        let owner = tokens::owner(call.store().read(), token).await?.map(|(user, _)| user);
        let word = format!("tokens.{}.revoke", owner.unwrap_or(Uuid::nil()));
        call.caller.must_hold(&word).map_err(|_| no_such_token().into())
    }

    async fn run(self, call: &Call<'_>) -> Result<Receipt> {
        match self.token {
            TokenRef::Key(token) => end_token(call, &token).await,
            TokenRef::Own => {
                let own = call
                    .caller
                    .token()
                    .ok_or_else(|| Refusal::new(Code::NotFound, "this request carries no token that could be ended"))?;
                match own.session() {
                    Some(session) => end_session(call, session.id).await,
                    None => {
                        let token = own.token.text().as_str().parse().map_err(|_| Fault::Damaged("tokens.token"))?;
                        end_token(call, &token).await
                    }
                }
            }
        }
    }
}

fn no_such_token() -> Refusal {
    Refusal::new(Code::NotFound, "there is no such token")
}

async fn end_token(call: &Call<'_>, token: &TokenKey) -> Result<Receipt> {
    let tx = call.store().begin().await?;
    let (user, session) = tokens::owner(tx.on(), token).await?.ok_or_else(no_such_token)?;
    let ended = tokens::revoke(tx.on(), Which::Token(token), call.now).await?;
    let data = json!({ "user": user, "session": session });
    let sequence = events::append(tx.on(), call.now, Topic::TokenRevoked, token, data).await?;
    tx.commit().await?;
    call.receipt(sequence, Ended { tokens: ended, sessions: 0 }).await
}

async fn end_session(call: &Call<'_>, session: Uuid) -> Result<Receipt> {
    let tx = call.store().begin().await?;
    let session = sessions::locked_by_id(tx.on(), session).await?.filter(|session| !session.ended);
    let session = session.ok_or_else(no_such_token)?;
    let (ended, last) = sign_out(call, &tx, session).await?;
    tx.commit().await?;
    call.receipt(last.unwrap_or_default(), ended).await
}
