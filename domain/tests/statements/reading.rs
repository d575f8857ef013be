//! Shorthands: what has to be good, what has to be bad, and an entry as one line.

use countersign_domain::statements::{
    BalanceCheck, Entry, Format, Statement, StatementError, check_balance, parse,
};

/// The statements of a file that has to be good.
pub(crate) fn good(format: Format, bytes: impl AsRef<[u8]>) -> Vec<Statement> {
    match parse(bytes.as_ref(), None) {
        Ok((found, statements)) => {
            assert_eq!(found, format);
            statements
        }
        Err(error) => panic!("{error}"),
    }
}

/// The only statement of a file that has to be good.
pub(crate) fn one(format: Format, bytes: impl AsRef<[u8]>) -> Statement {
    let mut statements = good(format, bytes);
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

/// The place and the reason of a file that has to be refused.
pub(crate) fn bad(bytes: impl AsRef<[u8]>) -> String {
    match parse(bytes.as_ref(), None) {
        Ok((format, _)) => panic!("a broken file was read as {format:?}"),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn balanced(statement: &Statement) -> Result<BalanceCheck, StatementError> {
    check_balance(statement)
}

/// An entry in one line: days, amount, party, description, reference.
pub(crate) fn line(entry: &Entry) -> String {
    format!(
        "{} {} {} | {} | {} | {}",
        entry.booked_on,
        entry
            .value_on
            .map_or_else(|| "-".to_owned(), |day| day.to_string()),
        entry.amount.to_decimal_text(),
        entry.counterparty.as_deref().unwrap_or("-"),
        entry.description,
        entry.reference.as_deref().unwrap_or("-"),
    )
}

pub(crate) fn lines(statement: &Statement) -> Vec<String> {
    statement.entries.iter().map(line).collect()
}
