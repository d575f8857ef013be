//! Imports of files.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "imports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub file_name: Option<String>,
    pub file_name_sealed: Option<Vec<u8>>,
    pub key_version: Option<i32>,
    pub format: String,
    pub sha256: Vec<u8>,
    pub byte_count: i32,
    pub statement_count: i32,
    pub added_count: i32,
    pub duplicate_count: i32,
    /// In whose care every account that it wrote to is.
    pub custodian_id: Option<Uuid>,
    /// Whether any account that it wrote to is personal.
    pub personal: bool,
    /// The account of its first statement: a file is imported once into it.
    pub account_id: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::line::fetched!(impl Model { tenant_id, id, file_name, file_name_sealed, key_version, format, sha256, byte_count, statement_count, added_count, duplicate_count, custodian_id, personal, account_id, created_at });

impl ActiveModelBehavior for ActiveModel {}
