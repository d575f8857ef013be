//! Credentials at outside providers, without what is sealed of them: only the vault reads that.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "credentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub provider: String,
    pub name_sealed: Vec<u8>,
    pub prefix: String,
    pub key_version: i32,
    pub created_by: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
    pub checked_at: Option<ChronoDateTimeUtc>,
    pub check_outcome: Option<String>,
    pub revoked_at: Option<ChronoDateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::line::fetched!(impl Model { tenant_id, id, provider, name_sealed, prefix, key_version, created_by, created_at, checked_at, check_outcome, revoked_at });

impl ActiveModelBehavior for ActiveModel {}
