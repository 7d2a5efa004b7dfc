//! Taking a service out of use in steps: drained, so that no new token is made; revoked, so that nothing of it is
//! accepted; purged, so that nothing of it is left.

use super::{Call, Run};
use crate::error::Result;
use crate::store::{ConnectionTrait, consumers, events, profiles, tokens};
use serde_json::json;
use shared::command::{Consumer, DrainConsumer, PurgeConsumer, Purged, UndrainConsumer};
use shared::error::{Code, Refusal};
use shared::event::Topic;
use shared::id::ConsumerKey;
use shared::timestamp::Timestamp;

impl Run for DrainConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Consumer> {
        set_drained(call, &self.key, Some(call.now)).await
    }
}

impl Run for UndrainConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Consumer> {
        set_drained(call, &self.key, None).await
    }
}

/// No receipt is needed: tokens are made in transactions that look at this row, on whatever instance.
async fn set_drained(call: &Call<'_>, key: &ConsumerKey, since: Option<Timestamp>) -> Result<Consumer> {
    let tx = call.store().begin().await?;
    let mut consumer = consumers::must_find(tx.on(), key, call.now).await?;
    if consumer.revoked_at.is_some() {
        return Err(Refusal::new(Code::Conflict, "this consumer is revoked").into());
    }
    if consumer.drained_at.is_some() == since.is_some() {
        return Ok(consumer);
    }
    consumer.drained_at = since;
    consumer.version += 1;
    consumers::update(tx.on(), &consumer).await?;
    let data = json!({ "fields": ["drained_at"], "drained": since.is_some() });
    events::append(tx.on(), call.now, Topic::ConsumerChanged, key, data).await?;
    tx.commit().await?;
    call.rooms.bell.notify_one();
    Ok(consumer)
}

/// Refuses to make a token for a consumer that is drained. Asked in the transaction that makes it: there is one writer
/// at a time, so whoever drains afterwards counts that token, and whoever drained before is seen.
pub(super) async fn check_not_drained(on: &impl ConnectionTrait, key: &ConsumerKey) -> Result<()> {
    if consumers::is_drained(on, key).await? { Err(drained().into()) } else { Ok(()) }
}

fn drained() -> Refusal {
    Refusal::new(Code::ConsumerDrained, "this consumer is drained: it is given no new tokens")
}

impl Run for PurgeConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Purged> {
        let tx = call.store().begin().await?;
        let consumer = consumers::must_find(tx.on(), &self.key, call.now).await?;
        if consumer.revoked_at.is_none() {
            let detail = "only a revoked consumer can be purged: revoke it first";
            return Err(Refusal::new(Code::Conflict, detail).into());
        }
        let profiles = match self.profiles {
            false => 0,
            // What a service keeps about people belongs to the service, not to one of its consumers.
            true if consumers::others_of_service(tx.on(), &consumer).await? => {
                let detail = "the service has another consumer, and its profiles belong to both";
                return Err(Refusal::new(Code::Conflict, detail).into());
            }
            true => profiles::delete_of_service(tx.on(), &consumer.service).await?,
        };
        let tokens = tokens::delete_of_consumer(tx.on(), &self.key).await?;
        consumers::delete(tx.on(), &self.key).await?;
        let data = json!({ "service": consumer.service, "tokens": tokens, "profiles": profiles });
        events::append(tx.on(), call.now, Topic::ConsumerPurged, &self.key, data).await?;
        tx.commit().await?;
        call.rooms.bell.notify_one();
        Ok(Purged { key: self.key, tokens, profiles })
    }
}
