//! Booked movements of money.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "transactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub statement_id: Uuid,
    pub category_id: Option<Uuid>,
    pub booked_on: Date,
    pub value_on: Option<Date>,
    pub currency: String,
    pub amount: Decimal,
    pub magnitude: String,
    pub counterparty: Option<String>,
    pub description: String,
    pub reference: Option<String>,
    pub fingerprint: Vec<u8>,
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
