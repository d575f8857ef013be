//! Fields that every format has: texts, dates, amounts, account numbers.
//!
//! Faults are reasons without a place; the caller knows where it stands.

use chrono::{Datelike, NaiveDate};

use super::{COUNTERPARTY_MAX, DESCRIPTION_MAX, REFERENCE_MAX};
use crate::money::{Currency, Money};

/// How much of the file's text an error repeats.
const QUOTE_MAX: usize = 40;

/// The file's text as an error shows it: shortened, on one line, in backticks.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(QUOTE_MAX)
        .map(|c| if c.is_control() || c == '`' { ' ' } else { c })
        .collect();
    if text.chars().nth(QUOTE_MAX).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A text with white space collapsed and control characters taken as white space, for a database
/// text can hold no NUL. Nothing is cut off: a longer text than `most` characters is refused.
pub(super) fn text(raw: &str, most: usize) -> Result<String, String> {
    let mut clean = String::with_capacity(raw.len());
    for word in raw
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    let length = clean.chars().count();
    if length > most {
        return Err(format!(
            "the text has {length} characters, and at most {most} are read"
        ));
    }
    Ok(clean)
}

/// Remittance information. May be empty.
pub(super) fn description(raw: &str) -> Result<String, String> {
    text(raw, DESCRIPTION_MAX)
}

/// The name of the other party; `None` where it is blank.
pub(super) fn counterparty(raw: &str) -> Result<Option<String>, String> {
    text(raw, COUNTERPARTY_MAX).map(some)
}

/// A reference; `None` where it is blank.
pub(super) fn reference(raw: &str) -> Result<Option<String>, String> {
    text(raw, REFERENCE_MAX).map(some)
}

/// An IBAN or account number without spaces; `None` where it is blank.
pub(super) fn account_number(raw: &str) -> Result<Option<String>, String> {
    let mut number: String = text(raw, REFERENCE_MAX)?;
    number.retain(|c| c != ' ');
    if is_iban(&number.to_ascii_uppercase()) {
        number.make_ascii_uppercase();
    }
    Ok(some(number))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Whether a text is an IBAN by ISO 13616: its shape and its check digits (ISO 7064, mod 97-10).
pub(super) fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = (15..=34).contains(&bytes.len())
        && bytes
            .iter()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().skip(2).take(2).all(u8::is_ascii_digit);
    if !shaped {
        return false;
    }
    let moved = bytes.iter().skip(4).chain(bytes.iter().take(4));
    let remainder = moved.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

/// A plausible day of the calendar, which a typing error in the year is not.
pub(super) fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day).filter(|date| (1900..2200).contains(&date.year()))
}

/// `2015-01-31`, with or without a time and a zone after it. The day is taken as it is written: it is
/// the day at the bank.
pub(super) fn iso_date(raw: &str) -> Result<NaiveDate, String> {
    let fault = || format!("{} is not a date such as `2015-01-31`", quoted(raw));
    let (date, rest) = raw.split_at_checked(10).ok_or_else(fault)?;
    let tail = rest.is_empty()
        || rest.len() <= 32
            && rest.starts_with(['T', 'Z', '+', '-'])
            && rest
                .bytes()
                .all(|b| b.is_ascii_digit() || b"TZ:.+-".contains(&b));
    let mut parts = date.split('-').map(digits);
    match (tail, parts.next(), parts.next(), parts.next(), parts.next()) {
        (true, Some(Some((year, 4))), Some(Some((month, 2))), Some(Some((date, 2))), None) => {
            i32::try_from(year)
                .ok()
                .and_then(|year| day(year, month, date))
                .ok_or_else(fault)
        }
        _ => Err(fault()),
    }
}

/// A number of digits only, and how many they are.
pub(super) fn digits(text: &str) -> Option<(u32, usize)> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    Some((text.parse().ok().filter(|_| plain)?, text.len()))
}

/// A plain number, with a sign or without, with one decimal mark or none: no grouping, no exponent.
pub(super) fn amount(raw: &str, mark: char, currency: Currency) -> Result<Money, String> {
    let fault = || format!("{} is not an amount", quoted(raw));
    let unsigned = raw.strip_prefix(['+', '-']).unwrap_or(raw);
    let (units, fraction) = unsigned.split_once(mark).unwrap_or((unsigned, ""));
    let plain = [units, fraction]
        .iter()
        .all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !plain || units.len() + fraction.len() == 0 || units.len() > 28 || fraction.len() > 28 {
        return Err(fault());
    }
    let sign = if raw.starts_with('-') { "-" } else { "" };
    let fraction = fraction.trim_end_matches('0');
    let units = units.trim_start_matches('0');
    let text = format!("{sign}0{units}.{fraction}0");
    Money::parse(&text, currency).map_err(|error| match error {
        crate::money::MoneyError::Number(_) => fault(),
        other => other.to_string(),
    })
}

/// The amount with its sign turned.
pub(super) fn negated(money: Money) -> Result<Money, String> {
    Money::new(-money.amount(), money.currency()).map_err(|error| error.to_string())
}

/// A currency code, of a currency that is no more as well: a statement may be old, and its account in that
/// currency. Where the account is not, that is what is told.
pub(super) fn currency(raw: &str) -> Result<Currency, String> {
    if raw.is_empty() {
        return Err("the currency is empty".to_owned());
    }
    Currency::written(raw).map_err(|_| format!("{} is not an ISO 4217 currency code", quoted(raw)))
}
