//! The table of instances: who runs, and up to which event each has applied.
//!
//! Each process has an id of its own, whatever its name, so that two of one name are two. With each sign of life an
//! instance says until when it may trust its memory without another one; only until then a receipt has to wait for it.
//! On PostgreSQL all times here are the database's, because the clocks of the instances differ.

use super::entity::instance::{Column, Entity};
use super::{Engine, Store};
use crate::error::Result;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Statement,
};
use shared::timestamp::Timestamp;
use std::time::Duration;

/// An instance that has not been seen for this long is not named in receipts any more. If it comes back it begins with an
/// empty memory.
pub(crate) const GONE_AFTER_SECONDS: i64 = 30;

/// A process that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Which it is.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// How long it trusts its memory after a sign of life, at most.
    pub(crate) trust: Duration,
}

/// What is known about an instance.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Instance {
    /// Which process it is.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// The last event it has applied.
    pub(crate) sequence: i64,
    /// When it had said so, in milliseconds.
    pub(crate) confirmed_at: i64,
    /// It may still trust its memory.
    pub(crate) trusting: bool,
}

/// What time it is, as SQL: where several instances write, it is the database that knows.
fn clock(engine: DbBackend, now: Timestamp) -> String {
    match engine {
        DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint".into(),
        _ => now.millis().to_string(),
    }
}

/// Says that an instance begins. On SQLite it is the only one, as the lock on its folder of nonces has shown.
pub(crate) async fn begin(store: &Store, own: &Process, sequence: i64, now: Timestamp) -> Result<()> {
    if store.engine() == Engine::Postgres {
        return report(store, own, sequence, now).await;
    }
    let sql = sign_of_life(DbBackend::Sqlite, own, now);
    if store.wrote_at_once(&[("DELETE FROM instances", &[]), (&sql, &[&own.id, &own.name, &sequence])]) {
        return Ok(());
    }
    let tx = store.begin().await?;
    Entity::delete_many().exec(tx.on()).await?;
    report_on(tx.on(), own, sequence, now).await?;
    tx.commit().await
}

/// Says that an instance lives and how far it has come.
pub(crate) async fn report(store: &Store, own: &Process, sequence: i64, now: Timestamp) -> Result<()> {
    if store.engine() == Engine::Sqlite {
        let sql = sign_of_life(DbBackend::Sqlite, own, now);
        if store.wrote_at_once(&[(&sql, &[&own.id, &own.name, &sequence])]) {
            return Ok(());
        }
    }
    report_on(store.alone(), own, sequence, now).await
}

async fn report_on(on: &impl ConnectionTrait, own: &Process, sequence: i64, now: Timestamp) -> Result<()> {
    let engine = on.get_database_backend();
    let values = [own.id.as_str().into(), own.name.as_str().into(), sequence.into()];
    on.execute_raw(Statement::from_sql_and_values(engine, sign_of_life(engine, own, now), values)).await?;
    Ok(())
}

/// The statement that says so.
fn sign_of_life(engine: DbBackend, own: &Process, now: Timestamp) -> String {
    let (clock, trust) = (clock(engine, now), own.trust.as_millis());
    format!(
        "INSERT INTO instances (id, name, sequence, confirmed_at, seen_at, trusts_until) \
         VALUES ($1, $2, $3, {clock}, {clock}, {clock} + {trust}) ON CONFLICT (id) DO UPDATE SET \
         seen_at = excluded.seen_at, trusts_until = excluded.trusts_until, sequence = excluded.sequence, \
         confirmed_at = CASE WHEN excluded.sequence > instances.sequence THEN excluded.confirmed_at \
         ELSE instances.confirmed_at END"
    )
}

/// The instances that are there: those seen a moment ago, and those named in `awaited` as long as they have not said
/// goodbye. Whoever was alive when a change was committed stays in its receipt.
pub(crate) async fn live(on: &impl ConnectionTrait, awaited: &[String], now: Timestamp) -> Result<Vec<Instance>> {
    let clock = clock(on.get_database_backend(), now);
    let seen = Expr::col(Column::SeenAt).gt(Expr::cust(format!("{clock} - {}", GONE_AFTER_SECONDS * 1000)));
    let instances = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Name, Column::Sequence, Column::ConfirmedAt])
        .expr_as(Expr::col(Column::TrustsUntil).gt(Expr::cust(clock)), "trusting")
        .filter(Condition::any().add(seen).add(Column::Id.is_in(awaited)))
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Id)
        .into_model::<Instance>()
        .all(on)
        .await?;
    let named = |mut instance: Instance| {
        // A version that knows no names has its own for an id, and says nothing about its trust.
        if instance.name.is_empty() {
            (instance.name, instance.trusting) = (instance.id.clone(), true);
        }
        instance
    };
    Ok(instances.into_iter().map(named).collect())
}

/// Forgets an instance that ended.
pub(crate) async fn forget(on: &impl ConnectionTrait, id: &str) -> Result<()> {
    Entity::delete_by_id(id).exec(on).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;

    fn own(id: &str) -> Process {
        Process { id: id.into(), name: "web".into(), trust: Duration::from_secs(7) }
    }

    #[tokio::test]
    async fn two_of_one_name_are_two_and_who_is_long_gone_is_not_named() {
        let (_ground, store) = store().await;
        let now = Timestamp::from_seconds(1_000_000);
        report(&store, &own("a"), 3, now).await.unwrap();
        report(&store, &own("b"), 3, now).await.unwrap();
        let live = async |awaited: &[&str], at: Timestamp| {
            let awaited: Vec<String> = awaited.iter().map(|id| (*id).to_owned()).collect();
            let live = live(store.read(), &awaited, at).await.unwrap();
            live.into_iter().map(|instance| (instance.id, instance.trusting)).collect::<Vec<_>>()
        };
        let (a, b) = (|trusting| ("a".to_owned(), trusting), |trusting| ("b".to_owned(), trusting));
        assert_eq!(live(&[], now).await, [a(true), b(true)]);
        if store.engine() == super::super::Engine::Sqlite {
            // (On PostgreSQL the clock is the database's.)
            let later = now.plus_seconds(8);
            report(&store, &own("b"), 3, later).await.unwrap();
            assert_eq!(live(&[], later).await, [a(false), b(true)], "nobody has to wait for the first");
            let later = now.plus_seconds(GONE_AFTER_SECONDS + 1);
            assert_eq!(live(&[], later).await, [b(false)]);
            assert_eq!(live(&["a"], later).await, [a(false), b(false)], "who was waited for is named");
        }
        forget(store.alone(), "a").await.unwrap();
        assert_eq!(live(&["a"], now).await.len(), 1, "until it says goodbye");
    }

    #[tokio::test]
    async fn who_begins_on_sqlite_is_the_only_one() {
        let (_ground, store) = store().await;
        let now = Timestamp::from_seconds(1_000_000);
        begin(&store, &own("killed"), 3, now).await.unwrap();
        begin(&store, &own("new"), 3, now).await.unwrap();
        let there = live(store.read(), &[], now).await.unwrap();
        let wanted: &[&str] = if store.engine() == Engine::Sqlite { &["new"] } else { &["killed", "new"] };
        assert_eq!(there.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), wanted);
    }

    #[tokio::test]
    async fn a_sign_of_life_confirms_nothing_new() {
        let (_ground, store) = store().await;
        let now = Timestamp::from_seconds(1_000_000);
        let confirmed = async || live(store.read(), &["a".into()], now).await.unwrap().remove(0).confirmed_at;
        report(&store, &own("a"), 3, now).await.unwrap();
        let first = confirmed().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        report(&store, &own("a"), 3, now.plus_seconds(7)).await.unwrap();
        assert_eq!(confirmed().await, first);
        report(&store, &own("a"), 4, now.plus_seconds(9)).await.unwrap();
        assert!(confirmed().await > first);
    }
}
