//! A service.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consumers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub service: String,
    pub label: String,
    pub access: String,
    pub signature_methods: String,
    pub body_hash: String,
    pub locations: String,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
    pub drained_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
