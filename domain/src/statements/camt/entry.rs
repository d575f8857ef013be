//! `Ntry` and its `TxDtls`.

use super::{date, is_credit, optional, signed, signed_amount};
use crate::{
    money::{Currency, Money},
    statements::{Entry, StatementError, field, tree::Element},
};

/// Adds what an `Ntry` holds to the entries: nothing if it is not booked, one entry, or one for each
/// of its transactions if their amounts are given and add up to the entry's.
pub(super) fn read(
    element: Element<'_>,
    currency: Currency,
    entries: &mut Vec<Entry>,
) -> Result<(), StatementError> {
    if !is_booked(element)? {
        return Ok(());
    }
    let amount = signed_amount(element, currency)?;
    let value_on = element.child("ValDt").map(date).transpose()?;
    let Some(booked_on) = element.child("BookgDt").map(date).transpose()?.or(value_on) else {
        return Err(element.fault("`Ntry` has neither `BookgDt` nor `ValDt`"));
    };
    let details: Vec<Element<'_>> = element
        .all("NtryDtls")
        .flat_map(|details| details.all("TxDtls"))
        .collect();
    let whole = Entry {
        booked_on,
        value_on,
        amount,
        counterparty: None,
        description: information(element, "AddtlNtryInf")?,
        reference: optional(element, &["AcctSvcrRef"], field::reference)?,
    };
    match details.as_slice() {
        [] => entries.push(with_batch(element, whole)?),
        [one] => entries.push(with_details(element, *one, &whole, amount)?),
        several => match amounts(element, several, amount)? {
            Some(parts) => {
                for (details, part) in several.iter().zip(parts) {
                    entries.push(with_details(element, *details, &whole, part)?);
                }
            }
            None => entries.push(with_batch(element, whole)?),
        },
    }
    Ok(())
}

/// `<Sts>BOOK</Sts>` up to version .03, `<Sts><Cd>BOOK</Cd></Sts>` since. Movements that are pending,
/// of the future, or for information only are not in the books.
fn is_booked(entry: Element<'_>) -> Result<bool, StatementError> {
    let status = entry.require("Sts")?;
    match status.child("Cd").unwrap_or(status).text() {
        "BOOK" => Ok(true),
        "PDNG" | "INFO" | "FUTR" => Ok(false),
        other => {
            let reason = format!("{} is not a status of an entry", field::quoted(other));
            Err(status.fault(reason))
        }
    }
}

/// The signed amounts of the transactions of a batch; `None` where one has none in the currency of
/// the account, or where they do not add up to the entry.
fn amounts(
    entry: Element<'_>,
    details: &[Element<'_>],
    total: Money,
) -> Result<Option<Vec<Money>>, StatementError> {
    let direction = is_credit(entry.require("CdtDbtInd")?)?;
    let mut parts = Vec::with_capacity(details.len());
    let mut sum: Option<Money> = None;
    for details in details {
        // Up to version .02 the amount stands only among the details of amounts.
        let stated = details
            .child("Amt")
            .or_else(|| details.find(&["AmtDtls", "TxAmt", "Amt"]));
        let Some(stated) =
            stated.filter(|amount| amount.currency() == Some(total.currency().code()))
        else {
            return Ok(None);
        };
        let credit = details
            .child("CdtDbtInd")
            .map_or(Ok(direction), is_credit)?;
        let part = signed(stated, credit, total.currency())?;
        sum = match sum {
            None => Some(part),
            Some(sum) => match sum.plus(part) {
                Ok(sum) => Some(sum),
                Err(_) => return Ok(None),
            },
        };
        parts.push(part);
    }
    Ok((sum == Some(total)).then_some(parts))
}

/// An entry that stands for itself, or for a batch that it names.
fn with_batch(element: Element<'_>, whole: Entry) -> Result<Entry, StatementError> {
    if !whole.description.is_empty() {
        return Ok(whole);
    }
    let batch = element.find(&["NtryDtls", "Btch"]);
    let named = batch.and_then(|batch| batch.child("PmtInfId").or_else(|| batch.child("MsgId")));
    let description = match named {
        Some(named) => field::description(named.text()).map_err(|reason| named.fault(reason))?,
        None => String::new(),
    };
    Ok(Entry {
        description,
        ..whole
    })
}

fn with_details(
    entry: Element<'_>,
    details: Element<'_>,
    whole: &Entry,
    amount: Money,
) -> Result<Entry, StatementError> {
    let mut description = remittance(details)?;
    if description.is_empty() {
        description = information(details, "AddtlTxInf")?;
    }
    if description.is_empty() {
        description.clone_from(&whole.description);
    }
    let own = optional(details, &["Refs", "AcctSvcrRef"], field::reference)?;
    let is_part = amount != whole.amount;
    let reference = if is_part {
        own.or_else(|| whole.reference.clone())
    } else {
        whole.reference.clone().or(own)
    };
    Ok(Entry {
        amount,
        counterparty: counterparty(entry, details)?,
        description,
        reference,
        ..whole.clone()
    })
}

/// The party on the other side. In a reversal the parties are those of the original movement, whose
/// direction was the opposite; `CdtDbtInd` itself is already the direction of the reversal.
fn counterparty(
    entry: Element<'_>,
    details: Element<'_>,
) -> Result<Option<String>, StatementError> {
    let indicator = match details.child("CdtDbtInd") {
        Some(own) => own,
        None => entry.require("CdtDbtInd")?,
    };
    let reversal = match entry.child("RvslInd") {
        None => false,
        Some(stated) => match stated.text() {
            "true" | "1" => true,
            "false" | "0" => false,
            other => {
                let reason = format!("{} is neither `true` nor `false`", field::quoted(other));
                return Err(stated.fault(reason));
            }
        },
    };
    let sides: &[&'static str] = if is_credit(indicator)? == reversal {
        &["Cdtr", "UltmtCdtr"]
    } else {
        &["Dbtr", "UltmtDbtr"]
    };
    let Some(parties) = details.child("RltdPties") else {
        return Ok(None);
    };
    for side in sides {
        // Since version .08 a party is a person or firm (`Pty`) or a bank (`Agt`).
        let forms: [&[&'static str]; 3] = [&["Nm"], &["Pty", "Nm"], &["Agt", "FinInstnId", "Nm"]];
        for form in forms {
            let Some(party) = parties.child(side) else {
                continue;
            };
            if let Some(name) = optional(party, form, field::counterparty)? {
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

/// `Ustrd` in its order, then what `Strd` says: document numbers, the creditor's reference, notes.
fn remittance(details: Element<'_>) -> Result<String, StatementError> {
    let Some(information) = details.child("RmtInf") else {
        return Ok(String::new());
    };
    let mut parts: Vec<&str> = information.all("Ustrd").map(Element::text).collect();
    for structured in information.all("Strd") {
        let documents = structured
            .all("RfrdDocInf")
            .filter_map(|doc| doc.text_of(&["Nb"]));
        parts.extend(documents);
        parts.extend(structured.text_of(&["CdtrRefInf", "Ref"]));
        parts.extend(structured.all("AddtlRmtInf").map(Element::text));
    }
    field::description(&parts.join(" ")).map_err(|reason| information.fault(reason))
}

fn information(element: Element<'_>, name: &'static str) -> Result<String, StatementError> {
    match element.child(name) {
        Some(found) => field::description(found.text()).map_err(|reason| found.fault(reason)),
        None => Ok(String::new()),
    }
}
