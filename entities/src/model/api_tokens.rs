//! API tokens, without their hash: only the entrance reads that.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "api_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: Option<String>,
    pub name_sealed: Option<Vec<u8>>,
    pub key_version: Option<i32>,
    pub scopes: Vec<String>,
    pub documents_only: bool,
    pub last_four: String,
    pub created_by: Option<Uuid>,
    pub maker_id: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
    pub last_used_at: Option<ChronoDateTimeUtc>,
    pub revoked_at: Option<ChronoDateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::line::fetched!(impl Model { tenant_id, id, name, name_sealed, key_version, scopes, documents_only, last_four, created_by, maker_id, created_at, expires_at, last_used_at, revoked_at });

impl ActiveModelBehavior for ActiveModel {}
