//! SWIFT MT940, customer statement message, with or without its envelope of blocks.

use chrono::{Datelike, NaiveDate};

use super::{Balance, Entry, Statement, StatementError, encoding, field};
use crate::money::{Currency, Money};

mod information;
mod line;

/// A field with its continuation lines, and the line that it begins on.
#[derive(Debug)]
struct Field<'a> {
    tag: &'a str,
    lines: Vec<&'a str>,
    number: usize,
}

impl Field<'_> {
    fn fault(&self, reason: impl AsRef<str>) -> StatementError {
        StatementError::new(format!("line {}", self.number), reason)
    }

    fn text(&self) -> &str {
        self.lines.first().map_or("", |line| line.trim())
    }
}

/// Reads every message of a file. The pages of one statement (`:60M:`, `:62M:`) are joined where
/// they follow one another and each begins with the balance that the one before ends with.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Statement>, StatementError> {
    let source = encoding::undeclared(bytes);
    let mut found: Vec<Message> = Vec::new();
    let mut count = 0;
    for fields in messages(&source) {
        super::check_statement_count(found.len() + 1)?;
        let message = message(&fields)?;
        count += message.statement.entries.len();
        super::check_transaction_count(count)?;
        match found.last_mut() {
            Some(page) if page.continues_with(&message) => {
                page.statement.entries.extend(message.statement.entries);
                page.statement.closing = message.statement.closing;
                page.ends_page = message.ends_page;
            }
            _ => found.push(message),
        }
    }
    Ok(found.into_iter().map(|message| message.statement).collect())
}

/// A statement, or a page of one.
#[derive(Debug)]
struct Message {
    statement: Statement,
    begins_page: bool,
    ends_page: bool,
}

impl Message {
    fn continues_with(&self, next: &Self) -> bool {
        let same_account = self.statement.account_number == next.statement.account_number;
        let reached = self.statement.closing.map(|balance| balance.money);
        let begun = next.statement.opening.map(|balance| balance.money);
        self.ends_page && next.begins_page && same_account && reached == begun
    }
}

/// The fields of each message. One begins at field 20 and ends at a line `-` or at the next field 20;
/// what stands outside (blocks 1 to 3 and 5, the bank's own headers) is passed over.
fn messages(source: &str) -> Vec<Vec<Field<'_>>> {
    let mut messages: Vec<Vec<Field<'_>>> = Vec::new();
    let mut inside = false;
    for (index, line) in source.lines().enumerate() {
        let line = line
            .split_once("{4:")
            .map_or(line, |(_, text)| text)
            .trim_end_matches('\r');
        match tagged(line) {
            Some((tag, text)) if tag == "20" || inside => {
                if tag == "20" {
                    messages.push(Vec::new());
                    inside = true;
                }
                if let Some(fields) = messages.last_mut() {
                    let (lines, number) = (vec![text], index + 1);
                    fields.push(Field { tag, lines, number });
                }
            }
            None if inside && (line.trim_end() == "-" || line.starts_with("-}")) => inside = false,
            None if inside => {
                let field = messages.last_mut().and_then(|fields| fields.last_mut());
                if let Some(field) = field.filter(|_| !line.trim().is_empty()) {
                    field.lines.push(line);
                }
            }
            _ => {}
        }
    }
    messages
}

/// `:61:…` as `61` and what follows.
fn tagged(line: &str) -> Option<(&str, &str)> {
    let (tag, text) = line.strip_prefix(':')?.split_once(':')?;
    let mut bytes = tag.bytes();
    let plain = bytes.by_ref().take(2).filter(u8::is_ascii_digit).count() == 2
        && bytes.next().is_none_or(|byte| byte.is_ascii_uppercase())
        && bytes.next().is_none();
    plain.then_some((tag, text))
}

/// What has been read of a message so far.
#[derive(Debug, Default)]
struct Draft {
    reference: Option<String>,
    account: Option<String>,
    number: Option<String>,
    opening: Option<(Balance, bool)>,
    closing: Option<(Balance, bool)>,
    entries: Vec<Entry>,
    /// Whether field 86, if it comes next, is about the newest entry.
    after_entry: bool,
}

fn message(fields: &[Field<'_>]) -> Result<Message, StatementError> {
    let mut draft = Draft::default();
    for field in fields {
        read(&mut draft, field)?;
    }
    let first = fields.first();
    let missing = |what: &str| {
        let reason = format!("the statement has no {what}");
        first.map_or_else(
            || StatementError::file(&*reason),
            |field| field.fault(&*reason),
        )
    };
    let mut account = draft.account.ok_or_else(|| missing("account (`:25:`)"))?;
    let (opening, begins_page) = draft
        .opening
        .ok_or_else(|| missing("opening balance (`:60F:` or `:60M:`)"))?;
    let (closing, ends_page) = draft
        .closing
        .ok_or_else(|| missing("closing balance (`:62F:` or `:62M:`)"))?;
    let currency = opening.money.currency();
    // Some banks write the currency behind the IBAN.
    if let Some(iban) = account
        .strip_suffix(currency.code())
        .filter(|iban| field::is_iban(iban))
    {
        account = iban.to_owned();
    }
    let reference = match (draft.reference, draft.number) {
        (Some(reference), Some(number)) => Some(format!("{reference} {number}")),
        (reference, number) => reference.or(number),
    };
    Ok(Message {
        statement: Statement {
            reference,
            account_number: Some(account),
            currency,
            opening: Some(opening),
            closing: Some(closing),
            entries: draft.entries,
        },
        begins_page,
        ends_page,
    })
}

fn read(draft: &mut Draft, field: &Field<'_>) -> Result<(), StatementError> {
    let at = |reason: String| field.fault(reason);
    let once = |taken: bool| {
        if taken {
            Err(field.fault(format!("field `:{}:` is given a second time", field.tag)))
        } else {
            Ok(())
        }
    };
    let about_entry = std::mem::take(&mut draft.after_entry);
    match field.tag {
        "20" => draft.reference = field::reference(field.text()).map_err(at)?,
        "25" | "25P" => {
            once(draft.account.is_some())?;
            let number = field::account_number(field.text()).map_err(at)?;
            draft.account = Some(number.ok_or_else(|| field.fault("the account is empty"))?);
        }
        "28" | "28C" => draft.number = field::reference(field.text()).map_err(at)?,
        "60F" | "60M" => {
            once(draft.opening.is_some())?;
            draft.opening = Some((balance(field)?, field.tag == "60M"));
        }
        "61" => {
            let (Some((opening, _)), None) = (draft.opening, draft.closing) else {
                return Err(field.fault("an entry stands outside of its balances"));
            };
            let (line, supplement) = (field.text(), field.lines.get(1).map(|line| line.trim()));
            let entry = line::entry(line, supplement, opening.money.currency()).map_err(at)?;
            draft.entries.push(entry);
            draft.after_entry = true;
        }
        "86" => {
            if let Some(entry) = draft.entries.last_mut().filter(|_| about_entry) {
                information::describe(entry, &field.lines).map_err(at)?;
            }
        }
        "62F" | "62M" => {
            once(draft.closing.is_some())?;
            let balance = balance(field)?;
            if let Some((opening, _)) = draft.opening
                && opening.money.currency() != balance.money.currency()
            {
                return Err(field.fault("the balances are in two currencies"));
            }
            draft.closing = Some((balance, field.tag == "62M"));
        }
        // Available balances, totals and fields of other messages say nothing of entries.
        _ => {}
    }
    Ok(())
}

/// `C130101EUR1000,00`.
fn balance(field: &Field<'_>) -> Result<Balance, StatementError> {
    let text = field.text();
    let fault = || field.fault(format!("{} is not a balance", field::quoted(text)));
    let (mark, rest) = text.split_at_checked(1).ok_or_else(fault)?;
    let (date, rest) = rest.split_at_checked(6).ok_or_else(fault)?;
    let (code, number) = rest.split_at_checked(3).ok_or_else(fault)?;
    let at = |reason: String| field.fault(reason);
    let currency = field::currency(code).map_err(at)?;
    let credit = match mark {
        "C" => true,
        "D" => false,
        _ => return Err(fault()),
    };
    Ok(Balance {
        money: amount(number, credit, currency).map_err(at)?,
        on: Some(short_date(date).ok_or_else(fault)?),
    })
}

/// Digits with a comma, which have no sign of their own.
fn amount(text: &str, credit: bool, currency: Currency) -> Result<Money, String> {
    if text.starts_with(['+', '-']) {
        return Err(format!("{} is not an amount", field::quoted(text)));
    }
    let money = field::amount(text, ',', currency)?;
    if credit {
        Ok(money)
    } else {
        field::negated(money)
    }
}

/// `YYMMDD`. Years from 80 are of the last century, as SWIFT reads them.
fn short_date(text: &str) -> Option<NaiveDate> {
    let (year, rest) = text.split_at_checked(2)?;
    let (month, day) = rest.split_at_checked(2)?;
    let (Some((year, 2)), Some((month, 2)), Some((day, 2))) = (
        field::digits(year),
        field::digits(month),
        field::digits(day),
    ) else {
        return None;
    };
    let year = i32::try_from(year).ok()?;
    field::day(year + if year >= 80 { 1900 } else { 2000 }, month, day)
}

/// `MMDD` in the year that brings it nearest to another date.
fn nearest(text: &str, other: NaiveDate) -> Option<NaiveDate> {
    let (month, day) = text.split_at_checked(2)?;
    let (Some((month, 2)), Some((day, 2))) = (field::digits(month), field::digits(day)) else {
        return None;
    };
    (other.year() - 1..=other.year() + 1)
        .filter_map(|year| field::day(year, month, day))
        .min_by_key(|date| date.signed_duration_since(other).abs())
}
