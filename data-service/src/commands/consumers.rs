//! Consumers: registered, changed, rotated, revoked, while everything runs.

use super::users::check_access;
use super::{Call, Run, check_version, page};
use crate::chance;
use crate::error::{Fault, Result};
use crate::store::tokens::Which;
use crate::store::{consumers, events, tokens};
use serde_json::json;
use shared::acl::AccessList;
use shared::command::{
    Consumer, ConsumerCreated, CreateConsumer, Ended, GetConsumer, GetConsumerImpact, Impact, Limit, ListConsumers,
    Page, Receipt, RevokeConsumer, RotateConsumer, Rotated, UpdateConsumer,
};
use shared::error::{Code, Refusal};
use shared::event::Topic;
use shared::oauth1::{Location, SignatureMethod};

const DAY: i64 = 24 * 3600;
/// The longest overlap of two secrets: a year.
const LONGEST_OVERLAP: i64 = 366 * DAY;
/// Secrets that may be alive at once.
const MOST_SECRETS: usize = 4;

impl Run for CreateConsumer {
    async fn run(self, call: &Call<'_>) -> Result<ConsumerCreated> {
        let key = format!("{}-{}", self.service, chance::key("c").trim_start_matches("c_"));
        let consumer = Consumer {
            key: key.parse().map_err(|e| Fault::Other(format!("a consumer key: {e}")))?,
            label: self.label.unwrap_or_else(|| self.service.to_string()),
            service: self.service,
            access: self.access.unwrap_or_else(AccessList::ordinary_consumer),
            signature_methods: self.signature_methods.unwrap_or_else(|| SignatureMethod::ALL.to_vec()),
            body_hash: self.body_hash.unwrap_or_default(),
            locations: self.locations.unwrap_or_else(|| vec![Location::Header]),
            secrets: Vec::new(),
            live_tokens: 0,
            created_at: call.now,
            last_used_at: None,
            drained_at: None,
            revoked_at: None,
            version: 1,
        };
        check(&consumer)?;
        check_access(call, &consumer.access)?;
        let secret = chance::signing_secret(['c', 's']);
        let tx = call.store().begin().await?;
        consumers::insert(tx.on(), &consumer).await?;
        let id = chance::id(call.now);
        consumers::insert_secret(tx.on(), &call.store().seal, &consumer.key, id, &secret, call.now).await?;
        let data = json!({ "service": consumer.service });
        events::append(tx.on(), call.now, Topic::ConsumerCreated, &consumer.key, data).await?;
        let consumer = consumers::must_find(tx.on(), &consumer.key, call.now).await?;
        tx.commit().await?;
        Ok(ConsumerCreated { secret, consumer })
    }
}

impl Run for ListConsumers {
    async fn run(self, call: &Call<'_>) -> Result<Page<Consumer>> {
        let limit = Limit::of(self.limit);
        let items = consumers::list(call.store().read(), self.after.as_deref(), limit + 1, call.now).await?;
        Ok(page(items, limit, |consumer| consumer.key.to_string()))
    }
}

impl Run for GetConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Consumer> {
        consumers::must_find(call.store().read(), &self.key, call.now).await
    }
}

impl Run for GetConsumerImpact {
    async fn run(self, call: &Call<'_>) -> Result<Impact> {
        let consumer = consumers::must_find(call.store().read(), &self.key, call.now).await?;
        let impact = tokens::impact(call.store().read(), &self.key, call.now).await?;
        Ok(Impact { last_used_at: consumer.last_used_at, ..impact })
    }
}

impl Run for UpdateConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Consumer> {
        let tx = call.store().begin().await?;
        let mut consumer = consumers::must_find(tx.on(), &self.key, call.now).await?;
        check_version(self.if_match, consumer.version)?;
        // Nor may a caller change what holds more than they do.
        call.caller.must_be_able_to_grant(&consumer.access)?;
        let patch = self.patch;
        let fields = json!(patch).as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        let fields: Vec<String> = fields;
        if let Some(label) = patch.label {
            consumer.label = label.unwrap_or_else(|| consumer.service.to_string());
        }
        if let Some(access) = patch.access {
            check_access(call, &access)?;
            consumer.access = access;
        }
        consumer.signature_methods = patch.signature_methods.unwrap_or(consumer.signature_methods);
        consumer.body_hash = patch.body_hash.unwrap_or(consumer.body_hash);
        consumer.locations = patch.locations.unwrap_or(consumer.locations);
        check(&consumer)?;
        consumer.version += 1;
        consumers::update(tx.on(), &consumer).await?;
        let data = json!({ "fields": fields });
        let sequence = events::append(tx.on(), call.now, Topic::ConsumerChanged, &consumer.key, data).await?;
        tx.commit().await?;
        call.receipt(sequence, Ended::default()).await?;
        Ok(consumer)
    }
}

impl Run for RotateConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Rotated> {
        let overlap = self.overlap_seconds.unwrap_or(DAY);
        if !(0..=LONGEST_OVERLAP).contains(&overlap) {
            return Err(Refusal::invalid("overlap_seconds", "out_of_range", "0 to a year, in seconds").into());
        }
        let (id, secret) = (chance::id(call.now), chance::signing_secret(['c', 's']));
        let tx = call.store().begin().await?;
        let consumer = consumers::must_find(tx.on(), &self.key, call.now).await?;
        if consumer.revoked_at.is_some() {
            return Err(Refusal::new(Code::Conflict, "this consumer is revoked").into());
        }
        // A new secret of another consumer is all that consumer may do.
        if call.caller.consumer().is_none_or(|own| own.key != self.key) {
            call.caller.must_be_able_to_grant(&consumer.access)?;
        }
        if overlap > 0 && consumer.secrets.len() >= MOST_SECRETS {
            let detail = "four secrets are alive already: wait for one to retire, or rotate with an overlap of 0";
            return Err(Refusal::new(Code::Conflict, detail).into());
        }
        consumers::insert_secret(tx.on(), &call.store().seal, &self.key, id, &secret, call.now).await?;
        consumers::retire_others(tx.on(), &self.key, id, call.now.plus_seconds(overlap)).await?;
        let data = json!({ "overlap_seconds": overlap });
        let sequence = events::append(tx.on(), call.now, Topic::ConsumerRotated, &self.key, data).await?;
        let secrets = consumers::live_secrets(tx.on(), &self.key, call.now).await?;
        tx.commit().await?;
        let receipt = call.receipt(sequence, Ended::default()).await?;
        Ok(Rotated { key: self.key, secret, id, secrets, receipt })
    }
}

impl Run for RevokeConsumer {
    async fn run(self, call: &Call<'_>) -> Result<Receipt> {
        let tx = call.store().begin().await?;
        let mut consumer = consumers::must_find(tx.on(), &self.key, call.now).await?;
        consumer.revoked_at.get_or_insert(call.now);
        consumer.version += 1;
        consumers::update(tx.on(), &consumer).await?;
        let impact = tokens::impact(tx.on(), &self.key, call.now).await?;
        tokens::revoke(tx.on(), Which::Consumer(&self.key), call.now).await?;
        let ended = Ended { tokens: impact.tokens, sessions: impact.sessions };
        let sequence = events::append(tx.on(), call.now, Topic::ConsumerRevoked, &self.key, json!(ended)).await?;
        tx.commit().await?;
        call.receipt(sequence, ended).await
    }
}

fn check(consumer: &Consumer) -> Result<(), Refusal> {
    let invalid = |field, detail: &str| Err(Refusal::invalid(field, "malformed", detail));
    if consumer.label.trim().is_empty()
        || consumer.label.chars().count() > 200
        || consumer.label.chars().any(char::is_control)
    {
        return invalid("label", "1 to 200 characters, no control characters");
    }
    if consumer.signature_methods.is_empty() {
        return invalid("signature_methods", "at least one");
    }
    if consumer.locations.is_empty() {
        return invalid("locations", "at least one of header, query, body");
    }
    Ok(())
}
