//! Amounts as spreadsheets and banks write them.

use crate::{
    money::{Currency, Money},
    statements::field,
};

/// Reads an amount with a sign before or after it, or in parentheses for a negative one, and with
/// or without groups of three digits.
pub(super) fn money(text: &str, mark: char, currency: Currency) -> Result<Money, String> {
    let fault = || format!("{} is not an amount", field::quoted(text));
    let mut negative = false;
    let mut body = text.trim();
    if let Some(inside) = body
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        negative = true;
        body = inside;
    } else if let Some(rest) = body.strip_prefix(['-', '\u{2212}']) {
        negative = true;
        body = rest;
    } else if let Some(rest) = body.strip_suffix(['-', '\u{2212}']) {
        negative = true;
        body = rest;
    } else if let Some(rest) = body.strip_prefix('+').or_else(|| body.strip_suffix('+')) {
        body = rest;
    }
    let body = body.trim();
    if body.starts_with(['+', '-']) {
        return Err(fault());
    }
    let (units, fraction) = body.split_once(mark).unwrap_or((body, ""));
    let units = ungrouped(units, mark).ok_or_else(fault)?;
    let sign = if negative { "-" } else { "" };
    field::amount(&format!("{sign}{units}{mark}{fraction}"), mark, currency).map_err(|error| {
        if error.ends_with("is not an amount") {
            fault()
        } else {
            error
        }
    })
}

/// The digits without their grouping, which is of one kind and into threes, or there is none.
fn ungrouped(units: &str, mark: char) -> Option<String> {
    let other = if mark == '.' { ',' } else { '.' };
    let separator = [other, ' ', '\'', '\u{2019}', '\u{a0}', '\u{202f}']
        .into_iter()
        .find(|separator| units.contains(*separator));
    let Some(separator) = separator else {
        return Some(units.to_owned());
    };
    let mut groups = units.split(separator);
    let head = groups.next().filter(|head| (1..=3).contains(&head.len()))?;
    let mut digits = head.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}
