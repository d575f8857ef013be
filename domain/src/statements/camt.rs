//! ISO 20022 camt.053 (end-of-day statement) and camt.052 (intraday report), versions .02 and later.
//!
//! The versions differ in few places, and banks mix them; so the version in the namespace is not
//! looked at, and each element is read in any of the forms that some version gives it.

use super::{
    Balance, Entry, Statement, StatementError, encoding, field,
    tree::{Document, Element, Places},
    xml,
};
use crate::money::{Currency, Money};

mod entry;

/// Reads every statement (`Stmt`) or report (`Rpt`) of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Statement>, StatementError> {
    let source = encoding::xml(bytes)?;
    let document = xml::document(&source, Places::Paths)?;
    let (message, name) = message(&document)?;
    let found: Vec<Element<'_>> = message.all(name).collect();
    if found.is_empty() {
        return Err(message.fault(format!("`{}` has no `{name}`", message.name())));
    }
    let mut count = 0;
    found
        .into_iter()
        .enumerate()
        .map(|(index, element)| {
            super::check_statement_count(index + 1)?;
            statement(element, &mut count)
        })
        .collect()
}

/// The message, which may be wrapped in an envelope with a business header, and what its
/// statements are called.
fn message<'d>(document: &'d Document<'d>) -> Result<(Element<'d>, &'static str), StatementError> {
    let root = document.root();
    let wrapped = root.into_iter().flat_map(Element::children);
    let candidates = root.into_iter().chain(wrapped);
    candidates
        .filter(|element| element.name() == "Document")
        .find_map(|element| {
            let statement = element
                .child("BkToCstmrStmt")
                .map(|message| (message, "Stmt"));
            let report = || {
                element
                    .child("BkToCstmrAcctRpt")
                    .map(|message| (message, "Rpt"))
            };
            statement.or_else(report)
        })
        .ok_or_else(|| StatementError::file("`Document` has no `BkToCstmrStmt`"))
}

fn statement(element: Element<'_>, count: &mut usize) -> Result<Statement, StatementError> {
    let currency = currency(element)?;
    let opening = match balance(element, "OPBD", currency)? {
        // The closing balance of the day before, by which some banks give the opening balance.
        None => balance(element, "PRCD", currency)?,
        stated => stated,
    };
    let closing = balance(element, "CLBD", currency)?;
    let mut entries: Vec<Entry> = Vec::new();
    for entry in element.all("Ntry") {
        entry::read(entry, currency, &mut entries)?;
        super::check_transaction_count(*count + entries.len())?;
    }
    *count += entries.len();
    Ok(Statement {
        reference: optional(element, &["Id"], field::reference)?,
        account_number: account_number(element)?,
        currency,
        opening,
        closing,
        entries,
    })
}

fn account_number(statement: Element<'_>) -> Result<Option<String>, StatementError> {
    let account = statement.require("Acct")?;
    let number = match optional(account, &["Id", "IBAN"], field::account_number)? {
        None => optional(account, &["Id", "Othr", "Id"], field::account_number)?,
        iban => iban,
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(account.fault("the account has neither `IBAN` nor another identification")),
    }
}

/// The currency of the account, or else that of the first booked balance or entry.
fn currency(statement: Element<'_>) -> Result<Currency, StatementError> {
    if let Some(stated) = statement.find(&["Acct", "Ccy"]) {
        return field::currency(stated.text()).map_err(|reason| stated.fault(reason));
    }
    let booked = |balance: &Element<'_>| matches!(code(*balance), Some("OPBD" | "PRCD" | "CLBD"));
    let amount = statement
        .all("Bal")
        .filter(booked)
        .chain(statement.all("Ntry"))
        .find_map(|element| element.child("Amt"))
        .ok_or_else(|| statement.fault("the currency of the account is not stated"))?;
    let stated = amount
        .currency()
        .ok_or_else(|| amount.fault("the attribute `Ccy` is missing"))?;
    field::currency(stated).map_err(|reason| amount.fault(reason))
}

fn code(balance: Element<'_>) -> Option<&str> {
    balance.text_of(&["Tp", "CdOrPrtry", "Cd"])
}

/// The booked balance of that type. Two of them are one only if they say the same.
fn balance(
    statement: Element<'_>,
    kind: &str,
    currency: Currency,
) -> Result<Option<Balance>, StatementError> {
    let mut found: Option<Balance> = None;
    for element in statement
        .all("Bal")
        .filter(|element| code(*element) == Some(kind))
    {
        let balance = Balance {
            money: signed_amount(element, currency)?,
            on: element.child("Dt").map(date).transpose()?,
        };
        match found {
            Some(other) if other != balance => {
                return Err(element.fault(format!("there is another balance of type `{kind}`")));
            }
            _ => found = Some(balance),
        }
    }
    Ok(found)
}

/// `Amt` with the sign of `CdtDbtInd`, in the currency of the account.
fn signed_amount(element: Element<'_>, currency: Currency) -> Result<Money, StatementError> {
    let credit = is_credit(element.require("CdtDbtInd")?)?;
    signed(element.require("Amt")?, credit, currency)
}

fn is_credit(indicator: Element<'_>) -> Result<bool, StatementError> {
    match indicator.text() {
        "CRDT" => Ok(true),
        "DBIT" => Ok(false),
        other => Err(indicator.fault(format!(
            "{} is neither `CRDT` nor `DBIT`",
            field::quoted(other)
        ))),
    }
}

fn signed(amount: Element<'_>, credit: bool, currency: Currency) -> Result<Money, StatementError> {
    let stated = amount
        .currency()
        .ok_or_else(|| amount.fault("the attribute `Ccy` is missing"))?;
    if stated != currency.code() {
        let reason = format!("the amount is in `{stated}`, but the account is in `{currency}`");
        return Err(amount.fault(reason));
    }
    if amount.text().starts_with('-') {
        return Err(amount.fault("the amount is negative: `CdtDbtInd` gives the sign"));
    }
    let money = field::amount(amount.text(), '.', currency);
    let turned = |money| {
        if credit {
            Ok(money)
        } else {
            field::negated(money)
        }
    };
    money
        .and_then(turned)
        .map_err(|reason| amount.fault(reason))
}

/// A date that is given as `Dt` or as `DtTm`.
fn date(choice: Element<'_>) -> Result<chrono::NaiveDate, StatementError> {
    let stated = choice
        .child("Dt")
        .or_else(|| choice.child("DtTm"))
        .ok_or_else(|| choice.fault(format!("`{}` has no `Dt`", choice.name())))?;
    field::iso_date(stated.text()).map_err(|reason| stated.fault(reason))
}

/// A field that may be missing, read by one of the functions of [`field`].
fn optional(
    element: Element<'_>,
    path: &[&'static str],
    read: fn(&str) -> Result<Option<String>, String>,
) -> Result<Option<String>, StatementError> {
    match element.find(path) {
        Some(found) => read(found.text()).map_err(|reason| found.fault(reason)),
        None => Ok(None),
    }
}
