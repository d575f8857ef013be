//! One file per resource: its row, and the methods of transactions that read and write it.

pub(crate) mod accounts;
pub(crate) mod api_tokens;
pub(crate) mod audit_checkpoints;
pub(crate) mod audit_entries;
pub(crate) mod beside;
pub(crate) mod categories;
pub(crate) mod credentials;
pub(crate) mod imports;
pub(crate) mod machines;
pub(crate) mod members;
pub(crate) mod memory;
pub(crate) mod roles;
pub(crate) mod statements;
pub(crate) mod tenants;
pub(crate) mod transactions;

use std::fmt::Write;

use countersign_domain::{
    id::UserId,
    money::{Currency, Money},
};
use countersign_policies::{ReadScope, Resource};
use rust_decimal::Decimal;
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityName, EntityTrait, QueryFilter, QueryOrder,
    QueryTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, IntoCondition, LockType, Order, extension::postgres::PgFunc},
};
use uuid::Uuid;

use self::memory::What;
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    line::Fetched,
    page::{Direction, Page, Position, Slice, SortKey},
    reading::Pace,
    transaction::{Reader, WriteTransaction},
};

/// What a list is sorted by.
pub(crate) enum Sorted<C> {
    /// By id, which is by the time of making.
    ById(C, Order),
    /// By a key, then the id; newest first.
    ByKey(C, C),
}

impl<C: ColumnTrait> Sorted<C> {
    fn order(&self, direction: Direction) -> Order {
        let order = match self {
            Self::ById(_, order) => order.clone(),
            Self::ByKey(..) => Order::Desc,
        };
        match (direction, order) {
            (Direction::Backward, Order::Asc) => Order::Desc,
            (Direction::Backward, _) => Order::Asc,
            (Direction::Forward, order) => order,
        }
    }

    /// The rows beyond the position, as one comparison of whole keys, which an index answers.
    fn beyond(&self, order: &Order, position: &Position) -> Result<Condition, StoreError> {
        let (columns, values) = match (self, position.sort) {
            (Self::ById(id, _), SortKey::Id) => {
                (Expr::col(id.as_column_ref()), Expr::val(position.id))
            }
            (Self::ByKey(key, id), SortKey::Date(date)) => pair(*key, *id, date.into(), position),
            (Self::ByKey(key, id), SortKey::Number(n)) => pair(*key, *id, n.into(), position),
            _ => {
                return Err(StoreError::inconsistent("the position is of another list"));
            }
        };
        Ok(Condition::all().add(match order {
            Order::Asc => columns.gt(values),
            _ => columns.lt(values),
        }))
    }
}

fn pair<C: ColumnTrait>(key: C, id: C, value: sea_orm::Value, position: &Position) -> (Expr, Expr) {
    (
        Expr::tuple([
            Expr::col(key.as_column_ref()),
            Expr::col(id.as_column_ref()),
        ]),
        Expr::tuple([Expr::val(value), Expr::val(position.id)]),
    )
}

/// How a resource is stored: what fetching it under a scope takes.
pub(crate) trait Stored: Resource {
    /// The table.
    type Table: EntityTrait;
    /// What is fetched of it.
    type Row: Fetched;
    /// What that means.
    type Item: TryFrom<Self::Row, Error = StoreError>;

    /// The column of the tenant.
    const TENANT: ColumnOf<Self>;

    /// The columns that row conditions of policies speak of.
    fn columns() -> Columns;

    /// What its lists are sorted by.
    fn sorted() -> Sorted<ColumnOf<Self>>;

    /// The rows of all tenants, with what is joined to them.
    fn rows() -> Select<Self::Table> {
        Self::Table::find()
    }
}

/// A column of a resource's table.
pub(crate) type ColumnOf<R> = <<R as Stored>::Table as EntityTrait>::Column;

impl Reader {
    /// The rows that the scope covers.
    pub(crate) fn select<R: Stored>(
        &self,
        scope: &ReadScope<R>,
    ) -> Result<Select<R::Table>, StoreError> {
        self.admit(scope)?;
        Ok(R::rows()
            .filter(R::TENANT.eq(self.tenant_id().uuid()))
            .filter(R::columns().condition(scope.predicate())?))
    }

    /// The statement for one page of the rows that the scope covers and that meet the condition.
    pub(crate) fn page_statement<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        condition: Condition,
        page: &Page,
    ) -> Result<Statement, StoreError> {
        let is_bare = condition.is_empty();
        let build = || paged::<R>(self.select(scope)?.filter(condition), page);
        match first(page, true).filter(|_| is_bare) {
            Some(what) => self.remembered(scope, what, build),
            None => build(),
        }
    }

    /// One page of the rows that the scope covers and that meet the condition.
    pub(crate) async fn page<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        condition: Condition,
        page: &Page,
    ) -> Result<Slice<R::Item>, StoreError> {
        let pace = pace_of(&condition);
        let statement = self.page_statement(scope, condition, page)?;
        slice::<R>(self.fetch_statement(statement, pace).await?, page)
    }

    /// Those of the rows that the scope covers, by their ids, in any order.
    pub(crate) async fn by_ids<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<Vec<R::Item>, StoreError> {
        let build = || {
            let none = any_of(beside::id::<R>(), std::iter::empty());
            let select = self.select(scope)?.filter(none);
            Ok(select.build(DbBackend::Postgres))
        };
        let statement = self.remembered(scope, What::ByIds, build)?;
        let statement = memory::for_ids(statement, ids)?;
        items::<R>(self.fetch_statement(statement, Pace::Quick).await?)
    }

    /// Every row that the scope covers and that meets the condition, in any order.
    pub(crate) async fn every<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        condition: impl IntoCondition,
    ) -> Result<Vec<R::Item>, StoreError> {
        let select = self.select(scope)?.filter(condition.into_condition());
        let rows: Vec<R::Row> = self.fetch(select).await?;
        items::<R>(rows)
    }
}

/// The statement for one page of the selected rows.
pub(crate) fn paged<R: Stored>(
    mut select: Select<R::Table>,
    page: &Page,
) -> Result<Statement, StoreError> {
    page.check()?;
    let sorted = R::sorted();
    let order = sorted.order(page.direction);
    if let Some(position) = &page.position {
        select = select.filter(sorted.beyond(&order, position)?);
    }
    select = match sorted {
        Sorted::ById(id, _) => select.order_by(id, order),
        Sorted::ByKey(key, id) => select.order_by(key, order.clone()).order_by(id, order),
    };
    let mut statement = select.build(DbBackend::Postgres);
    // One more than wanted tells whether there are more. The number is written out: a plan that is
    // made for any number of rows is made for very many, and sorts the whole table.
    let _ = write!(statement.sql, " LIMIT {}", page.read().saturating_add(1));
    Ok(statement)
}

/// A first page, as it is remembered.
pub(crate) fn first(page: &Page, joined: bool) -> Option<What> {
    page.position.is_none().then_some(What::First {
        rows: page.read(),
        backward: page.direction == Direction::Backward,
        joined,
    })
}

/// A page without a filter is read by the list's index.
pub(crate) fn pace_of(condition: &Condition) -> Pace {
    if condition.is_empty() {
        Pace::Quick
    } else {
        Pace::Long
    }
}

/// The page that was fetched by the statement for it.
pub(crate) fn slice<R: Stored>(
    mut rows: Vec<R::Row>,
    page: &Page,
) -> Result<Slice<R::Item>, StoreError> {
    let has_more = rows.len() > usize::from(page.limit);
    rows.truncate(usize::from(page.limit));
    if page.direction == Direction::Backward {
        rows.reverse();
    }
    let rows = items::<R>(rows)?;
    Ok(Slice { rows, has_more })
}

/// What rows mean.
pub(crate) fn items<R: Stored>(rows: Vec<R::Row>) -> Result<Vec<R::Item>, StoreError> {
    rows.into_iter().map(R::Item::try_from).collect()
}

impl WriteTransaction {
    /// The one row that the scope covers and that meets the condition: locked, and nothing that it
    /// is joined with, until the transaction ends.
    pub(crate) async fn lock<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        condition: impl IntoCondition,
    ) -> Result<Option<R::Item>, StoreError> {
        let mut select = self.select(scope)?.filter(condition.into_condition());
        let table = R::Table::default().table_name().to_owned();
        QueryTrait::query(&mut select).lock_with_tables(LockType::Update, [table]);
        let rows: Vec<R::Row> = self.fetch(select).await?;
        rows.into_iter().next().map(R::Item::try_from).transpose()
    }
}

impl WriteTransaction {
    /// Every row that the scope covers and that meets the condition, by id: locked in that order, so
    /// that two who lock the same rows wait for each other and never both.
    pub(crate) async fn lock_every<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        condition: impl IntoCondition,
    ) -> Result<Vec<R::Item>, StoreError> {
        let select = self.select(scope)?.filter(condition.into_condition());
        let mut select = match R::sorted() {
            Sorted::ById(id, _) | Sorted::ByKey(_, id) => select.order_by(id, Order::Asc),
        };
        let table = R::Table::default().table_name().to_owned();
        QueryTrait::query(&mut select).lock_with_tables(LockType::Update, [table]);
        let rows: Vec<R::Row> = self.fetch(select).await?;
        rows.into_iter().map(R::Item::try_from).collect()
    }
}

/// `column = any($1)`: one statement text, however many ids there are.
pub(crate) fn any_of<C: ColumnTrait>(column: C, ids: impl Iterator<Item = Uuid>) -> Expr {
    let ids: Vec<Uuid> = ids.collect();
    Expr::col(column.as_column_ref()).eq(PgFunc::any(Expr::val(ids)))
}

/// A write by id touches its one row, or something is wrong.
pub(crate) fn one_row(rows: u64, what: &str) -> Result<(), WriteError> {
    if rows == 1 {
        return Ok(());
    }
    Err(StoreError::inconsistent(format!("{rows} {what} were written where one was meant")).into())
}

pub(crate) fn money(amount: Decimal, currency: Currency) -> Result<Money, StoreError> {
    Money::new(amount, currency).map_err(|error| StoreError::inconsistent(error.to_string()))
}

pub(crate) fn currency(code: &str) -> Result<Currency, StoreError> {
    Currency::written(code)
        .map_err(|_| StoreError::inconsistent(format!("`{code}` is not a currency")))
}

pub(crate) fn named<T>(found: Option<T>, name: &str) -> Result<T, StoreError> {
    found.ok_or_else(|| StoreError::inconsistent(format!("`{name}` is not a known name")))
}

pub(crate) fn count(number: i32) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::inconsistent("a count is negative"))
}

pub(crate) fn stored_count(number: usize) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| StoreError::inconsistent("a count is too large"))
}

pub(crate) fn user(id: Option<Uuid>) -> Option<UserId> {
    id.map(UserId::new)
}

/// The position of a row in a list that is sorted by id.
pub(crate) const fn by_id(id: Uuid) -> Position {
    Position {
        sort: SortKey::Id,
        id,
    }
}
