//! OFX 1 (SGML) and OFX 2 (XML): statements of bank accounts and credit cards.

use chrono::NaiveDate;

use super::{
    Balance, Entry, Statement, StatementError, encoding, field, sgml,
    tree::{Document, Element, Places},
    xml,
};
use crate::money::{Currency, Money};

/// Reads every statement of a file.
///
/// OFX states no opening balance. Investment statements are refused rather than passed over.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Statement>, StatementError> {
    if is_xml(bytes) {
        let source = encoding::xml(bytes)?;
        return statements(&xml::document(&source, Places::Lines)?);
    }
    let source = encoding::ofx(bytes)?;
    statements(&sgml::document(&source)?)
}

fn is_xml(bytes: &[u8]) -> bool {
    let bytes = bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(bytes)
        .trim_ascii_start();
    bytes.starts_with(b"<?xml") || bytes.starts_with(b"<?OFX")
}

fn statements(document: &Document<'_>) -> Result<Vec<Statement>, StatementError> {
    let root = document.root().filter(|root| root.name() == "OFX");
    let root = root.ok_or_else(|| StatementError::file("the file has no `OFX` element"))?;
    let mut found = Vec::new();
    let mut count = 0;
    for set in root.children() {
        for answer in set.children() {
            let (name, from) = match answer.name() {
                "STMTTRNRS" => ("STMTRS", "BANKACCTFROM"),
                "CCSTMTTRNRS" => ("CCSTMTRS", "CCACCTFROM"),
                "INVSTMTTRNRS" => {
                    return Err(answer.fault("statements of investments are not supported"));
                }
                _ => continue,
            };
            super::check_statement_count(found.len() + 1)?;
            let element = answer.child(name).ok_or_else(|| refused(answer, name))?;
            let statement = statement(element, from, count)?;
            count += statement.entries.len();
            found.push(statement);
        }
    }
    if found.is_empty() {
        Err(root.fault("the file holds no statement of a bank account or credit card"))
    } else {
        Ok(found)
    }
}

/// An answer without a statement, which the bank explains with a status.
fn refused(answer: Element<'_>, name: &str) -> StatementError {
    let code = answer.text_of(&["STATUS", "CODE"]).unwrap_or("none");
    let reason = format!(
        "there is no `{name}`: the bank's status is {}",
        field::quoted(code)
    );
    answer.fault(reason)
}

fn statement(
    element: Element<'_>,
    from: &'static str,
    before: usize,
) -> Result<Statement, StatementError> {
    let stated = element.require("CURDEF")?;
    let currency = field::currency(stated.text()).map_err(|reason| stated.fault(reason))?;
    let account = element.require(from)?.require("ACCTID")?;
    let number = field::account_number(account.text()).map_err(|reason| account.fault(reason))?;
    if number.is_none() {
        return Err(account.fault("`ACCTID` is empty"));
    }
    let mut entries = Vec::new();
    for transaction in element
        .all("BANKTRANLIST")
        .flat_map(|list| list.all("STMTTRN"))
    {
        super::check_transaction_count(before + entries.len() + 1)?;
        entries.push(entry(transaction, currency)?);
    }
    Ok(Statement {
        reference: None,
        account_number: number,
        currency,
        opening: None,
        closing: element
            .child("LEDGERBAL")
            .map(|balance| ledger_balance(balance, currency))
            .transpose()?,
        entries,
    })
}

fn ledger_balance(element: Element<'_>, currency: Currency) -> Result<Balance, StatementError> {
    let on = element.require("DTASOF")?;
    Ok(Balance {
        money: amount(element.require("BALAMT")?, currency)?,
        on: Some(date(on)?),
    })
}

fn entry(element: Element<'_>, currency: Currency) -> Result<Entry, StatementError> {
    // `CURRENCY` says that the amount is in another currency; `ORIGCURRENCY` that it was.
    if let Some(other) = element.find(&["CURRENCY", "CURSYM"])
        && !other.text().is_empty()
        && other.text() != currency.code()
    {
        let stated = field::quoted(other.text());
        let reason = format!("the amount is in {stated}, but the account is in `{currency}`");
        return Err(other.fault(reason));
    }
    let name = element
        .child("NAME")
        .or_else(|| element.find(&["PAYEE", "NAME"]));
    let counterparty = match name {
        Some(name) => field::counterparty(name.text()).map_err(|reason| name.fault(reason))?,
        None => None,
    };
    let mut description = match element.child("MEMO") {
        Some(memo) => field::description(memo.text()).map_err(|reason| memo.fault(reason))?,
        None => String::new(),
    };
    if description.is_empty() {
        description = counterparty.clone().unwrap_or_default();
    }
    let reference = match element.child("FITID") {
        Some(id) => field::reference(id.text()).map_err(|reason| id.fault(reason))?,
        None => None,
    };
    let available = element
        .child("DTAVAIL")
        .filter(|day| !day.text().is_empty());
    Ok(Entry {
        booked_on: date(element.require("DTPOSTED")?)?,
        value_on: available.map(date).transpose()?,
        amount: amount(element.require("TRNAMT")?, currency)?,
        counterparty,
        description,
        reference,
    })
}

/// A signed number with a point or a comma, as OFX lets each bank choose.
fn amount(element: Element<'_>, currency: Currency) -> Result<Money, StatementError> {
    let mark = if element.text().contains(',') {
        ','
    } else {
        '.'
    };
    field::amount(element.text(), mark, currency).map_err(|reason| element.fault(reason))
}

/// `YYYYMMDD`, with a time `HHMMSS.XXX` and a zone `[-5:EST]` or without. The day is taken as it is
/// written: it is the day at the bank.
fn date(element: Element<'_>) -> Result<NaiveDate, StatementError> {
    let text = element.text();
    let read = || {
        let (date, time) = text.split_at_checked(8)?;
        let (year, rest) = date.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        let (time, zone) = match time.split_once('[') {
            Some((time, zone)) => (time, zone.strip_suffix(']')?),
            None => (time, ""),
        };
        let plain = time.len() <= 16
            && time
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':'))
            && zone.len() <= 32;
        let (year, month, day) = (
            field::digits(year)?.0,
            field::digits(month)?.0,
            field::digits(day)?.0,
        );
        field::day(i32::try_from(year).ok()?, month, day).filter(|_| plain)
    };
    read().ok_or_else(|| {
        let name = element.name();
        element.fault(if text.is_empty() {
            format!("`{name}` is empty")
        } else {
            format!("{} is not a date such as `20150131`", field::quoted(text))
        })
    })
}
