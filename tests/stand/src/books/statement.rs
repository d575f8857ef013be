//! Statements as a bank would send them.

use std::fmt::Write;

use super::{AccountBooks, BookEntry, calendar::Month};

/// The statement of one month as camt.053.001.08, with its opening and closing balances.
pub fn camt053(account: &AccountBooks, month: Month) -> String {
    let (first, last) = (month.day(1), month.day(31));
    let opening = account.balance_before(month);
    let closing = account.balance_before(month.next());
    let id = format!("{}-{}{:02}", account.number, month.year, month.number);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let head = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\n\
         <BkToCstmrStmt>\n<GrpHdr><MsgId>{id}</MsgId><CreDtTm>{last}T21:00:00Z</CreDtTm></GrpHdr>\n\
         <Stmt>\n<Id>{id}</Id>\n<ElctrncSeqNb>{number}</ElctrncSeqNb>\n\
         <CreDtTm>{last}T21:00:00Z</CreDtTm>\n\
         <FrToDt><FrDtTm>{first}T00:00:00Z</FrDtTm><ToDtTm>{last}T23:59:59Z</ToDtTm></FrToDt>\n\
         <Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy><Nm>{name}</Nm></Acct>\n",
        number = month.number,
        iban = account.number,
        currency = account.currency,
        name = escaped(account.name),
    );
    xml.push_str(&head);
    for (kind, cents, day) in [("OPBD", opening, first), ("CLBD", closing, last)] {
        let _ = writeln!(
            xml,
            "<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{}<Dt><Dt>{day}</Dt></Dt></Bal>",
            amount(account, cents)
        );
    }
    for (index, movement) in account.of(month).enumerate() {
        entry(&mut xml, account, movement, index + 1);
    }
    xml.push_str("</Stmt>\n</BkToCstmrStmt>\n</Document>\n");
    xml
}

fn entry(xml: &mut String, account: &AccountBooks, entry: &BookEntry, number: usize) {
    let (code, party) = if entry.amount < 0 {
        ("ICDT", "Cdtr")
    } else {
        ("RCDT", "Dbtr")
    };
    let _ = writeln!(
        xml,
        "<Ntry><NtryRef>{number}</NtryRef>{amount}<Sts><Cd>BOOK</Cd></Sts>\
         <BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>\
         <AcctSvcrRef>{reference}</AcctSvcrRef>\
         <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{code}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>\
         <NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>{amount}\
         <RltdPties><{party}><Pty><Nm>{name}</Nm></Pty></{party}></RltdPties>\
         <RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>",
        amount = amount(account, entry.amount),
        day = entry.booked_on,
        reference = entry.reference,
        name = escaped(&entry.counterparty),
        text = escaped(&entry.description),
    );
}

/// `Amt` and `CdtDbtInd`.
fn amount(account: &AccountBooks, cents: i64) -> String {
    let size = cents.unsigned_abs();
    let (units, rest) = (size / 100, size % 100);
    let indicator = if cents < 0 { "DBIT" } else { "CRDT" };
    let currency = account.currency;
    format!("<Amt Ccy=\"{currency}\">{units}.{rest:02}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::{demo_books, months};
    use super::*;

    #[test]
    fn each_month_begins_where_the_one_before_ended() {
        for account in demo_books().iter().flat_map(|tenant| &tenant.accounts) {
            let mut reached = account.opening;
            for month in months() {
                let xml = camt053(account, month);
                let opening = xml
                    .split("<Cd>OPBD</Cd></CdOrPrtry></Tp>")
                    .nth(1)
                    .unwrap_or("");
                assert!(
                    opening.starts_with(&amount(account, reached)),
                    "{} {month:?}",
                    account.name
                );
                reached += account.of(month).map(|entry| entry.amount).sum::<i64>();
                let closing = xml
                    .split("<Cd>CLBD</Cd></CdOrPrtry></Tp>")
                    .nth(1)
                    .unwrap_or("");
                assert!(
                    closing.starts_with(&amount(account, reached)),
                    "{} {month:?}",
                    account.name
                );
                assert_eq!(xml.matches("<Ntry>").count(), account.of(month).count());
            }
        }
    }
}
