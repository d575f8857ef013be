//! Comma-separated values, read by a mapping of columns that the sender gives.
//!
//! Cells are text and stay text: one that a spreadsheet would run as a formula is a description like
//! any other.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::{Balance, CsvMapping, Entry, Statement, StatementError, encoding, field};
use crate::money::Money;

mod number;

/// How many rows may precede the one with the headers: banks put the account and the period there.
const PREAMBLE_MAX: usize = 40;
/// The most columns of a file.
const COLUMNS_MAX: usize = 256;

/// Where the mapped columns stand in a row.
#[derive(Debug)]
struct Columns {
    width: usize,
    date: usize,
    amount: Option<usize>,
    credit: Option<usize>,
    debit: Option<usize>,
    description: usize,
    counterparty: Option<usize>,
    reference: Option<usize>,
    balance: Option<usize>,
}

/// Reads the rows below the first one that has every header of the mapping.
pub(super) fn parse(bytes: &[u8], mapping: &CsvMapping) -> Result<Statement, StatementError> {
    check(mapping)?;
    let source = encoding::undeclared(bytes);
    let delimiter = u8::try_from(mapping.delimiter).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(source.as_bytes());
    let mut columns: Option<Columns> = None;
    let mut rows: Vec<(String, Entry, Option<Money>)> = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| StatementError::file(format!("{error}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        let place = format!("row {line}");
        let Some(columns) = &columns else {
            columns = header(&record, mapping, &place)?;
            if columns.is_none() && index >= PREAMBLE_MAX {
                break;
            }
            continue;
        };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.len() != columns.width {
            let (width, length) = (columns.width, record.len());
            let reason = format!("the row has {length} cells, and the headers are {width}");
            return Err(StatementError::new(place, reason));
        }
        super::check_transaction_count(rows.len() + 1)?;
        let (entry, balance) = row(
            &Row {
                record,
                place: &place,
            },
            columns,
            mapping,
        )?;
        rows.push((place, entry, balance));
    }
    if columns.is_none() {
        return Err(StatementError::file(
            "no row has every header that the mapping names",
        ));
    }
    statement(rows, mapping)
}

fn check(mapping: &CsvMapping) -> Result<(), StatementError> {
    let two = mapping.credit.is_some() && mapping.debit.is_some();
    let any = mapping.credit.is_some() || mapping.debit.is_some();
    let reason = if !matches!(mapping.delimiter, ',' | ';' | '\t' | '|') {
        "the delimiter is one of `,` `;` `|` and tab"
    } else if !matches!(mapping.decimal_mark, '.' | ',') {
        "the decimal mark is `.` or `,`"
    } else if mapping.amount.is_some() == any || any != two {
        "amounts are in one column `amount`, or in two columns `credit` and `debit`"
    } else {
        return Ok(());
    };
    Err(StatementError::new("mapping", reason))
}

/// The places of the mapped columns, if this row has all of them.
fn header(
    record: &csv::StringRecord,
    mapping: &CsvMapping,
    place: &str,
) -> Result<Option<Columns>, StatementError> {
    if record.len() > COLUMNS_MAX {
        let reason = format!("the row has more than {COLUMNS_MAX} cells");
        return Err(StatementError::new(place, reason));
    }
    let find = |name: &str| {
        let mut found = record
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.trim() == name.trim())
            .map(|(index, _)| index);
        (found.next(), found.next().is_some())
    };
    let names = [
        Some(&mapping.date),
        mapping.amount.as_ref(),
        mapping.credit.as_ref(),
        mapping.debit.as_ref(),
        Some(&mapping.description),
        mapping.counterparty.as_ref(),
        mapping.reference.as_ref(),
        mapping.balance.as_ref(),
    ];
    if names
        .into_iter()
        .flatten()
        .any(|name| find(name).0.is_none())
    {
        return Ok(None);
    }
    if let Some(name) = names.into_iter().flatten().find(|name| find(name).1) {
        let reason = format!("two columns have the header {}", field::quoted(name));
        return Err(StatementError::new(place, reason));
    }
    let at = |name: &Option<String>| name.as_ref().and_then(|name| find(name).0);
    let (Some(date), Some(description)) = (find(&mapping.date).0, find(&mapping.description).0)
    else {
        return Ok(None);
    };
    Ok(Some(Columns {
        width: record.len(),
        date,
        amount: at(&mapping.amount),
        credit: at(&mapping.credit),
        debit: at(&mapping.debit),
        description,
        counterparty: at(&mapping.counterparty),
        reference: at(&mapping.reference),
        balance: at(&mapping.balance),
    }))
}

struct Row<'a> {
    record: csv::StringRecord,
    place: &'a str,
}

impl Row<'_> {
    fn cell(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or("").trim()
    }

    fn fault(&self, header: Option<&str>, reason: impl AsRef<str>) -> StatementError {
        let column = header.map_or_else(String::new, |header| format!(", column {header}"));
        StatementError::new(format!("{}{column}", self.place), reason)
    }
}

fn row(
    row: &Row<'_>,
    columns: &Columns,
    mapping: &CsvMapping,
) -> Result<(Entry, Option<Money>), StatementError> {
    let money = |column: usize, header: &Option<String>| {
        number::money(row.cell(column), mapping.decimal_mark, mapping.currency)
            .map_err(|reason| row.fault(header.as_deref(), reason))
    };
    let text = |column: Option<usize>, header: &Option<String>, read: Reading| {
        column.map_or(Ok(None), |column| {
            read(row.cell(column)).map_err(|reason| row.fault(header.as_deref(), reason))
        })
    };
    let amount = match (columns.amount, columns.credit, columns.debit) {
        (Some(amount), _, _) => money(amount, &mapping.amount)?,
        (None, Some(credit), Some(debit)) => {
            let side = |column: usize, header| {
                if row.cell(column).is_empty() {
                    Ok(None)
                } else {
                    money(column, header).map(|money| Some(money).filter(|m| !m.amount().is_zero()))
                }
            };
            match (side(credit, &mapping.credit)?, side(debit, &mapping.debit)?) {
                (Some(credit), None) if credit.amount().is_sign_positive() => credit,
                // Some banks write money out with a minus in its own column as well.
                (None, Some(debit)) if debit.amount().is_sign_negative() => debit,
                (None, Some(debit)) => {
                    field::negated(debit).map_err(|r| row.fault(mapping.debit.as_deref(), r))?
                }
                (Some(_), None) => {
                    let reason = "money in is negative";
                    return Err(row.fault(mapping.credit.as_deref(), reason));
                }
                (Some(_), Some(_)) => return Err(row.fault(None, "money goes in and out at once")),
                (None, None) => {
                    return Err(row.fault(None, "neither money in nor money out is given"));
                }
            }
        }
        _ => return Err(row.fault(None, "no column has the amount")),
    };
    let description = field::description(row.cell(columns.description))
        .map_err(|reason| row.fault(Some(&mapping.description), reason))?;
    let entry = Entry {
        booked_on: date(row, columns.date, mapping)?,
        value_on: None,
        amount,
        counterparty: text(
            columns.counterparty,
            &mapping.counterparty,
            field::counterparty,
        )?,
        description,
        reference: text(columns.reference, &mapping.reference, field::reference)?,
    };
    let balance = columns
        .balance
        .map(|column| money(column, &mapping.balance))
        .transpose()?;
    Ok((entry, balance))
}

type Reading = fn(&str) -> Result<Option<String>, String>;

fn date(row: &Row<'_>, column: usize, mapping: &CsvMapping) -> Result<NaiveDate, StatementError> {
    use chrono::Datelike;
    let text = row.cell(column);
    NaiveDate::parse_from_str(text, &mapping.date_format)
        .ok()
        .and_then(|date| field::day(date.year(), date.month(), date.day()))
        .ok_or_else(|| {
            let format = field::quoted(&mapping.date_format);
            let reason = format!("{} is not a date of the form {format}", field::quoted(text));
            row.fault(Some(&mapping.date), reason)
        })
}

/// The statement, with balances if a column has them and every row agrees with the one before it in
/// time. Files go forwards or backwards in time; the dates tell which, or else the balances do.
fn statement(
    rows: Vec<(String, Entry, Option<Money>)>,
    mapping: &CsvMapping,
) -> Result<Statement, StatementError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(StatementError::file("no row follows the headers"));
    };
    let (mut opening, mut closing) = (None, None);
    if mapping.balance.is_some() {
        let forwards = || rows.iter();
        let backwards = || rows.iter().rev();
        let steps = match first.1.booked_on.cmp(&last.1.booked_on) {
            std::cmp::Ordering::Less => running(forwards(), mapping),
            std::cmp::Ordering::Greater => running(backwards(), mapping),
            std::cmp::Ordering::Equal => running(forwards(), mapping)
                .or_else(|fault| running(backwards(), mapping).map_err(|_| fault)),
        };
        (opening, closing) = steps?;
    }
    Ok(Statement {
        reference: None,
        account_number: None,
        currency: mapping.currency,
        opening,
        closing,
        entries: rows.into_iter().map(|(_, entry, _)| entry).collect(),
    })
}

type Balances = (Option<Balance>, Option<Balance>);

/// Follows the balance column through time, and returns the balances before and after all rows.
fn running<'a>(
    rows: impl Iterator<Item = &'a (String, Entry, Option<Money>)>,
    mapping: &CsvMapping,
) -> Result<Balances, StatementError> {
    let header = mapping
        .balance
        .as_deref()
        .map_or(Cow::Borrowed("balance"), Cow::Borrowed);
    let (mut opening, mut reached): Balances = (None, None);
    for (place, entry, balance) in rows {
        let fault =
            |reason: String| StatementError::new(format!("{place}, column {header}"), reason);
        let Some(stated) = *balance else {
            return Err(fault("the balance is missing".to_owned()));
        };
        let on = Some(entry.booked_on);
        if let Some(before) = reached {
            let sum = before
                .money
                .plus(entry.amount)
                .map_err(|error| fault(error.to_string()))?;
            if sum != stated {
                return Err(fault(format!(
                    "the balance is `{}`, but the row before and the amount lead to `{}`",
                    stated.to_decimal_text(),
                    sum.to_decimal_text()
                )));
            }
        } else {
            let money = field::negated(entry.amount)
                .and_then(|turned| stated.plus(turned).map_err(|error| error.to_string()))
                .map_err(fault)?;
            opening = Some(Balance { money, on });
        }
        reached = Some(Balance { money: stated, on });
    }
    Ok((opening, reached))
}
