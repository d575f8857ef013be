//! The rows of an answer, however they came.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio_postgres::{
    Row,
    types::{FromSql, Type},
};

use crate::error::{Cause, StoreError};

/// The rows of an answer.
#[derive(Debug)]
pub(crate) enum Rows {
    /// From a connection of the request's own.
    Line(Vec<Row>),
    /// From one that requests share.
    Lane(Sheet),
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Line(rows) => rows.len(),
            Self::Lane(sheet) => sheet.rows,
        }
    }
}

/// A row, whose cells are found by the place of their column.
pub(crate) trait Cells {
    /// The value there, as what it is read for.
    fn cell<'a, T: FromSql<'a>>(&'a self, place: usize) -> Result<T, StoreError>;
}

impl Cells for Row {
    fn cell<'a, T: FromSql<'a>>(&'a self, place: usize) -> Result<T, StoreError> {
        Ok(self.try_get(place)?)
    }
}

/// A column of an answer.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Type,
}

/// What the answers to a statement look like.
#[derive(Debug, Default)]
pub(super) struct Layout {
    columns: Vec<Column>,
    /// How many bytes and cells the last one had: the next one is likely to have as many, and memory that
    /// grows by and by is taken twice.
    bytes: AtomicUsize,
    cells: AtomicUsize,
}

impl Layout {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }
}

/// Rows in one piece of memory: a page of them is many small values.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    layout: Arc<Layout>,
    rows: usize,
    bytes: Vec<u8>,
    /// Row by row.
    cells: Vec<Cell>,
}

/// Where a cell begins, and its length, which is negative for NULL.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: u32,
    length: i32,
}

impl Sheet {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self {
            rows: 0,
            bytes: Vec::with_capacity(layout.bytes.load(Ordering::Relaxed)),
            cells: Vec::with_capacity(layout.cells.load(Ordering::Relaxed)),
            layout,
        }
    }

    /// Nothing is added any more.
    pub(super) fn end(&self) {
        let layout = &self.layout;
        layout.bytes.store(self.bytes.len(), Ordering::Relaxed);
        layout.cells.store(self.cells.len(), Ordering::Relaxed);
    }

    /// Where the column of that name is; beyond the last one where there is none, which is an error for
    /// whoever reads there.
    pub(super) fn place(&self, name: &str) -> usize {
        let mut columns = self.layout.columns.iter();
        let found = columns.position(|column| column.name == name);
        found.unwrap_or(usize::MAX)
    }

    /// Adds the row of a `DataRow` message: the number of its cells, and each with its length, which is
    /// -1 for NULL. `None` where the message is not one, or not of these columns.
    pub(super) fn push(&mut self, message: &[u8]) -> Option<()> {
        let (count, mut rest) = message.split_first_chunk::<2>()?;
        if usize::from(u16::from_be_bytes(*count)) != self.layout.columns.len() {
            return None;
        }
        for _ in 0..self.layout.columns.len() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = i32::from_be_bytes(*length);
            let place = message.len().checked_sub(after.len())?;
            let start = u32::try_from(self.bytes.len().checked_add(place)?).ok()?;
            self.cells.push(Cell { start, length });
            rest = match usize::try_from(length) {
                Ok(length) => after.get(length..)?,
                Err(_) => after,
            };
        }
        // Whole, with the lengths: cell by cell takes longer.
        self.bytes.extend_from_slice(message);
        self.rows = self.rows.saturating_add(1);
        rest.is_empty().then_some(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SheetRow<'_>> {
        (0..self.rows).map(|row| SheetRow {
            sheet: self,
            first: row.saturating_mul(self.layout.columns.len()),
        })
    }

    /// `None` is NULL.
    fn bytes_at(&self, cell: usize) -> Option<&[u8]> {
        let Cell { start, length } = *self.cells.get(cell)?;
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(start..end)
    }
}

/// A row of a sheet.
pub(super) struct SheetRow<'a> {
    sheet: &'a Sheet,
    first: usize,
}

impl Cells for SheetRow<'_> {
    fn cell<'a, T: FromSql<'a>>(&'a self, place: usize) -> Result<T, StoreError> {
        let bad = |column: &str, why: &dyn Error| {
            StoreError::Database(Cause::new(format!("column `{column}`: {why}")))
        };
        let Some(column) = self.sheet.layout.columns.get(place) else {
            return Err(StoreError::inconsistent("a column is missing"));
        };
        if !T::accepts(&column.kind) {
            let what = format!("column `{}` is of type {}", column.name, column.kind);
            return Err(StoreError::inconsistent(what));
        }
        let bytes = self.sheet.bytes_at(self.first.saturating_add(place));
        T::from_sql_nullable(&column.kind, bytes).map_err(|error| bad(&column.name, error.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(kinds: &[(&str, Type)]) -> Sheet {
        let columns = kinds.iter().map(|(name, kind)| Column {
            name: (*name).to_owned(),
            kind: kind.clone(),
        });
        Sheet::new(Arc::new(Layout::new(columns.collect())))
    }

    #[test]
    fn cells_are_read_by_their_place_and_their_type() {
        let mut sheet = sheet(&[("n", Type::INT4), ("name", Type::TEXT)]);
        let first = b"\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x03abc";
        let second = b"\0\x02\xff\xff\xff\xff\0\0\0\0";
        assert!(sheet.push(first).is_some() && sheet.push(second).is_some());
        assert_eq!((sheet.place("name"), sheet.place("x")), (1, usize::MAX));
        let rows: Vec<_> = sheet.iter().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].cell::<i32>(0).unwrap(), 7);
        assert_eq!(rows[0].cell::<&str>(1).unwrap(), "abc");
        assert_eq!(rows[1].cell::<Option<i32>>(0).unwrap(), None);
        assert_eq!(rows[1].cell::<String>(1).unwrap(), "");
        // Neither as another type, nor a NULL as a value, nor beyond the last column.
        assert!(rows[0].cell::<String>(0).is_err());
        assert!(rows[1].cell::<i32>(0).is_err());
        assert!(rows[0].cell::<i32>(2).is_err());
    }

    #[test]
    fn what_is_no_row_of_these_columns_is_refused() {
        for bad in [
            &b""[..],
            b"\0",
            b"\0\x02\0\0\0\x01a\0\0\0\x01b",
            b"\0\x01",
            b"\0\x01\0\0\0\x05abc",
            b"\0\x01\0\0\0\x01ab",
        ] {
            assert!(sheet(&[("a", Type::TEXT)]).push(bad).is_none(), "{bad:?}");
        }
    }
}
