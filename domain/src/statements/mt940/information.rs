//! Field 86, information to the account owner, in the three ways that banks write it.

use crate::statements::{Entry, field};

/// The length of a full subfield, which the next one continues without a space.
const SUBFIELD: usize = 27;

/// Codes that banks write between slashes.
const CODES: [&str; 31] = [
    "ACCW", "BENM", "BIC", "CNTP", "CREF", "CSID", "EREF", "EXCH", "IBAN", "ID", "INFO", "IREF",
    "ISDT", "MARF", "NAME", "NRTX", "OCMT", "ORDP", "PREF", "PURP", "REMI", "RTRN", "SUBCSID",
    "SVCL", "SVWZ", "TRCD", "TRTP", "TRTPNR", "ULTB", "ULTC", "ULTD",
];

/// Sets the description of an entry, and the other party where the text names it.
pub(super) fn describe(entry: &mut Entry, lines: &[&str]) -> Result<(), String> {
    let joined = lines.concat();
    let (name, text) = if let Some(subfields) = subfields(joined.trim_start()) {
        let purpose = join(&subfields, |code| matches!(code, 20..=29 | 60..=63));
        let name = join(&subfields, |code| matches!(code, 32 | 33));
        let purpose = if purpose.trim().is_empty() {
            join(&subfields, |code| code == 0)
        } else {
            purpose
        };
        (name, purpose)
    } else if let Some(parts) = slashed(joined.trim_start()) {
        let name = value(&parts, "NAME")
            .or_else(|| counterparty(&parts))
            .unwrap_or("");
        let text = value(&parts, "REMI")
            .map(remittance)
            .filter(|text| !text.is_empty());
        (
            name.trim_matches('/').to_owned(),
            text.unwrap_or(&joined).to_owned(),
        )
    } else {
        (String::new(), lines.join(" "))
    };
    let text = field::description(&text)?;
    if !text.is_empty() {
        entry.description = text;
    }
    entry.counterparty = field::counterparty(&name)?;
    Ok(())
}

/// A three-digit business code, then subfields, each a separator and two digits: `166?00…?20…?32…`,
/// as German, Austrian and Polish banks write them.
fn subfields(text: &str) -> Option<Vec<(u32, &str)>> {
    let (code, rest) = text.split_at_checked(3)?;
    let separator = rest
        .chars()
        .next()
        .filter(|mark| matches!(mark, '?' | '>' | '~' | '^'))?;
    field::digits(code).filter(|(_, length)| *length == 3)?;
    let code_at = |at: usize| {
        let code = rest.get(at + 1..at + 3)?;
        field::digits(code)
            .filter(|(_, length)| *length == 2)
            .map(|(code, _)| (at, code))
    };
    let starts: Vec<(usize, u32)> = rest
        .match_indices(separator)
        .filter_map(|(at, _)| code_at(at))
        .collect();
    if starts.first().is_none_or(|(at, _)| *at != 0) {
        return None;
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([rest.len()]);
    Some(
        starts
            .iter()
            .zip(ends)
            .filter_map(|((at, code), end)| Some((*code, rest.get(at + 3..end)?)))
            .collect(),
    )
}

/// The subfields of those codes as one text. A full subfield is continued within a word.
fn join(subfields: &[(u32, &str)], wanted: impl Fn(u32) -> bool) -> String {
    let mut joined = String::new();
    for (_, text) in subfields.iter().filter(|(code, _)| wanted(*code)) {
        joined.push_str(text);
        if text.chars().count() < SUBFIELD {
            joined.push(' ');
        }
    }
    joined
}

/// `/NAME/…/REMI/…`, as Dutch banks write them: the codes with their values.
fn slashed(text: &str) -> Option<Vec<(&str, &str)>> {
    text.strip_prefix('/')?;
    let mut starts: Vec<(usize, &str)> = Vec::new();
    for (at, _) in text.match_indices('/') {
        let code = text
            .get(at + 1..)
            .and_then(|rest| rest.split_once('/'))
            .map(|(code, _)| code);
        if let Some(code) = code.filter(|code| CODES.contains(code)) {
            starts.push((at, code));
        }
    }
    if starts.first().is_none_or(|(at, _)| *at != 0) {
        return None;
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    Some(
        starts
            .iter()
            .zip(ends)
            .map(|((at, code), end)| (*code, text.get(at + code.len() + 2..end).unwrap_or("")))
            .collect(),
    )
}

fn value<'a>(parts: &[(&str, &'a str)], code: &str) -> Option<&'a str> {
    parts
        .iter()
        .find(|(own, _)| *own == code)
        .map(|(_, value)| *value)
}

/// The third part of `/CNTP/account/bank/name/city/`.
fn counterparty<'a>(parts: &[(&str, &'a str)]) -> Option<&'a str> {
    value(parts, "CNTP")?.split('/').nth(2)
}

/// Without the mark of unstructured or structured remittance information.
fn remittance(value: &str) -> &str {
    let value = ["USTD//", "STRD/CUR/", "STRD/ISO/"]
        .into_iter()
        .find_map(|mark| value.strip_prefix(mark))
        .unwrap_or(value);
    value.trim_matches('/').trim()
}
