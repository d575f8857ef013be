//! What somebody sends who means harm, and what a broken disk makes of a file.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use countersign_domain::statements::{
    BYTES_MAX, CsvMapping, DEPTH_MAX, STATEMENTS_MAX, parse, recognise,
};
use proptest::prelude::*;

use super::{bad, camt::camt, csv::mapping, mt940::message, ofx::sgml};

#[test]
fn entities_and_document_types_are_refused() {
    let laughs = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>{}",
        camt("<AddtlStmtInf>&b;</AddtlStmtInf>")
            .split_once("?>")
            .unwrap()
            .1
    );
    assert_eq!(
        bad(laughs),
        "line 1: a document type declaration is not allowed"
    );
    let outside = "<!DOCTYPE d SYSTEM \"file:///etc/passwd\"><Document><BkToCstmrStmt/></Document>";
    assert_eq!(
        bad(outside),
        "line 1: a document type declaration is not allowed"
    );
    let undefined = camt("<AddtlStmtInf>&xxe;</AddtlStmtInf>");
    assert_eq!(bad(undefined), "line 5: the entity `xxe` is not allowed");
    let external = "<OFX><!DOCTYPE x SYSTEM \"file:///etc/passwd\"><A>1</OFX>";
    assert!(bad(external).contains("declarations and comments are not allowed"));
}

#[test]
fn deep_nesting_is_refused() {
    let depth = 100_000;
    let nested = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let expected = format!("elements nest more than {DEPTH_MAX} deep");
    assert!(bad(camt(&nested)).ends_with(&expected));
    assert!(bad(format!("<OFX>{nested}</OFX>")).ends_with(&expected));
    assert!(bad(format!("<OFX>{}", "<a>".repeat(depth))).contains("ends inside"));
}

#[test]
fn too_much_of_anything_is_refused() {
    assert_eq!(bad(""), "file: the file is empty");
    let huge = vec![b' '; BYTES_MAX + 1];
    assert!(bad(huge).contains("at most"));
    let tags = camt(&"<a/>".repeat(500_001));
    assert!(bad(tags).ends_with("the file has more than 500000 elements"));
    let attributes = camt(&format!("<a {}/>", "b=\"\" ".repeat(40)));
    assert!(bad(attributes).ends_with("an element has more than 32 attributes"));
    let mut statements = String::new();
    for i in 0..=STATEMENTS_MAX {
        write!(
            statements,
            ":20:A\n:25:{i}\n:60F:C260301EUR1,\n:62F:C260301EUR1,\n-\n"
        )
        .unwrap();
    }
    assert_eq!(
        bad(statements),
        format!("file: the file has more than {STATEMENTS_MAX} statements")
    );
    let rows: String = (0..=50_000).map(|_| "2026-01-01,1,x\n").collect();
    let error = parse(
        format!("Date,Amount,Text\n{rows}").as_bytes(),
        Some(&mapping()),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "file: the file has more than 50000 transactions"
    );
    let long = message(&format!(
        ":61:260301C1,NTRFX\r\n:86:{}\r\n",
        "x".repeat(4001)
    ));
    assert_eq!(
        bad(long),
        "line 7: the text has 4001 characters, and at most 4000 are read"
    );
}

#[test]
fn largest_files_are_answered_in_seconds() {
    let filled = |unit: &str| unit.repeat(BYTES_MAX / unit.len() - 1024);
    let begun = Instant::now();
    for file in [
        camt(&filled("&amp;")),
        camt(&filled("<![CDATA[]]>")),
        format!("<OFX>{}", filled("<")),
        format!("<OFX>{}", filled("&")),
        format!("<OFX>{}", filled("< ")),
        format!(":20:\n:25:\n{}", filled(":86:/NAME/\n")),
        message(&format!(
            ":61:260301C1,NTRFX\r\n:86:{}\r\n",
            filled("/NAME/")
        )),
        message(&format!(
            ":61:260301C1,NTRFX\r\n:86:166{}\r\n",
            filled("?20")
        )),
        filled(":20:\n"),
    ] {
        let _ = parse(file.as_bytes(), None);
    }
    for unit in ["\"", ",", "\n", "\"\"", "Date,"] {
        let file = format!("Date,Amount,Text\n{}", filled(unit));
        assert!(parse(file.as_bytes(), Some(&mapping())).is_err(), "{unit}");
    }
    assert!(
        begun.elapsed() < Duration::from_mins(1),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn text_that_a_database_can_not_hold_is_cleaned() {
    let file = sgml("<STMTTRN><DTPOSTED>20260102<TRNAMT>1<MEMO>a\u{0}b\u{7f}\tc</STMTTRN>");
    let (_, statements) = parse(file.as_bytes(), None).unwrap();
    assert_eq!(statements[0].entries[0].description, "a b c");
}

/// Good files of every format, to be damaged.
fn samples() -> Vec<Vec<u8>> {
    let entry = "<Ntry><Amt Ccy=\"EUR\">8.85</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>\
        <BookgDt><Dt>2026-01-31</Dt></BookgDt><NtryDtls><TxDtls><RmtInf><Ustrd>&#228;&amp;b</Ustrd>\
        </RmtInf></TxDtls></NtryDtls></Ntry>";
    let ofx =
        "<STMTTRN><DTPOSTED>20260105[-5:EST]<TRNAMT>-6,60<FITID>F<NAME>N<MEMO>\u{e9}</STMTTRN>";
    let swift = ":61:2603010302DR30,5NTRFNONREF//B1\r\n:86:166?00A?20B\u{f6}?32C\r\n\
        :61:260301C1,NTRFX\r\n:86:/EREF/1/NAME/\u{fc}/REMI/x\r\n";
    let csv = "Date,Amount,Text\n2026-01-01,\"1,000.50\",\u{e9}\n2026-01-02,(3),\"x\"\n";
    [camt(entry), sgml(ofx), message(swift), csv.to_owned()]
        .map(String::into_bytes)
        .into()
}

fn survives(bytes: &[u8], mapping: &CsvMapping) {
    let _ = recognise(bytes);
    let begun = Instant::now();
    for mapping in [None, Some(mapping)] {
        if let Err(error) = parse(bytes, mapping) {
            assert!(!error.place.is_empty() && !error.reason.is_empty());
            assert!(error.reason.len() < 400, "{error}");
            assert!(
                !error.reason.contains('\n') && !error.place.contains('\n'),
                "{error}"
            );
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(vec![
            "", "<Document><BkToCstmrStmt><Stmt>", "OFXHEADER:100\n<OFX>", ":20:\n:25:\n:60F:", "<OFX>",
            "Date,Amount,Text\n",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        survives(&[start.as_bytes(), &bytes].concat(), &mapping());
    }

    #[test]
    fn damaged_files_never_panic(
        sample in 0_usize..4,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>()), 1..12),
    ) {
        let mut bytes = samples().remove(sample);
        for (at, kind, byte) in damage {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => {
                    let piece: Vec<u8> = bytes.iter().skip(at).take(usize::from(byte)).copied().collect();
                    bytes.extend(piece);
                }
            }
        }
        survives(&bytes, &mapping());
    }

    #[test]
    fn files_cut_short_are_never_taken_for_whole(sample in 0_usize..3, cut in any::<prop::sample::Index>()) {
        let bytes = samples().remove(sample);
        // The end of an MT940 file after field 62 says nothing; of the others every byte counts.
        let end = [b"</Document>".as_slice(), b"</OFX>", b":62F:C260331EUR80,5"][sample];
        let last = bytes.windows(end.len()).rposition(|part| part == end).unwrap() + end.len() - 1;
        let cut = cut.index(last);
        if sample != 2 || cut < last - 2 {
            prop_assert!(parse(&bytes[..cut], None).is_err(), "{}", cut);
        }
    }
}
