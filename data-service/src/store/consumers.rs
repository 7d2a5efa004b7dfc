//! The tables of consumers and their secrets.

use super::credentials::{ConsumerCredential, LastUse, LiveSecret};
use super::entity::{consumer, consumer_secret};
use super::sealed::Seal;
use super::{known, parse, text, tokens};
use crate::error::{Error, Result};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use shared::command::{Consumer, ConsumerSecret};
use shared::error::{Code, Refusal};
use shared::id::ConsumerKey;
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::sync::OnceLock;
use uuid::Uuid;

/// The row a secret is sealed for.
fn secret_row(consumer: &ConsumerKey, id: &str) -> String {
    format!("consumer_secrets/{consumer}/{id}")
}

/// Adds a consumer, without a secret.
pub(crate) async fn insert(on: &impl ConnectionTrait, consumer: &Consumer) -> Result<()> {
    consumer::Entity::insert(row(consumer)).exec_without_returning(on).await?;
    Ok(())
}

/// Writes a changed consumer back.
pub(crate) async fn update(on: &impl ConnectionTrait, consumer: &Consumer) -> Result<()> {
    let mut row = row(consumer).reset_all();
    row.last_used_at = sea_orm::ActiveValue::NotSet;
    row.update(on).await?;
    Ok(())
}

fn row(consumer: &Consumer) -> consumer::ActiveModel {
    consumer::ActiveModel {
        key: Set(consumer.key.as_str().into()),
        service: Set(consumer.service.as_str().into()),
        label: Set(consumer.label.clone()),
        access: Set(text(&consumer.access)),
        signature_methods: Set(text(&consumer.signature_methods)),
        body_hash: Set(text(&consumer.body_hash)),
        locations: Set(text(&consumer.locations)),
        created_at: Set(consumer.created_at.millis()),
        last_used_at: Set(consumer.last_used_at.map(Timestamp::millis)),
        drained_at: Set(consumer.drained_at.map(Timestamp::millis)),
        revoked_at: Set(consumer.revoked_at.map(Timestamp::millis)),
        version: Set(consumer.version),
    }
}

/// Adds a secret.
pub(crate) async fn insert_secret(
    on: &impl ConnectionTrait,
    seal: &Seal,
    consumer: &ConsumerKey,
    id: Uuid,
    secret: &Secret,
    now: Timestamp,
) -> Result<()> {
    let row = consumer_secret::ActiveModel {
        id: Set(id.to_string()),
        consumer_key: Set(consumer.as_str().into()),
        sealed: Set(seal.seal(&secret_row(consumer, &id.to_string()), secret)),
        created_at: Set(now.millis()),
        retires_at: Set(None),
        last_used_at: Set(None),
    };
    consumer_secret::Entity::insert(row).exec_without_returning(on).await?;
    Ok(())
}

/// Lets every secret but one retire at `end`, those that retire earlier anyway excepted.
pub(crate) async fn retire_others(
    on: &impl ConnectionTrait,
    key: &ConsumerKey,
    but: Uuid,
    end: Timestamp,
) -> Result<()> {
    use consumer_secret::Column;
    consumer_secret::Entity::update_many()
        .col_expr(Column::RetiresAt, Expr::value(end.millis()))
        .filter(Column::ConsumerKey.eq(key.as_str()))
        .filter(Column::Id.ne(but.to_string()))
        .filter(Condition::any().add(Column::RetiresAt.is_null()).add(Column::RetiresAt.gt(end.millis())))
        .exec(on)
        .await?;
    Ok(())
}

async fn secret_rows(on: &impl ConnectionTrait, key: &str) -> Result<Vec<consumer_secret::Model>> {
    use consumer_secret::Column;
    let rows = consumer_secret::Entity::find().filter(Column::ConsumerKey.eq(key)).order_by_desc(Column::Id);
    Ok(rows.all(on).await?)
}

/// What may be known about the secrets that work at `now`, newest first.
pub(crate) async fn live_secrets(
    on: &impl ConnectionTrait,
    key: &ConsumerKey,
    now: Timestamp,
) -> Result<Vec<ConsumerSecret>> {
    let works = |row: &consumer_secret::Model| row.retires_at.is_none_or(|end| now.millis() < end);
    let fact = |row: consumer_secret::Model| {
        Ok(ConsumerSecret {
            id: known("consumer_secrets.id", &row.id)?,
            created_at: Timestamp::from_millis(row.created_at),
            retires_at: row.retires_at.map(Timestamp::from_millis),
            last_used_at: row.last_used_at.map(Timestamp::from_millis),
        })
    };
    secret_rows(on, key.as_str()).await?.into_iter().filter(works).map(fact).collect()
}

/// What the guard needs of a consumer, with the secrets that work at `now`; revoked ones too.
pub(crate) async fn credential(
    on: &impl ConnectionTrait,
    seal: &Seal,
    key: &str,
    now: Timestamp,
) -> Result<Option<ConsumerCredential>> {
    let Some(row) = consumer::Entity::find_by_id(key).one(on).await? else { return Ok(None) };
    let key: ConsumerKey = known("consumers.key", &row.key)?;
    let live = |secret: consumer_secret::Model| {
        let id = known("consumer_secrets.id", &secret.id)?;
        let opened = seal.open(&secret_row(&key, &secret.id), &secret.sealed)?;
        Ok::<_, Error>(LiveSecret {
            id,
            serial: LiveSecret::serial_of(id, &opened),
            secret: opened,
            retires_at: secret.retires_at.map(Timestamp::from_millis),
            last_use: LastUse::default(),
            alone: OnceLock::new(),
        })
    };
    let works = |secret: &consumer_secret::Model| secret.retires_at.is_none_or(|end| now.millis() < end);
    let secrets = secret_rows(on, &row.key).await?.into_iter().filter(works).map(live).collect::<Result<Vec<_>>>()?;
    Ok(Some(ConsumerCredential {
        service: known("consumers.service", &row.service)?,
        label: row.label,
        access: parse("consumers.access", &row.access)?,
        signature_methods: parse("consumers.signature_methods", &row.signature_methods)?,
        body_hash: parse("consumers.body_hash", &row.body_hash)?,
        locations: parse("consumers.locations", &row.locations)?,
        revoked: row.revoked_at.is_some(),
        secrets,
        last_use: LastUse::default(),
        key,
    }))
}

/// A consumer with its live secrets and tokens counted, or `not_found`.
pub(crate) async fn must_find(on: &impl ConnectionTrait, key: &ConsumerKey, now: Timestamp) -> Result<Consumer> {
    let row = consumer::Entity::find_by_id(key.as_str()).one(on).await?;
    let row = row.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such consumer"))?;
    full(on, row, now).await
}

/// Consumers after a key, by key.
pub(crate) async fn list(
    on: &impl ConnectionTrait,
    after: Option<&str>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<Consumer>> {
    let mut query = consumer::Entity::find().order_by_asc(consumer::Column::Key).limit(limit);
    if let Some(after) = after {
        query = query.filter(consumer::Column::Key.gt(after));
    }
    let mut consumers = Vec::new();
    for row in query.all(on).await? {
        consumers.push(full(on, row, now).await?);
    }
    Ok(consumers)
}

async fn full(on: &impl ConnectionTrait, row: consumer::Model, now: Timestamp) -> Result<Consumer> {
    let key: ConsumerKey = known("consumers.key", &row.key)?;
    Ok(Consumer {
        service: known("consumers.service", &row.service)?,
        label: row.label,
        access: parse("consumers.access", &row.access)?,
        signature_methods: parse("consumers.signature_methods", &row.signature_methods)?,
        body_hash: parse("consumers.body_hash", &row.body_hash)?,
        locations: parse("consumers.locations", &row.locations)?,
        secrets: live_secrets(on, &key, now).await?,
        live_tokens: tokens::impact(on, &key, now).await?.tokens,
        created_at: Timestamp::from_millis(row.created_at),
        last_used_at: row.last_used_at.map(Timestamp::from_millis),
        drained_at: row.drained_at.map(Timestamp::from_millis),
        revoked_at: row.revoked_at.map(Timestamp::from_millis),
        version: row.version,
        key,
    })
}

/// True if a consumer is drained.
pub(crate) async fn is_drained(on: &impl ConnectionTrait, key: &ConsumerKey) -> Result<bool> {
    let row = consumer::Entity::find_by_id(key.as_str()).one(on).await?;
    Ok(row.is_some_and(|row| row.drained_at.is_some()))
}

/// True if another consumer belongs to the same service.
pub(crate) async fn others_of_service(on: &impl ConnectionTrait, consumer: &Consumer) -> Result<bool> {
    use consumer::Column;
    let others = consumer::Entity::find()
        .filter(Column::Service.eq(consumer.service.as_str()))
        .filter(Column::Key.ne(consumer.key.as_str()));
    Ok(others.one(on).await?.is_some())
}

/// Removes a consumer, and with it its secrets and tokens.
pub(crate) async fn delete(on: &impl ConnectionTrait, key: &ConsumerKey) -> Result<()> {
    consumer::Entity::delete_by_id(key.as_str()).exec(on).await?;
    Ok(())
}

/// Notes when consumers were last used.
pub(crate) async fn note_uses(on: &impl ConnectionTrait, keys: &[ConsumerKey], at: Timestamp) -> Result<()> {
    use consumer::Column;
    consumer::Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(at.millis()))
        .filter(Column::Key.is_in(keys.iter().map(ConsumerKey::as_str)))
        .exec(on)
        .await?;
    Ok(())
}

/// Notes when secrets were last used.
pub(crate) async fn note_secret_uses(on: &impl ConnectionTrait, ids: &[Uuid], at: Timestamp) -> Result<()> {
    use consumer_secret::Column;
    consumer_secret::Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(at.millis()))
        .filter(Column::Id.is_in(ids.iter().map(Uuid::to_string)))
        .exec(on)
        .await?;
    Ok(())
}

/// The columns of a consumer that a token list shows.
pub(super) async fn names(on: &impl ConnectionTrait, keys: Vec<String>) -> Result<Vec<(String, String, String)>> {
    use consumer::Column;
    Ok(consumer::Entity::find()
        .select_only()
        .columns([Column::Key, Column::Service, Column::Label])
        .filter(Expr::col(Column::Key).is_in(keys))
        .into_tuple()
        .all(on)
        .await?)
}
