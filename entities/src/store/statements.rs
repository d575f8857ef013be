//! Statements, each with the custodian of its account, for decisions by row.

use chrono::NaiveDate;
use countersign_domain::{
    id::{AccountId, ImportId, StatementId, UserId},
    money::{Currency, Money},
    sealed::{StoredText, TextColumn},
    statements::BalanceCheck,
};
use countersign_policies::{ReadScope, resource};
use rust_decimal::Decimal;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QuerySelect, RelationTrait, Select,
    sea_query::Order,
};
use uuid::Uuid;

use super::{Sorted, Stored, by_id, count, currency, money, named, user};
use crate::{
    error::StoreError,
    filter::Columns,
    line::fetched,
    model::{
        accounts,
        statements::{Column, Entity, Relation},
    },
    page::{Keyset, Page, Position, Slice},
    transaction::Reader,
};

/// A bank statement that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Identifier.
    pub id: StatementId,
    /// The account it is of.
    pub account: AccountId,
    /// The import it came with.
    pub import: ImportId,
    /// The bank's own identification of the statement.
    pub reference: Option<StoredText>,
    /// The currency of its balances.
    pub currency: Currency,
    /// The first day.
    pub period_start: Option<NaiveDate>,
    /// The last day.
    pub period_end: Option<NaiveDate>,
    /// The balance before the first entry.
    pub opening: Option<Money>,
    /// The balance after the last entry.
    pub closing: Option<Money>,
    /// Whether the entries lead from the one to the other.
    pub balance_check: BalanceCheck,
    /// How many entries the bank put on it.
    pub transaction_count: u32,
    /// The custodian of the account, for decisions by row.
    pub custodian: Option<UserId>,
    /// Whether the account is personal, for decisions by row.
    pub personal: bool,
}

impl Keyset for Statement {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

fetched! {
    pub(crate) struct Row {
    id: Uuid,
    import_id: Uuid,
    account_id: Uuid,
    reference: Option<String>,
    reference_sealed: Option<Vec<u8>>,
    key_version: Option<i32>,
    currency: String,
    period_start: Option<NaiveDate>,
    period_end: Option<NaiveDate>,
    opening: Option<Decimal>,
    closing: Option<Decimal>,
    balance_check: String,
    transaction_count: i32,
    custodian_id: Option<Uuid>,
    personal: bool,
    }
}

impl TryFrom<Row> for Statement {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let balance = |amount: Option<Decimal>| {
            amount
                .map(|amount| money(amount, currency(&row.currency)?))
                .transpose()
        };
        Ok(Self {
            id: StatementId::new(row.id),
            account: AccountId::new(row.account_id),
            import: ImportId::new(row.import_id),
            opening: balance(row.opening)?,
            closing: balance(row.closing)?,
            currency: currency(&row.currency)?,
            balance_check: named(
                BalanceCheck::from_name(&row.balance_check),
                &row.balance_check,
            )?,
            transaction_count: count(row.transaction_count)?,
            reference: StoredText::of(
                TextColumn::StatementReference,
                row.id,
                row.reference,
                row.reference_sealed,
                row.key_version,
            ),
            period_start: row.period_start,
            period_end: row.period_end,
            custodian: user(row.custodian_id),
            personal: row.personal,
        })
    }
}

impl Stored for resource::Statement {
    type Table = Entity;
    type Row = Row;
    type Item = Statement;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::of_account(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Desc)
    }

    fn rows() -> Select<Entity> {
        Entity::find()
            .join(JoinType::InnerJoin, Relation::Account.def())
            .column(accounts::Column::CustodianId)
            .column(accounts::Column::Personal)
    }
}

impl Reader {
    /// A page of statements, newest import first.
    pub async fn statements(
        &self,
        scope: &ReadScope<resource::Statement>,
        page: &Page,
    ) -> Result<Slice<Statement>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the statements that the scope covers, in any order.
    pub async fn statements_by_id(
        &self,
        scope: &ReadScope<resource::Statement>,
        ids: &[StatementId],
    ) -> Result<Vec<Statement>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }

    /// The statements of one import, in the file's order.
    pub async fn statements_by_import(
        &self,
        scope: &ReadScope<resource::Statement>,
        import: ImportId,
    ) -> Result<Vec<Statement>, StoreError> {
        let of_import = Column::ImportId.eq(import.uuid());
        let mut statements = self.every(scope, of_import).await?;
        statements.sort_by_key(|statement| statement.id);
        Ok(statements)
    }
}
