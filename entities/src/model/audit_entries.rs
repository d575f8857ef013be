//! The audit log.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub encoding: i16,
    pub id: Uuid,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
    pub signature: Vec<u8>,
    pub actor_kind: String,
    pub actor_id: String,
    pub action: String,
    pub permission: String,
    pub policies: Option<Vec<u8>>,
    pub outcome: String,
    pub targets: Vec<String>,
    pub request_id: Uuid,
    pub source: Option<String>,
    pub payload: String,
    pub occurred_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
