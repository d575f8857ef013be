//! What rows point to, read in the same round trip as the rows: of a kind of which a tenant has few,
//! all; of others, those that the rows point to.

use std::fmt::Write;

use countersign_policies::ReadScope;
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, Values, extension::postgres::PgFunc},
};

use super::{
    ColumnOf, Sorted, Stored, items,
    memory::{self, What},
};
use crate::{error::StoreError, line::Done, transaction::Reader};

/// How many rows of a kind are few. All of so many cost less than to ask for the rows again and look
/// up what they point to.
const FEW: usize = 50;
/// Where so many rows point to some, those are asked for.
const SINGLE: usize = 4;

/// What was read of one kind beside the rows that point to it.
#[derive(Debug)]
pub struct Known<T> {
    /// Rows.
    pub rows: Vec<T>,
    /// Whether what is not among them is not there for the caller. Otherwise nobody has looked.
    pub is_all: bool,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Every row of the tenant, up to one more than a few.
    Whole,
    /// Those that the rows point to.
    Pointed,
}

/// A statement that is sent beside another.
#[derive(Debug)]
pub(crate) struct Along {
    pub(crate) statement: Statement,
    pub(crate) extent: Extent,
}

/// Builds a statement.
type Build<'a> = Box<dyn FnOnce() -> Result<Statement, StoreError> + 'a>;

impl Reader {
    /// The statement for what rows point to by a column, as far as the scope covers it. `others`
    /// selects those rows, which are `rows` at the most.
    pub(crate) fn along<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        (others, rows): (&Statement, usize),
        column: &'static str,
    ) -> Result<Along, StoreError> {
        let select = || self.select(scope);
        self.along_those::<R>((others, rows), column, select, |what, build| {
            self.remembered(scope, what, build)
        })
    }

    /// The same for a selection of rows, whatever scope covers them.
    pub(crate) fn along_select<R: Stored>(
        &self,
        select: impl FnOnce() -> Select<R::Table>,
        others: (&Statement, usize),
        column: &'static str,
    ) -> Result<Along, StoreError> {
        let select = || Ok(select());
        self.along_those::<R>(others, column, select, |what, build| {
            self.remembered_of_all::<R>(what, build)
        })
    }

    fn along_those<R: Stored>(
        &self,
        (others, rows): (&Statement, usize),
        column: &'static str,
        select: impl FnOnce() -> Result<Select<R::Table>, StoreError>,
        remembered: impl FnOnce(What, Build<'_>) -> Result<Statement, StoreError>,
    ) -> Result<Along, StoreError> {
        if rows > SINGLE && !self.memory.has_many::<R>(self.tenant_id()) {
            let build = || Ok(few(&select()?));
            return Ok(Along {
                statement: remembered(What::Few, Box::new(build))?,
                extent: Extent::Whole,
            });
        }
        let what = What::Pointed {
            column,
            others: others.sql.clone(),
        };
        let build = || Ok(pointed::<R>(select()?, others, column));
        let statement = remembered(what, Box::new(build))?;
        let last = others.values.as_ref().map_or(&[][..], |values| &values.0);
        Ok(Along {
            statement: memory::for_values(statement, last)?,
            extent: Extent::Pointed,
        })
    }

    /// What came of it.
    pub(crate) fn known<R: Stored>(
        &self,
        done: &Done,
        extent: Extent,
    ) -> Result<Known<R::Item>, StoreError> {
        let is_all = self.is_all::<R>(done, extent);
        let rows = items::<R>(done.rows()?)?;
        Ok(Known { rows, is_all })
    }

    /// Whether there is no more than what came; where there is, that is remembered.
    pub(crate) fn is_all<R: Stored>(&self, done: &Done, extent: Extent) -> bool {
        let is_all = extent == Extent::Pointed || done.len() <= FEW;
        if !is_all {
            self.memory.note_many::<R>(self.tenant_id());
        }
        is_all
    }
}

/// All of them, and one more than a few at the most.
fn few<T: EntityTrait>(select: &Select<T>) -> Statement {
    let mut statement = select.build(DbBackend::Postgres);
    let _ = write!(statement.sql, " LIMIT {}", FEW.saturating_add(1));
    statement
}

/// Those that the rows of `others` point to.
fn pointed<R: Stored>(select: Select<R::Table>, others: &Statement, column: &str) -> Statement {
    let values = others.values.clone().unwrap_or(Values(Vec::new()));
    let pointed = format!("ARRAY(SELECT o.{column} FROM ({}) o)", others.sql);
    let pointed = PgFunc::any(Expr::cust_with_values(pointed, values.0));
    let select = select.filter(Expr::col(id::<R>().as_column_ref()).eq(pointed));
    select.build(DbBackend::Postgres)
}

/// The column of a resource's id.
pub(crate) fn id<R: Stored>() -> ColumnOf<R> {
    let (Sorted::ById(id, _) | Sorted::ByKey(_, id)) = R::sorted();
    id
}
