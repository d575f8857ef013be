//! Field 61, the statement line.

use super::{amount, nearest, short_date};
use crate::{
    money::Currency,
    statements::{Entry, field},
};

/// What stands where a reference would, to say that there is none or that field 86 has it.
const PLACEHOLDERS: [&str; 8] = [
    "NONREF", "N", "EREF", "KREF", "PREF", "MREF", "MARF", "KREF+",
];

/// Reads `YYMMDD[MMDD](C|D|RC|RD)[funds code]amount type[reference][//reference]`. Until field 86
/// says more, the supplementary details are the description, or else the type.
pub(super) fn entry(
    line: &str,
    supplement: Option<&str>,
    currency: Currency,
) -> Result<Entry, String> {
    let fault = || format!("{} is not a statement line", field::quoted(line));
    let (date, rest) = line.split_at_checked(6).ok_or_else(fault)?;
    let valued = short_date(date).ok_or_else(fault)?;
    let (booked, rest) = match rest.split_at_checked(4) {
        Some((date, rest)) if date.bytes().all(|b| b.is_ascii_digit()) => {
            (nearest(date, valued).ok_or_else(fault)?, rest)
        }
        _ => (valued, rest),
    };
    let (credit, rest) = direction(rest).ok_or_else(fault)?;
    // The third letter of the currency, where the bank gives it.
    let rest = rest
        .strip_prefix(|c: char| c.is_ascii_uppercase())
        .unwrap_or(rest);
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == ','))
        .ok_or_else(fault)?;
    let (number, rest) = rest.split_at_checked(end).ok_or_else(fault)?;
    let (kind, references) = rest.split_at_checked(4).ok_or_else(fault)?;
    if !kind
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    {
        return Err(fault());
    }
    let (owner, bank) = references.split_once("//").unwrap_or((references, ""));
    let known = |text: &str| {
        let text = text.trim();
        if PLACEHOLDERS.contains(&text) {
            ""
        } else {
            text
        }
        .to_owned()
    };
    let bank = field::reference(&known(bank))?;
    Ok(Entry {
        booked_on: booked,
        value_on: Some(valued),
        amount: amount(number, credit, currency)?,
        counterparty: None,
        description: field::description(supplement.unwrap_or(kind))?,
        reference: match bank {
            Some(bank) => Some(bank),
            None => field::reference(&known(owner))?,
        },
    })
}

/// Whether money comes in, and what follows the mark. `RC` takes a credit back, `RD` a debit.
fn direction(text: &str) -> Option<(bool, &str)> {
    [("RC", false), ("RD", true), ("C", true), ("D", false)]
        .into_iter()
        .find_map(|(mark, credit)| Some((credit, text.strip_prefix(mark)?)))
}
