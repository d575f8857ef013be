//! Rows that are read by either kind of connection.

use sea_orm::Statement;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    Line,
    rows::{Cells, Rows},
};
use crate::{error::StoreError, wire::Wire};

/// A row that SeaORM reads from a [`crate::wire::Wire`], and that is read from a [`super::Line`] as
/// well.
pub(crate) trait Fetched: sea_orm::FromQueryResult + Send + Sync {
    /// The columns that it is read from, by name.
    const COLUMNS: &[&str];

    /// Reads it from the columns at those places, in the order of [`Self::COLUMNS`].
    fn from_cells(row: &impl Cells, places: &[usize]) -> Result<Self, StoreError>;
}

/// What runs a statement and reads its rows.
pub(crate) trait Fetches: Sync {
    /// The rows of the statement.
    fn fetch<R: Fetched>(
        &self,
        statement: Statement,
    ) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send;
}

impl Fetches for Line {
    async fn fetch<R: Fetched>(&self, statement: Statement) -> Result<Vec<R>, StoreError> {
        Line::fetch(self, &statement).await
    }
}

impl Fetches for Wire {
    async fn fetch<R: Fetched>(&self, statement: Statement) -> Result<Vec<R>, StoreError> {
        Ok(R::find_by_statement(statement).all(self).await?)
    }
}

/// Reads all rows of an answer, whose columns are looked up by name once.
pub(crate) fn read<R: Fetched>(rows: &Rows) -> Result<Vec<R>, StoreError> {
    match rows {
        Rows::Line(rows) => {
            let Some(first) = rows.first() else {
                return Ok(Vec::new());
            };
            let places = places::<R>(|name| place(first, name));
            rows.iter().map(|row| R::from_cells(row, &places)).collect()
        }
        Rows::Lane(sheet) => {
            let places = places::<R>(|name| sheet.place(name));
            sheet
                .iter()
                .map(|row| R::from_cells(&row, &places))
                .collect()
        }
    }
}

/// Reads what was joined to the rows of an answer, from the column at that place on.
pub(crate) fn read_from<R: Fetched>(rows: &Rows, first: usize) -> Result<Vec<R>, StoreError> {
    let places: Vec<_> = (first..).take(R::COLUMNS.len()).collect();
    match rows {
        Rows::Line(rows) => {
            let joined = rows.iter().map(|row| joined(row, &places));
            joined.filter_map(Result::transpose).collect()
        }
        Rows::Lane(sheet) => {
            let joined = sheet.iter().map(|row| joined(&row, &places));
            joined.filter_map(Result::transpose).collect()
        }
    }
}

/// `None` where nothing was joined to the row.
fn joined<R: Fetched>(row: &impl Cells, places: &[usize]) -> Result<Option<R>, StoreError> {
    let first = places.first().copied().unwrap_or(usize::MAX);
    match row.cell::<Option<Uuid>>(first)? {
        Some(_) => R::from_cells(row, places).map(Some),
        None => Ok(None),
    }
}

fn places<R: Fetched>(place: impl Fn(&str) -> usize) -> Vec<usize> {
    R::COLUMNS.iter().map(|name| place(name)).collect()
}

/// Beyond the last column where there is none of that name, which is an error that names the place.
fn place(row: &Row, name: &str) -> usize {
    let found = row
        .columns()
        .iter()
        .position(|column| column.name() == name);
    found.unwrap_or(usize::MAX)
}

/// Defines a row, or (`impl`) makes one of an entity's model.
macro_rules! fetched {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(sea_orm::FromQueryResult)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $ty),*
        }
        $crate::line::fetched!(impl $name { $($field),* });
    };
    (impl $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::line::Fetched for $name {
            const COLUMNS: &[&str] = &[$(stringify!($field)),*];

            fn from_cells(
                row: &impl $crate::line::Cells,
                places: &[usize],
            ) -> Result<Self, $crate::error::StoreError> {
                let mut places = places.iter().copied();
                Ok(Self {
                    $($field: row.cell(places.next().unwrap_or(usize::MAX))?),*
                })
            }
        }
    };
}
pub(crate) use fetched;
