//! Keyset pages: a position is the sort key and id of a row, so that a page does not shift when rows
//! are added before it.

use chrono::NaiveDate;
use uuid::Uuid;

use crate::error::StoreError;

/// The most rows of one page.
pub(crate) const LIMIT_MAX: u16 = 500;
/// How many rows of a page are read: each number is another statement, of which a connection keeps a few.
const READ: [u16; 7] = [1, 10, 20, 50, 100, 200, LIMIT_MAX];

/// Which way from the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The rows after it, in the list's order.
    Forward,
    /// The rows before it; still returned in the list's order.
    Backward,
}

/// What a list is sorted by before the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// By id alone.
    Id,
    /// By a date: transactions, newest first.
    Date(NaiveDate),
    /// By a number: the audit log, newest first.
    Number(i64),
}

/// Where a row stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// What the list is sorted by.
    pub sort: SortKey,
    /// The row's id, which decides among equals.
    pub id: Uuid,
}

impl Position {
    /// Bytes for a cursor: one for the kind of sort key, eight for the key, sixteen for the id.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, key) = match self.sort {
            SortKey::Id => (0_u8, 0),
            SortKey::Date(date) => (1, i64::from(days(date))),
            SortKey::Number(number) => (2, number),
        };
        let mut bytes = Vec::with_capacity(25);
        bytes.push(kind);
        bytes.extend(key.to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes
    }

    /// The position of those bytes, if they are one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (key, id) = rest.split_first_chunk::<8>()?;
        let key = i64::from_be_bytes(*key);
        let sort = match kind {
            0 if key == 0 => SortKey::Id,
            1 => SortKey::Date(date(i32::try_from(key).ok()?)?),
            2 => SortKey::Number(key),
            _ => return None,
        };
        let id = Uuid::from_slice(id).ok()?;
        Some(Self { sort, id })
    }
}

fn days(date: NaiveDate) -> i32 {
    use chrono::Datelike;
    date.num_days_from_ce()
}

fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days)
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many rows, from 1 to 500.
    pub limit: u16,
    /// Which way.
    pub direction: Direction,
    /// From where; from the start (or, backward, from the end) if `None`.
    pub position: Option<Position>,
}

impl Page {
    /// The first rows of a list.
    pub const fn first(limit: u16) -> Self {
        Self {
            limit,
            direction: Direction::Forward,
            position: None,
        }
    }

    /// How many rows are read for it, beside the one that tells whether there are more: as many as wanted, or
    /// a few more, which are left out of what is returned.
    pub(crate) fn read(&self) -> u16 {
        let mut enough = READ.into_iter().filter(|rows| *rows >= self.limit);
        enough.next().unwrap_or(self.limit)
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.limit == 0 || self.limit > LIMIT_MAX {
            return Err(StoreError::inconsistent(format!(
                "a page of {} rows was asked for, and a page has 1 to {LIMIT_MAX}",
                self.limit
            )));
        }
        Ok(())
    }
}

/// Rows in the list's order, whichever way they were fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there are more in the direction that was asked for.
    pub has_more: bool,
}

/// A row that knows where it stands in its list.
pub trait Keyset {
    /// Its position.
    fn position(&self) -> Position;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pages_of_any_size_are_read_by_a_few_statements() {
        let read = |limit| (limit, Page::first(limit).read());
        let all: Vec<_> = (1..=LIMIT_MAX).map(read).collect();
        assert!(all.iter().all(|(limit, read)| read >= limit));
        let distinct: BTreeSet<_> = all.iter().map(|(_, read)| read).collect();
        assert_eq!(distinct.len(), READ.len());
        for usual in [1, 10, 20, 50, 100, 200, 500] {
            assert_eq!(read(usual), (usual, usual));
        }
    }
}
