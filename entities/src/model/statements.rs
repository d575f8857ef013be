//! Bank statements.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "statements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub import_id: Uuid,
    pub account_id: Uuid,
    pub reference: Option<String>,
    pub reference_sealed: Option<Vec<u8>>,
    pub key_version: Option<i32>,
    pub currency: String,
    pub period_start: Option<Date>,
    pub period_end: Option<Date>,
    pub opening: Option<Decimal>,
    pub closing: Option<Decimal>,
    pub balance_check: String,
    pub transaction_count: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::accounts::Entity",
        from = "(Column::TenantId, Column::AccountId)",
        to = "(super::accounts::Column::TenantId, super::accounts::Column::Id)"
    )]
    Account,
}

impl ActiveModelBehavior for ActiveModel {}
