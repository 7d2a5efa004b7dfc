//! The table of what services keep in sessions: one row for each session and namespace.

use super::entity::session_data::{ActiveModel, Column, Entity};
use super::{parse, text};
use crate::error::Result;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value};
use shared::command::SessionData;
use shared::id::ServiceName;
use uuid::Uuid;

/// Which of the namespaces of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Namespace<'a> {
    /// Every service's.
    Shared,
    /// This service's own.
    Own(&'a ServiceName),
}

impl Namespace<'_> {
    /// A service cannot be called `*`.
    const SHARED: &'static str = "*";

    fn name(&self) -> &str {
        match self {
            Self::Shared => Self::SHARED,
            Self::Own(service) => service.as_str(),
        }
    }
}

/// What a service sees of a session's data.
pub(crate) async fn get(on: &impl ConnectionTrait, session: Uuid, service: &ServiceName) -> Result<SessionData> {
    let rows = Entity::find()
        .filter(Column::SessionId.eq(session.to_string()))
        .filter(Column::Namespace.is_in([Namespace::SHARED, service.as_str()]))
        .all(on)
        .await?;
    let mut data = SessionData::default();
    for row in rows {
        let document: Map<String, Value> = parse("session_data.document", &row.document)?;
        match row.namespace.as_str() {
            Namespace::SHARED => data.shared = document,
            _ => data.own = document,
        }
    }
    Ok(data)
}

/// Writes one namespace; an empty one has no row.
pub(crate) async fn put(
    on: &impl ConnectionTrait,
    session: Uuid,
    namespace: Namespace<'_>,
    document: &Map<String, Value>,
) -> Result<()> {
    if document.is_empty() {
        Entity::delete_by_id((session.to_string(), namespace.name().to_owned())).exec(on).await?;
        return Ok(());
    }
    let row = ActiveModel {
        session_id: Set(session.to_string()),
        namespace: Set(namespace.name().into()),
        document: Set(text(document)),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::SessionId, Column::Namespace]).update_column(Column::Document).to_owned(),
        )
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Carries everything over, of every service, from one session to another that has nothing yet.
pub(crate) async fn carry(on: &impl ConnectionTrait, from: Uuid, to: Uuid) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SessionId, Expr::value(to.to_string()))
        .filter(Column::SessionId.eq(from.to_string()))
        .exec(on)
        .await?;
    Ok(())
}

/// Forgets what was kept in sessions that are over.
pub(crate) async fn forget(on: &impl ConnectionTrait, sessions: impl IntoIterator<Item = Uuid>) -> Result<()> {
    forget_by_id(on, sessions.into_iter().map(|id| id.to_string()).collect()).await
}

/// The same, by ids as they are stored.
pub(super) async fn forget_by_id(on: &impl ConnectionTrait, ids: Vec<String>) -> Result<()> {
    if !ids.is_empty() {
        Entity::delete_many().filter(Column::SessionId.is_in(ids)).exec(on).await?;
    }
    Ok(())
}
