//! Transactions, each with the custodian of its account, for decisions by row.

mod cells;
mod custody;
mod found;

use chrono::NaiveDate;
use countersign_domain::{
    books::Transaction,
    id::{AccountId, CategoryId, StatementId, TransactionId},
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
    Select,
    sea_query::{Expr, Order},
};
use uuid::Uuid;

pub use self::custody::{Beside, Pointed};
use self::{
    cells::{Amount, Code},
    custody::Reach,
};
use super::{Sorted, Stored, first, items, money, one_row, paged, slice, user};
use crate::{
    error::{StoreError, WriteError},
    filter::{Columns, TransactionFilter},
    line::fetched,
    model::{
        accounts,
        transactions::{Column, Entity, Relation},
    },
    page::{Direction, Keyset, Page, Position, Slice, SortKey},
    transaction::{Reader, WriteTransaction},
};

impl Keyset for Transaction {
    fn position(&self) -> Position {
        Position {
            sort: SortKey::Date(self.booked_on),
            id: self.id.uuid(),
        }
    }
}

fetched! {
    pub(crate) struct Row {
    id: Uuid,
    pub(super) account_id: Uuid,
    statement_id: Uuid,
    category_id: Option<Uuid>,
    booked_on: NaiveDate,
    value_on: Option<NaiveDate>,
    currency: Code,
    amount: Amount,
    counterparty: Option<String>,
    description: String,
    reference: Option<String>,
    // Of the account. `None` where the account was not read with the row.
    pub(super) custodian_id: Option<Uuid>,
    pub(super) personal: Option<bool>,
    }
}

fetched! {
    struct Count {
        count: i64,
    }
}

impl TryFrom<Row> for Transaction {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: TransactionId::new(row.id),
            account: AccountId::new(row.account_id),
            statement: StatementId::new(row.statement_id),
            category: row.category_id.map(CategoryId::new),
            booked_on: row.booked_on,
            value_on: row.value_on,
            amount: money(row.amount.0, row.currency.0)?,
            counterparty: row.counterparty,
            description: row.description,
            reference: row.reference,
            custodian: user(row.custodian_id),
            personal: row
                .personal
                .ok_or_else(|| StoreError::inconsistent("a transaction without its account"))?,
        })
    }
}

impl Stored for resource::Transaction {
    type Table = Entity;
    type Row = Row;
    type Item = Transaction;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::of_account(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ByKey(Column::BookedOn, Column::Id)
    }

    fn rows() -> Select<Entity> {
        Entity::find()
            .join(JoinType::InnerJoin, Relation::Account.def())
            .column(accounts::Column::CustodianId)
            .column(accounts::Column::Personal)
    }
}

impl Reader {
    /// A page of transactions, newest booking first.
    pub async fn transactions(
        &self,
        scope: &ReadScope<resource::Transaction>,
        filter: &TransactionFilter,
        page: &Page,
    ) -> Result<Slice<Transaction>, StoreError> {
        let alone = Beside::default();
        let (slice, _) = self
            .transactions_beside(scope, filter, page, &alone)
            .await?;
        Ok(slice)
    }

    /// The same, and what they point to.
    pub async fn transactions_beside(
        &self,
        scope: &ReadScope<resource::Transaction>,
        filter: &TransactionFilter,
        page: &Page,
        beside: &Beside,
    ) -> Result<(Slice<Transaction>, Pointed), StoreError> {
        let condition = filter.condition();
        let is_bare = condition.is_empty();
        // Where few rows are left out, the list's own index is read until the page is full.
        let reach = custody::reach(scope).filter(Reach::leaves_out);
        let joined = reach.is_none();
        let build = || {
            let select = self.reached(scope, reach)?.filter(condition);
            let select = if filter.uncategorized {
                // All of them are the same there, and so the index of categories has them in order.
                select.order_by(Column::CategoryId, against(page.direction))
            } else {
                select
            };
            paged::<resource::Transaction>(select, page)
        };
        let statement = match first(page, joined).filter(|_| is_bare) {
            Some(what) => self.remembered(scope, what, build)?,
            None => build()?,
        };
        let (rows, pointed) = if is_bare {
            let rows_max = usize::from(page.read());
            self.with_beside(statement, rows_max, beside).await?
        } else {
            self.with_after(statement, beside).await?
        };
        Ok((slice::<resource::Transaction>(rows, page)?, pointed))
    }

    /// The transactions that the scope covers; without what stands in their accounts where that is not
    /// needed to find them.
    fn reached(
        &self,
        scope: &ReadScope<resource::Transaction>,
        reach: Option<Reach>,
    ) -> Result<Select<Entity>, StoreError> {
        match reach {
            Some(reach) => self.without_accounts(scope, &reach),
            None => self.select(scope),
        }
    }

    /// How many there are with that filter.
    pub async fn transaction_count(
        &self,
        scope: &ReadScope<resource::Transaction>,
        filter: &TransactionFilter,
    ) -> Result<u64, StoreError> {
        let reach = custody::reach(scope).filter(Reach::leaves_out);
        let select = self.reached(scope, reach)?.filter(filter.condition());
        let select = select
            .select_only()
            .column_as(Expr::cust("count(*)"), "count");
        let rows: Vec<Count> = self.fetch(select).await?;
        let count = rows.first().map_or(0, |row| row.count);
        u64::try_from(count).map_err(|_| StoreError::inconsistent("a count is negative"))
    }

    /// Those of the transactions that the scope covers, in any order.
    pub async fn transactions_by_id(
        &self,
        scope: &ReadScope<resource::Transaction>,
        ids: &[TransactionId],
    ) -> Result<Vec<Transaction>, StoreError> {
        let alone = Beside::default();
        let (rows, _) = self.transactions_by_id_beside(scope, ids, &alone).await?;
        Ok(rows)
    }

    /// The same, and what they point to.
    pub async fn transactions_by_id_beside(
        &self,
        scope: &ReadScope<resource::Transaction>,
        ids: &[TransactionId],
        beside: &Beside,
    ) -> Result<(Vec<Transaction>, Pointed), StoreError> {
        let ids = ids.iter().map(|id| id.uuid()).collect();
        let (rows, pointed) = self.found(scope, ids, beside).await?;
        Ok((items::<resource::Transaction>(rows)?, pointed))
    }
}

/// The order of a column that comes up where the list, which is newest first, goes down.
const fn against(direction: Direction) -> Order {
    match direction {
        Direction::Forward => Order::Asc,
        Direction::Backward => Order::Desc,
    }
}

impl WriteTransaction {
    /// The transaction, locked until this database transaction ends.
    pub async fn lock_transaction(
        &self,
        scope: &ReadScope<resource::Transaction>,
        id: TransactionId,
    ) -> Result<Option<Transaction>, StoreError> {
        self.lock(scope, Column::Id.eq(id.uuid())).await
    }

    /// Puts the transaction into a category, or takes it out of its category. Conflict:
    /// `transactions_category`.
    pub async fn set_transaction_category(
        &self,
        permit: &Permit,
        id: TransactionId,
        category: Option<CategoryId>,
    ) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        let update = Entity::update_many()
            .col_expr(
                Column::CategoryId,
                Expr::value(category.map(CategoryId::uuid)),
            )
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(id.uuid()));
        one_row(self.write_last(update).await?.affected, "transactions")
    }
}
