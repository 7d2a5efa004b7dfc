//! The outbox: what happened, written in the transaction in which it happened.
//!
//! Sequence numbers may have gaps, where a transaction was given up, but they are never seen out of order: a number is
//! taken under the lock of the one writer ([`Store::begin`]) and committed before anybody else takes one. Whoever has
//! read up to N has missed nothing before N.
//!
//! [`Store::begin`]: super::Store::begin

use super::direct::Number;
use super::entity::event::{ActiveModel, Column, Entity, Model};
use super::{Store, Tx, known, marks, parse, text};
use crate::error::{Error, Fault, Result};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Map, Value};
use shared::event::{Event, Topic};
use shared::timestamp::Timestamp;

/// Heard by whoever listens once the transaction is committed, and only then.
const NOTIFY: &str = "SELECT pg_notify('countersign_events', '')";

/// The sequence number of the last event, as `number`; 0 if there is none.
pub(super) const LAST: &str = "SELECT coalesce(max(sequence), 0) AS number FROM events";

/// Writes an event and answers its sequence number.
pub(crate) async fn append(
    on: &impl ConnectionTrait,
    at: Timestamp,
    topic: Topic,
    subject: impl ToString,
    data: Value,
) -> Result<i64> {
    let data = match data {
        Value::Object(data) => data,
        _ => Map::new(),
    };
    let row = ActiveModel {
        sequence: NotSet,
        at: Set(at.millis()),
        topic: Set(topic.word().into()),
        subject: Set(subject.to_string()),
        data: Set(text(&data)),
    };
    let sequence = Entity::insert(row).exec(on).await?.last_insert_id;
    if on.get_database_backend() == DbBackend::Postgres {
        on.execute_unprepared(NOTIFY).await?;
    }
    Ok(sequence)
}

/// The sequence number of the last event that is committed, asked the shortest way.
pub(crate) async fn newest(store: &Store) -> Result<i64> {
    Ok(store.one::<Number>(LAST, &[]).await?.ok_or_else(uncounted)?.number)
}

pub(super) fn uncounted() -> Error {
    Fault::Other("the database does not count its events".into()).into()
}

/// The sequence number of the last event; 0 if there is none.
pub(crate) async fn last(on: &impl ConnectionTrait) -> Result<i64> {
    let last = Entity::find()
        .select_only()
        .column(Column::Sequence)
        .order_by_desc(Column::Sequence)
        .limit(1)
        .into_tuple::<i64>()
        .one(on)
        .await?;
    Ok(last.unwrap_or(0))
}

/// Events after a sequence number, in order.
pub(crate) async fn after(on: &impl ConnectionTrait, sequence: i64, limit: u64) -> Result<Vec<Event>> {
    let rows = Entity::find()
        .filter(Column::Sequence.gt(sequence))
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(on)
        .await?;
    rows.into_iter().map(event).collect()
}

/// The mark under which the last event that is no longer kept is noted.
const SWEPT: &str = "events_swept";

/// The sequence number of the last event that is no longer kept; 0 if all are.
pub(crate) async fn swept(on: &impl ConnectionTrait) -> Result<i64> {
    marks::get(on, SWEPT).await?.map_or(Ok(0), |sequence| known("marks.events_swept", &sequence))
}

/// True if the oldest event is from before a moment, and is not the very last one.
pub(crate) async fn any_before(on: &impl ConnectionTrait, before: Timestamp) -> Result<bool> {
    let oldest = Entity::find().order_by_asc(Column::Sequence).limit(2).all(on).await?;
    Ok(oldest.len() == 2 && oldest.first().is_some_and(|row| row.at < before.millis()))
}

/// Removes the oldest events from before a moment, one batch of them, and notes which was the last. The very last event
/// stays: its number says where the next ones begin. True if there may be more.
pub(crate) async fn sweep(tx: &Tx, before: Timestamp, batch: u64) -> Result<bool> {
    let on = tx.on();
    let last = last(on).await?;
    let oldest = Entity::find().order_by_asc(Column::Sequence).limit(batch).all(on).await?;
    let old = oldest.iter().take_while(|row| row.at < before.millis() && row.sequence < last);
    let (count, Some(end)) = old.fold((0, None), |(count, _), row| (count + 1, Some(row.sequence))) else {
        return Ok(false);
    };
    let noted = marks::locked(on, SWEPT).await?.map_or(Ok(0), |sequence| known("marks.events_swept", &sequence))?;
    Entity::delete_many().filter(Column::Sequence.lte(end)).exec(on).await?;
    marks::set(on, SWEPT, &end.max(noted).to_string()).await?;
    Ok(count == batch)
}

fn event(row: Model) -> Result<Event> {
    Ok(Event {
        sequence: row.sequence,
        at: Timestamp::from_millis(row.at),
        topic: Topic::from_word(&row.topic).ok_or(Fault::Damaged("events.topic"))?,
        subject: row.subject,
        data: parse("events.data", &row.data)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{database, store};
    use super::super::{Store, sealed};
    use super::*;
    use crate::chance;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1);

    /// Appends in transactions of differing length, some of which are given up; answers what was committed.
    async fn append_some(store: Store) -> Vec<i64> {
        let mut committed = Vec::new();
        for round in 0..12 {
            let tx = store.begin().await.unwrap();
            let sequence = append(tx.on(), NOW, Topic::UserChanged, round, Value::Null).await.unwrap();
            tokio::time::sleep(Duration::from_millis(u64::from(chance::bytes::<1>()[0]) / 16)).await;
            if round % 4 != 3 {
                tx.commit().await.unwrap();
                committed.push(sequence);
            }
        }
        committed
    }

    /// Several processes write, one reads on from where it was: it must see every number there is, and none below one
    /// that it has seen.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whoever_reads_on_misses_nothing() {
        let (ground, reader) = store().await;
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let store = Store::open(&database(&ground), &[sealed::new_key()]).await.unwrap();
            writers.spawn(append_some(store));
        }
        let (mut seen, mut committed) = (Vec::new(), Vec::new());
        loop {
            let last = seen.last().copied().unwrap_or(0);
            seen.extend(after(reader.read(), last, 5).await.unwrap().iter().map(|event| event.sequence));
            match tokio::time::timeout(Duration::from_millis(1), writers.join_next()).await {
                Ok(Some(more)) => committed.extend(more.unwrap()),
                Ok(None) if last == committed.iter().copied().max().unwrap_or(0) => break,
                _ => {}
            }
        }
        committed.sort_unstable();
        assert_eq!(committed.len(), 36);
        assert_eq!(seen, committed);
    }
}
