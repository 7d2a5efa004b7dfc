//! What each command does.
//!
//! [`call`] checks access and dispatches. A command opens at most one transaction, and no hashing is done while it
//! is open. To add a command, implement [`Run`] in the file of its noun.

mod authenticate;
mod consumers;
mod counters;
mod decommission;
mod events;
mod merge;
mod profiles;
mod receipts;
mod sessions;
mod setup;
mod stats;
mod tokens;
mod users;

pub(crate) use counters::Counters;
pub(crate) use setup::new_link;
pub(crate) use tokens::create_many as create_tokens;

use crate::caller::Caller;
use crate::checkers::gate::Gate;
use crate::clock::Clock;
use crate::error::Result;
use crate::settings::SessionLimits;
use crate::store::Store;
use shared::command::{Access, Command, Session, Whoami, WhoamiConsumer, WhoamiReply};
use shared::error::{Code, Refusal};
use shared::timestamp::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// What commands work with.
pub(crate) struct Rooms {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    /// Rung when events were committed, so that this process hears of them at once.
    pub(crate) bell: Arc<Notify>,
    pub(crate) sessions: SessionLimits,
    pub(crate) events_keep: Duration,
    pub(crate) counters: Counters,
    pub(crate) receipt_wait: Duration,
}

/// One call of a command.
pub(crate) struct Call<'a> {
    pub(crate) rooms: &'a Rooms,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
}

impl Call<'_> {
    pub(crate) fn store(&self) -> &Store {
        &self.rooms.store
    }
}

/// A command that can be carried out.
pub(crate) trait Run: Command {
    /// Carries it out. Access was checked.
    async fn run(self, call: &Call<'_>) -> Result<Self::Reply>;

    /// Checks access. Only commands whose word depends on what is in the store say more than this.
    async fn check(&self, call: &Call<'_>) -> Result<()> {
        match self.access() {
            Access::Consumer => Ok(()),
            Access::Word(word) => call.caller.must_hold(&fill_in(&word, call.caller)?),
        }
    }
}

/// Carries out a command for a caller.
pub(crate) async fn call<C: Run>(rooms: &Rooms, caller: &Caller, command: C) -> Result<C::Reply> {
    rooms.counters.count(const { counters::place(C::NAME) });
    let call = Call { rooms, caller, now: rooms.clock.now() };
    command.check(&call).await?;
    command.run(&call).await
}

/// Fills in what an access word leaves open: `me` becomes the caller's user, `{own}` the caller's service.
fn fill_in(word: &str, caller: &Caller) -> Result<String> {
    let mut filled = Vec::new();
    for part in word.split('.') {
        filled.push(match (part, caller.me().user) {
            ("me", Some(user)) => user.to_string(),
            ("{own}", _) => caller.service()?.to_string(),
            _ => part.to_owned(),
        });
    }
    Ok(filled.join("."))
}

/// Refuses if another version was expected than the one there is.
fn check_version(expected: Option<i64>, there: i64) -> Result<()> {
    match expected {
        Some(expected) if expected != there => {
            let detail = format!("version {expected} was expected, and {there} is there");
            Err(Refusal::new(Code::PreconditionFailed, detail).into())
        }
        _ => Ok(()),
    }
}

/// One page out of at most one item too many.
fn page<T>(mut items: Vec<T>, limit: u64, cursor: impl Fn(&T) -> String) -> shared::command::Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    shared::command::Page { items, next }
}

fn bad_cursor() -> Refusal {
    Refusal::invalid("after", "malformed", "not what an earlier page gave as `next`")
}

impl Run for Whoami {
    async fn run(self, call: &Call<'_>) -> Result<WhoamiReply> {
        let consumer = call.caller.consumer();
        let consumer = consumer.ok_or_else(|| Refusal::new(Code::Forbidden, "the operator is nobody in particular"))?;
        let user = match call.caller.token() {
            Some(token) => Some(crate::store::users::must_find(call.store().read(), token.user).await?.user),
            None => None,
        };
        // What the token says of its session is as old as memory: a use since then has put the idle limit off.
        let session = match call.caller.me().session {
            Some(session) => crate::store::sessions::by_id(call.store().read(), session).await?,
            None => None,
        };
        Ok(WhoamiReply {
            consumer: WhoamiConsumer {
                key: consumer.key.clone(),
                label: consumer.label.clone(),
                service: consumer.service.clone(),
            },
            user,
            session: session.map(|s| Session { id: s.id, created_at: s.created_at, expires_at: s.expires_at }),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::settings::PasswordCost;
    use crate::store::tests::store;

    /// Rooms in a folder of their own.
    pub(crate) async fn rooms() -> (testbed::Ground, Rooms) {
        let (folder, store) = store().await;
        let rooms = Rooms {
            store: Arc::new(store),
            clock: Clock::system(),
            gate: Gate::open(1, 8, PasswordCost { memory_kib: 64, passes: 1 }).unwrap(),
            bell: Arc::default(),
            sessions: SessionLimits::default(),
            events_keep: Duration::from_secs(3600),
            counters: Counters::default(),
            receipt_wait: Duration::ZERO,
        };
        (folder, rooms)
    }

    #[test]
    fn access_words_are_filled_in_for_the_caller() {
        assert_eq!(fill_in("users.me.read", &Caller::Operator).unwrap(), "users.me.read");
        assert!(fill_in("users.me.profile.{own}.read", &Caller::Operator).is_err());
    }
}
