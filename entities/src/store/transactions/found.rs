//! Transactions by their ids, each with what it points to, in one statement: each row is looked for once,
//! and what it points to is one entry of an index away.
//!
//! The rows are found before anything is joined to them. One is, because it is found by its key; for several
//! an `OFFSET` keeps it so: of tables that tenants share, PostgreSQL may take an account to have next to no
//! transactions, and read all of them to find a few.

use countersign_policies::{ReadScope, resource};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityName, EntityTrait, JoinType, QueryFilter, QuerySelect,
    QueryTrait, Statement, StatementBuilder, Value,
    sea_query::{Alias, Expr, ExprTrait, IntoIden, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    Row,
    custody::{Beside, COLUMNS, Pointed},
};
use crate::{
    error::StoreError,
    line::{Done, Fetched},
    model::{
        accounts,
        transactions::{Column, Entity},
    },
    reading::Pace,
    store::{
        Stored, any_of,
        beside::{Known, id},
        items,
        memory::What,
    },
    transaction::Reader,
};

impl Reader {
    /// Those of the transactions that the scope covers, in any order, and what they point to.
    pub(super) async fn found(
        &self,
        scope: &ReadScope<resource::Transaction>,
        ids: Vec<Uuid>,
        beside: &Beside,
    ) -> Result<(Vec<Row>, Pointed), StoreError> {
        let Beside {
            accounts,
            categories,
        } = beside;
        if let Some(scope) = accounts {
            self.admit(scope)?;
        }
        if let Some(scope) = categories {
            self.admit(scope)?;
        }
        let is_one = ids.len() == 1;
        let what = What::Found {
            is_one,
            accounts: accounts.as_ref().map(ReadScope::shared_predicate),
            categories: categories.as_ref().map(ReadScope::shared_predicate),
        };
        let finding = || self.finding(scope, is_one, beside);
        let mut statement = self.remembered(scope, what, finding)?;
        let first = statement.values.as_mut();
        let first = first.and_then(|values| values.0.first_mut());
        let first = first.ok_or_else(|| StoreError::inconsistent("a statement without ids"))?;
        *first = match ids.as_slice() {
            [id] => Value::from(*id),
            _ => Value::from(ids),
        };
        let done = self.fetch_together(&[statement], Pace::Quick).await?.pop();
        let done = done.ok_or_else(|| StoreError::inconsistent("nothing came"))?;
        let after_row = Row::COLUMNS.len();
        let after_account = match accounts {
            Some(_) => after_row.saturating_add(accounts::Model::COLUMNS.len()),
            None => after_row,
        };
        let accounts = accounts
            .as_ref()
            .map(|_| known::<resource::Account>(&done, after_row));
        let categories = categories
            .as_ref()
            .map(|_| known::<resource::Category>(&done, after_account));
        let pointed = Pointed {
            accounts: accounts.transpose()?,
            categories: categories.transpose()?,
        };
        Ok((done.rows()?, pointed))
    }

    /// The statement, of which the first value is the ids, or the one.
    fn finding(
        &self,
        scope: &ReadScope<resource::Transaction>,
        is_one: bool,
        beside: &Beside,
    ) -> Result<Statement, StoreError> {
        use accounts::Column as Account;
        self.admit(scope)?;
        let tenant = self.tenant_id().uuid();
        let rows = Entity::find()
            .select_only()
            .column(Column::TenantId)
            .columns(COLUMNS);
        let rows = if is_one {
            rows.filter(Column::Id.eq(Uuid::nil()))
        } else {
            rows.filter(any_of(Column::Id, std::iter::empty()))
                .offset(0)
        };
        let mut rows = rows.filter(Column::TenantId.eq(tenant));
        let mut select = Query::select();
        select
            .from_subquery(
                QueryTrait::query(&mut rows).clone(),
                Alias::new(Entity.table_name()),
            )
            .columns(COLUMNS.map(|column| (Entity, column)))
            .columns([Account::CustodianId, Account::Personal].map(|own| (accounts::Entity, own)))
            .inner_join(
                accounts::Entity.table_ref(),
                Condition::all()
                    .add(Account::TenantId.eq(tenant))
                    .add(points::<resource::Account>(Column::AccountId)),
            )
            .cond_where(resource::Transaction::columns().condition(scope.predicate())?);
        if let Some(scope) = &beside.accounts {
            self.join(&mut select, scope, Column::AccountId, "account")?;
        }
        if let Some(scope) = &beside.categories {
            self.join(&mut select, scope, Column::CategoryId, "category")?;
        }
        Ok(StatementBuilder::build(&select, &DbBackend::Postgres))
    }

    /// Joins what the column points to, as far as the scope covers it.
    fn join<R: Stored>(
        &self,
        select: &mut SelectStatement,
        scope: &ReadScope<R>,
        column: Column,
        name: &'static str,
    ) -> Result<(), StoreError> {
        let mut pointed = self.select(scope)?.filter(points::<R>(column));
        let pointed = QueryTrait::query(&mut pointed).clone();
        let name = Alias::new(name).into_iden();
        let columns = R::Row::COLUMNS.iter();
        select
            .columns(columns.map(|column| (name.clone(), Alias::new(*column))))
            .join_lateral(JoinType::LeftJoin, pointed, name, Expr::cust("TRUE"));
        Ok(())
    }
}

/// What was joined from the column at that place on: all that the rows point to and the scope covers.
fn known<R: Stored>(done: &Done, place: usize) -> Result<Known<R::Item>, StoreError> {
    Ok(Known {
        rows: items::<R>(done.rows_from(place)?)?,
        is_all: true,
    })
}

/// That a transaction's column points to the row.
fn points<R: Stored>(column: Column) -> Expr {
    Expr::col(id::<R>().as_column_ref()).equals((Entity, column))
}
