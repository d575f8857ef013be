//! Bank statement formats, from untrusted bytes to a checked statement.
//!
//! A file is recognised by its content, never by its name. Parsing is all or nothing: the first
//! fault ends it with the place and the reason. Every format has limits on size, depth and count;
//! XML has no entities but the five predefined ones, and no document type declaration.

use chrono::NaiveDate;
use thiserror::Error;

use crate::money::{Currency, Money};

pub use self::{fingerprint::fingerprint, recognise::recognise};

mod camt;
mod csv;
mod encoding;
mod field;
mod fingerprint;
mod mt940;
mod ofx;
mod recognise;
mod sgml;
mod tree;
mod xml;

/// The most bytes a file may have.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most transactions a file may hold.
pub const TRANSACTIONS_MAX: usize = 50_000;
/// The most statements a file may hold.
pub const STATEMENTS_MAX: usize = 500;
/// The most levels that an XML or SGML file may nest.
pub const DEPTH_MAX: usize = 64;

/// The most characters that a description may have.
pub const DESCRIPTION_MAX: usize = 4_000;
/// The most characters that the name of the other party may have.
pub const COUNTERPARTY_MAX: usize = 500;
/// The most characters that a reference or an account number may have.
pub const REFERENCE_MAX: usize = 200;

/// A format that files come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ISO 20022 camt.053, end-of-day statement.
    Camt053,
    /// ISO 20022 camt.052, intraday report.
    Camt052,
    /// OFX 1.x (SGML) or 2.x (XML).
    Ofx,
    /// SWIFT MT940.
    Mt940,
    /// Comma-separated values, with a mapping.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Camt053,
        Self::Camt052,
        Self::Ofx,
        Self::Mt940,
        Self::Csv,
    ];

    /// The name in the database and in GraphQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Camt053 => "CAMT_053",
            Self::Camt052 => "CAMT_052",
            Self::Ofx => "OFX",
            Self::Mt940 => "MT940",
            Self::Csv => "CSV",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A balance that the bank states for the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The amount.
    pub money: Money,
    /// The day, if the format gives one.
    pub on: Option<NaiveDate>,
}

/// One booked movement, as the file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The day the bank booked it.
    pub booked_on: NaiveDate,
    /// The day it counts for interest.
    pub value_on: Option<NaiveDate>,
    /// Positive in, negative out.
    pub amount: Money,
    /// The other party.
    pub counterparty: Option<String>,
    /// Remittance information, white space collapsed.
    pub description: String,
    /// The bank's reference (`AcctSvcrRef`, `FITID`, field 61's reference).
    pub reference: Option<String>,
}

/// One statement of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The bank's own identification of the statement, if any.
    pub reference: Option<String>,
    /// IBAN or account number without spaces, if the file has it (CSV has not).
    pub account_number: Option<String>,
    /// The currency of the account.
    pub currency: Currency,
    /// The balance before the first entry, if stated.
    pub opening: Option<Balance>,
    /// The balance after the last entry, if stated.
    pub closing: Option<Balance>,
    /// The booked entries, in the file's order. Pending ones are left out.
    pub entries: Vec<Entry>,
}

/// Whether the entries lead from the opening to the closing balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BalanceCheck {
    /// Opening plus entries is closing.
    Balanced,
    /// The file states no opening or no closing balance.
    NotStated,
}

impl BalanceCheck {
    /// The name in the database and in GraphQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balanced => "BALANCED",
            Self::NotStated => "NOT_STATED",
        }
    }

    /// The check of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Balanced, Self::NotStated]
            .into_iter()
            .find(|check| check.name() == name)
    }
}

/// Why a file is not imported: the place and the reason, in words for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct StatementError {
    /// `line 12`, `Stmt[2]/Ntry[7]/Amt`, `row 3, column Amount`, or `file`.
    pub place: String,
    /// One sentence, lower case, no stop, with the file's text in backticks and shortened.
    pub reason: String,
}

/// How the columns of a CSV file are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvMapping {
    /// The header of the column with the booking date.
    pub date: String,
    /// How dates are written, in `strftime` form: `%Y-%m-%d`, `%d.%m.%Y`.
    pub date_format: String,
    /// The header of the column with signed amounts; or `None` where two columns hold them.
    pub amount: Option<String>,
    /// The header of the column with money in, where amounts have two columns.
    pub credit: Option<String>,
    /// The header of the column with money out, where amounts have two columns.
    pub debit: Option<String>,
    /// The header of the column with the description.
    pub description: String,
    /// The header of the column with the other party.
    pub counterparty: Option<String>,
    /// The header of the column with the bank's reference.
    pub reference: Option<String>,
    /// The header of the column with the balance after each row, which is then checked.
    pub balance: Option<String>,
    /// `,` `;` tab or `|`.
    pub delimiter: char,
    /// `.` or `,`.
    pub decimal_mark: char,
    /// The currency of the amounts.
    pub currency: Currency,
}

impl StatementError {
    /// Parsers that this crate builds on repeat the file's text in their messages, with its line
    /// breaks and at any length; so both parts are cut to one line of bounded length here.
    pub(crate) fn new(place: impl AsRef<str>, reason: impl AsRef<str>) -> Self {
        const MOST: usize = 300;
        let line = |text: &str| {
            let plain = |c: char| if c.is_control() { ' ' } else { c };
            text.chars().take(MOST).map(plain).collect()
        };
        Self {
            place: line(place.as_ref()),
            reason: line(reason.as_ref()),
        }
    }

    /// A fault of the file as a whole.
    pub(crate) fn file(reason: impl AsRef<str>) -> Self {
        Self::new("file", reason)
    }
}

/// Reads a file from untrusted bytes. All of it is well-formed, or nothing is returned.
///
/// The format is found by [`recognise`]; a file that is none of those is read as CSV if a mapping
/// says how. Balances are not compared here: see [`check_balance`].
///
/// # Errors
/// A file of no known format, one beyond a limit, and the first fault of a file that is malformed.
pub fn parse(
    bytes: &[u8],
    csv: Option<&CsvMapping>,
) -> Result<(Format, Vec<Statement>), StatementError> {
    if bytes.is_empty() {
        return Err(StatementError::file("the file is empty"));
    }
    if bytes.len() > BYTES_MAX {
        return Err(StatementError::file(format!(
            "the file has {} bytes, and at most {BYTES_MAX} are read",
            bytes.len()
        )));
    }
    let (format, statements) = match (recognise(bytes), csv) {
        (Some(format @ (Format::Camt053 | Format::Camt052)), _) => (format, camt::parse(bytes)?),
        (Some(Format::Ofx), _) => (Format::Ofx, ofx::parse(bytes)?),
        (Some(Format::Mt940), _) => (Format::Mt940, mt940::parse(bytes)?),
        (Some(Format::Csv) | None, Some(mapping)) if !recognise::is_foreign(bytes) => {
            (Format::Csv, vec![csv::parse(bytes, mapping)?])
        }
        _ => return Err(recognise::refusal(bytes)),
    };
    check_repeats(&statements)?;
    Ok((format, statements))
}

/// A file that holds one statement twice would count its entries twice.
fn check_repeats(statements: &[Statement]) -> Result<(), StatementError> {
    for (index, statement) in statements.iter().enumerate() {
        let earlier = statements
            .iter()
            .take(index)
            .position(|other| other == statement);
        if let Some(earlier) = earlier.filter(|_| !statement.entries.is_empty()) {
            return Err(StatementError::file(format!(
                "statement {} repeats statement {}",
                index + 1,
                earlier + 1
            )));
        }
    }
    Ok(())
}

fn check_statement_count(count: usize) -> Result<(), StatementError> {
    if count > STATEMENTS_MAX {
        let reason = format!("the file has more than {STATEMENTS_MAX} statements");
        Err(StatementError::file(reason))
    } else {
        Ok(())
    }
}

fn check_transaction_count(count: usize) -> Result<(), StatementError> {
    if count > TRANSACTIONS_MAX {
        let reason = format!("the file has more than {TRANSACTIONS_MAX} transactions");
        Err(StatementError::file(reason))
    } else {
        Ok(())
    }
}

/// Checks that the opening balance and the entries add up to the closing balance, exactly.
///
/// # Errors
/// An imbalance, with the numbers of the sender's own file. The error is for the sender only.
pub fn check_balance(statement: &Statement) -> Result<BalanceCheck, StatementError> {
    let (Some(opening), Some(closing)) = (statement.opening, statement.closing) else {
        return Ok(BalanceCheck::NotStated);
    };
    let place = || match &statement.reference {
        Some(reference) => format!("statement `{reference}`"),
        None => "statement".to_owned(),
    };
    let mut reached = opening.money;
    for entry in &statement.entries {
        reached = reached
            .plus(entry.amount)
            .map_err(|error| StatementError::new(place(), error.to_string()))?;
    }
    if reached == closing.money {
        return Ok(BalanceCheck::Balanced);
    }
    Err(StatementError::new(
        place(),
        format!(
            "the opening balance `{}` and {} entries lead to `{}`, but the closing balance is `{}`",
            opening.money.to_decimal_text(),
            statement.entries.len(),
            reached.to_decimal_text(),
            closing.money.to_decimal_text()
        ),
    ))
}
