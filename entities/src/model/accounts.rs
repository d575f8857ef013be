//! Bank accounts.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "countersign", table_name = "accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub currency: String,
    pub number: Option<String>,
    pub number_sealed: Option<Vec<u8>>,
    pub number_index: Option<Vec<u8>>,
    pub key_version: Option<i32>,
    pub custodian_id: Option<Uuid>,
    pub personal: bool,
    pub balance: Option<Decimal>,
    pub balance_on: Option<Date>,
    pub created_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

crate::line::fetched!(impl Model { tenant_id, id, name, currency, number, number_sealed, number_index, key_version, custodian_id, personal, balance, balance_on, created_at });

impl ActiveModelBehavior for ActiveModel {}
