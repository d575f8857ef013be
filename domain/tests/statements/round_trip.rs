//! What is written by the rules of a format is read back as it was meant.

use std::fmt::Write as _;

use countersign_domain::statements::{BalanceCheck, Format, check_balance, parse};
use proptest::prelude::*;

use super::{
    camt::{balance, camt},
    csv::mapping,
};

/// A movement of generated cents, on a day of January 2026, with texts.
#[derive(Debug, Clone)]
struct Movement {
    day: u32,
    cents: i64,
    party: String,
    text: String,
}

fn movements() -> impl Strategy<Value = Vec<Movement>> {
    let text = "[A-Za-z0-9<>&'\"=+@äöüßéł€]{1,12}( [A-Za-z0-9<>&;,=äß]{1,12}){0,3}";
    let one = (
        1_u32..=31,
        -99_999_999_i64..=99_999_999,
        "[A-Z][a-z&]{1,20}",
        text,
    )
        .prop_map(|(day, cents, party, text)| Movement {
            day,
            cents,
            party,
            text,
        });
    prop::collection::vec(one, 0..40)
}

fn decimal(cents: i64) -> String {
    let size = cents.unsigned_abs();
    format!("{}.{:02}", size / 100, size % 100)
}

fn sign(cents: i64) -> &'static str {
    if cents < 0 { "DBIT" } else { "CRDT" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn signed(cents: i64) -> String {
    format!("{}{}", if cents < 0 { "-" } else { "" }, decimal(cents))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn camt_comes_back(opening in -1_000_000_i64..1_000_000, movements in movements()) {
        let closing = opening + movements.iter().map(|m| m.cents).sum::<i64>();
        let mut inside = balance("OPBD", &decimal(opening), sign(opening), "2026-01-01");
        inside += &balance("CLBD", &decimal(closing), sign(closing), "2026-01-31");
        for m in &movements {
            let side = if m.cents < 0 { "Cdtr" } else { "Dbtr" };
            write!(
                inside,
                "<Ntry><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>{}</CdtDbtInd><Sts>BOOK</Sts><BookgDt>\
                 <Dt>2026-01-{:02}</Dt></BookgDt><NtryDtls><TxDtls><RltdPties><{side}><Nm>{}</Nm>\
                 </{side}></RltdPties><RmtInf><Ustrd>{}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>",
                decimal(m.cents), sign(m.cents), m.day, escaped(&m.party), escaped(&m.text),
            ).unwrap();
        }
        let (format, statements) = parse(camt(&inside).as_bytes(), None).unwrap();
        prop_assert_eq!(format, Format::Camt053);
        prop_assert_eq!(check_balance(&statements[0]), Ok(BalanceCheck::Balanced));
        prop_assert_eq!(statements[0].entries.len(), movements.len());
        for (entry, m) in statements[0].entries.iter().zip(&movements) {
            prop_assert_eq!(entry.amount.to_decimal_text(), signed(m.cents));
            prop_assert_eq!(entry.booked_on.to_string(), format!("2026-01-{:02}", m.day));
            prop_assert_eq!(entry.counterparty.as_deref(), Some(m.party.as_str()));
            prop_assert_eq!(&entry.description, &m.text);
        }
    }

    #[test]
    fn csv_comes_back(movements in movements()) {
        prop_assume!(!movements.is_empty());
        let mut file = "Date,Amount,Text\n".to_owned();
        for m in &movements {
            let text = m.text.replace('"', "\"\"");
            writeln!(file, "2026-01-{:02},{},\"{text}\"", m.day, signed(m.cents)).unwrap();
        }
        let (format, statements) = parse(file.as_bytes(), Some(&mapping())).unwrap();
        prop_assert_eq!(format, Format::Csv);
        for (entry, m) in statements[0].entries.iter().zip(&movements) {
            prop_assert_eq!(entry.amount.to_decimal_text(), signed(m.cents));
            prop_assert_eq!(&entry.description, &m.text);
        }
    }

    #[test]
    fn mt940_and_ofx_come_back(movements in movements()) {
        let total = movements.iter().map(|m| m.cents).sum::<i64>();
        let comma = |cents: i64| {
            format!("{}{}", if cents < 0 { "D" } else { "C" }, decimal(cents).replace('.', ","))
        };
        let mut swift = ":20:X\n:25:1\n:60F:C260101EUR0,\n".to_owned();
        let mut ofx = String::new();
        for m in &movements {
            let (name, text) = (&m.party, &m.text);
            writeln!(swift, ":61:2601{:02}{}NTRFNONREF\n:86:{text}", m.day, comma(m.cents)).unwrap();
            let (name, text) = (escaped(name), escaped(text));
            writeln!(ofx, "<STMTTRN><DTPOSTED>202601{:02}<TRNAMT>{}<NAME>{name}<MEMO>{text}</STMTTRN>",
                m.day, signed(m.cents)).unwrap();
        }
        let (mark, size) = comma(total).split_at_checked(1).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        writeln!(swift, ":62F:{mark}260131EUR{size}").unwrap();
        let (_, swift) = parse(swift.as_bytes(), None).unwrap();
        prop_assert_eq!(check_balance(&swift[0]), Ok(BalanceCheck::Balanced));
        let (_, ofx) = parse(super::ofx::sgml(&ofx).as_bytes(), None).unwrap();
        for statement in [&swift[0], &ofx[0]] {
            prop_assert_eq!(statement.entries.len(), movements.len());
            for (entry, m) in statement.entries.iter().zip(&movements) {
                prop_assert_eq!(entry.amount.to_decimal_text(), signed(m.cents));
                prop_assert_eq!(entry.booked_on.to_string(), format!("2026-01-{:02}", m.day));
                prop_assert_eq!(&entry.description, &m.text);
            }
        }
        for (entry, m) in ofx[0].entries.iter().zip(&movements) {
            prop_assert_eq!(entry.counterparty.as_deref(), Some(m.party.as_str()));
        }
    }
}
