//! The table of instances: who runs, and up to which event each has applied.
//!
//! Each process has an id of its own, whatever its name, so that two of one name are two. On PostgreSQL all times here
//! are the database's, because the clocks of the instances differ.

use super::Store;
use super::entity::instance::{Column, Entity, Model};
use crate::error::Result;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Statement,
};
use shared::timestamp::Timestamp;

/// An instance that has not been seen for this long is no more: it stops trusting its own memory much earlier, and
/// begins with an empty one if it comes back.
pub(crate) const GONE_AFTER_SECONDS: i64 = 30;

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Which process it is.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// The last event it has applied.
    pub(crate) sequence: i64,
    /// When it had said so.
    pub(crate) confirmed_at: Timestamp,
}

/// What time it is, as SQL: where several instances write, it is the database that knows.
fn clock(engine: DbBackend, now: Timestamp) -> String {
    match engine {
        DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint".into(),
        _ => now.millis().to_string(),
    }
}

/// Says that an instance lives and how far it has come.
pub(crate) async fn report(store: &Store, own: &Instance, now: Timestamp) -> Result<()> {
    let on = store.alone();
    let engine = on.get_database_backend();
    let clock = clock(engine, now);
    let sql = format!(
        "INSERT INTO instances (id, name, sequence, confirmed_at, seen_at) VALUES ($1, $2, $3, {clock}, {clock}) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, sequence = excluded.sequence, \
         confirmed_at = CASE WHEN excluded.sequence > instances.sequence THEN excluded.confirmed_at \
         ELSE instances.confirmed_at END"
    );
    let values = [own.id.as_str().into(), own.name.as_str().into(), own.sequence.into()];
    on.execute_raw(Statement::from_sql_and_values(engine, sql, values)).await?;
    Ok(())
}

/// The instances that are there: those seen a moment ago, and those named in `awaited` as long as they have not said
/// goodbye. Whoever was alive when a change was committed stays in its receipt.
pub(crate) async fn live(on: &impl ConnectionTrait, awaited: &[String], now: Timestamp) -> Result<Vec<Instance>> {
    let clock = clock(on.get_database_backend(), now);
    let seen = Expr::col(Column::SeenAt).gt(Expr::cust(format!("{clock} - {}", GONE_AFTER_SECONDS * 1000)));
    let rows = Entity::find()
        .filter(Condition::any().add(seen).add(Column::Id.is_in(awaited)))
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Id)
        .all(on)
        .await?;
    Ok(rows.into_iter().map(instance).collect())
}

fn instance(row: Model) -> Instance {
    Instance {
        // A version that knows no names has its own for an id.
        name: if row.name.is_empty() { row.id.clone() } else { row.name },
        id: row.id,
        sequence: row.sequence,
        confirmed_at: Timestamp::from_millis(row.confirmed_at),
    }
}

/// Forgets an instance that ended.
pub(crate) async fn forget(store: &Store, id: &str) -> Result<()> {
    Entity::delete_by_id(id).exec(store.alone()).await?;
    Ok(())
}

/// Forgets all instances: on SQLite there is only one, and it is about to start.
pub(crate) async fn forget_all(on: &impl ConnectionTrait) -> Result<()> {
    Entity::delete_many().exec(on).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;

    #[tokio::test]
    async fn two_of_one_name_are_two_and_who_is_long_gone_is_not_waited_for() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(1_000_000);
        let own = |id: &str| Instance { id: id.into(), name: "web".into(), sequence: 3, confirmed_at: now };
        report(&store, &own("a"), now).await.unwrap();
        report(&store, &own("b"), now).await.unwrap();
        let ids = async |awaited: &[String], at: Timestamp| {
            let live = live(store.read(), awaited, at).await.unwrap();
            live.into_iter().map(|instance| instance.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&[], now).await, ["a", "b"]);
        if store.engine() == super::super::Engine::Postgres {
            return; // there the clock is the database's
        }
        let later = now.plus_seconds(GONE_AFTER_SECONDS + 1);
        report(&store, &own("b"), later).await.unwrap();
        assert_eq!(ids(&[], later).await, ["b"]);
        assert_eq!(ids(&["a".into()], later).await, ["a", "b"], "whoever was waited for stays waited for");
        forget(&store, "a").await.unwrap();
        assert_eq!(ids(&["a".into()], later).await, ["b"], "until it says goodbye");
    }

    #[tokio::test]
    async fn a_sign_of_life_confirms_nothing_new() {
        let (_folder, store) = store().await;
        let now = Timestamp::from_seconds(1_000_000);
        let own = Instance { id: "a".into(), name: "web".into(), sequence: 3, confirmed_at: now };
        report(&store, &own, now).await.unwrap();
        let confirmed = async || live(store.read(), &["a".into()], now).await.unwrap().remove(0).confirmed_at;
        let first = confirmed().await;
        report(&store, &own, now.plus_seconds(7)).await.unwrap();
        assert_eq!(confirmed().await, first);
        report(&store, &Instance { sequence: 4, ..own }, now.plus_seconds(9)).await.unwrap();
        assert!(confirmed().await > first);
    }
}
