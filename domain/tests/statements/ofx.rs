use countersign_domain::statements::{BalanceCheck, Format, recognise};

use super::{bad, balanced, good, lines, one};

const HEADER: &str = "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nENCODING:USASCII\r\n\
                      CHARSET:1252\r\n\r\n";

/// OFX 1 without closing tags of fields, as most banks write it.
pub(crate) fn sgml(transactions: &str) -> String {
    format!(
        "{HEADER}<OFX>\n<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>\
         <LANGUAGE>ENG<FI><ORG>Bank</FI></SONRS></SIGNONMSGSRSV1>\n\
         <BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0</STATUS><STMTRS><CURDEF>USD\n\
         <BANKACCTFROM><BANKID>1<ACCTID>00 123-4<ACCTTYPE>CHECKING</BANKACCTFROM>\n\
         <BANKTRANLIST><DTSTART>20260101<DTEND>20260131\n{transactions}</BANKTRANLIST>\n\
         <LEDGERBAL><BALAMT>-382.34<DTASOF>20260131235959.000[-5:EST]</LEDGERBAL>\n\
         </STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )
}

const TRANSACTION: &str = "<STMTTRN><TRNTYPE>POS<DTPOSTED>20260105233000.000[-5:EST]\
    <TRNAMT>-6.60<FITID>F1<NAME>AT&T &amp; Sons<MEMO>fee < 7 &lt;b&gt;\n</STMTTRN>\n";

#[test]
fn fields_without_closing_tags_are_read() {
    let statement = one(Format::Ofx, sgml(TRANSACTION));
    assert_eq!(
        lines(&statement),
        ["2026-01-05 - -6.60 | AT&T & Sons | fee < 7 <b> | F1"]
    );
    assert_eq!(statement.account_number.as_deref(), Some("00123-4"));
    let closing = statement
        .closing
        .map(|b| (b.money.to_decimal_text(), b.on.unwrap().to_string()));
    assert_eq!(
        closing,
        Some(("-382.34".to_owned(), "2026-01-31".to_owned()))
    );
    assert_eq!(statement.opening, None);
    assert_eq!(balanced(&statement), Ok(BalanceCheck::NotStated));
}

#[test]
fn closed_and_empty_fields_a_comma_and_two_lists_are_read() {
    let file = sgml(
        "<STMTTRN><DTPOSTED>20260102</DTPOSTED><TRNAMT>+1000,5</TRNAMT><FITID></FITID>\
         <NAME>Only a name</NAME><DTAVAIL>20260104</DTAVAIL><CHECKNUM></STMTTRN>\
         </BANKTRANLIST><BANKTRANLIST><STMTTRN><DTPOSTED>20260103<TRNAMT>2<MEMO>Second</STMTTRN>",
    );
    assert_eq!(
        lines(&one(Format::Ofx, file)),
        [
            "2026-01-02 2026-01-04 1000.50 | Only a name | Only a name | -",
            "2026-01-03 - 2.00 | - | Second | -",
        ]
    );
}

#[test]
fn xml_of_ofx_2_has_bank_and_card_accounts() {
    let file = r#"<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200" VERSION="211"?>
<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR</CURDEF>
<BANKACCTFROM><ACCTID>NL91ABNA0417164300</ACCTID></BANKACCTFROM></STMTRS></STMTTRNRS></BANKMSGSRSV1>
<CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>EUR</CURDEF>
<CCACCTFROM><ACCTID>4111</ACCTID></CCACCTFROM><BANKTRANLIST>
<STMTTRN><DTPOSTED>20260102</DTPOSTED><TRNAMT>-2.00</TRNAMT><MEMO>A &amp; B</MEMO></STMTTRN>
</BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>"#;
    let statements = good(Format::Ofx, file);
    let numbers: Vec<_> = statements
        .iter()
        .map(|s| s.account_number.as_deref().unwrap())
        .collect();
    assert_eq!(numbers, ["NL91ABNA0417164300", "4111"]);
    assert_eq!(
        lines(&statements[1]),
        ["2026-01-02 - -2.00 | - | A & B | -"]
    );
}

#[test]
fn text_in_windows_1252_or_utf_8_is_read_under_the_same_header() {
    let file = sgml(&TRANSACTION.replace("Sons", "S\u{f6}hne"));
    assert_eq!(
        one(Format::Ofx, &file).entries[0].counterparty.as_deref(),
        Some("AT&T & Söhne")
    );
    let mut single: Vec<u8> = file.chars().map(|c| u8::try_from(c).unwrap()).collect();
    for byte in &mut single {
        if *byte == b'7' {
            *byte = 0x80;
        }
    }
    let entry = one(Format::Ofx, single).entries.remove(0);
    assert_eq!(entry.counterparty.as_deref(), Some("AT&T & Söhne"));
    assert_eq!(entry.description, "fee < € <b>");
}

#[test]
fn faults_name_the_line() {
    let fault = |from: &str, to: &str, expected: &str| {
        assert!(TRANSACTION.contains(from), "{from}");
        assert_eq!(bad(sgml(&TRANSACTION.replace(from, to))), expected);
    };
    fault(
        "<DTPOSTED>20260105233000.000[-5:EST]",
        "",
        "line 12: `STMTTRN` has no `DTPOSTED`",
    );
    fault(
        "20260105",
        "20260231",
        "line 12: `20260231233000.000[-5:EST]` is not a date such as `20150131`",
    );
    fault("-6.60", "6.60-", "line 12: `6.60-` is not an amount");
    fault("-6.60", "1,000.00", "line 12: `1,000.00` is not an amount");
    fault(
        "<MEMO>",
        "</MEMO>",
        "line 12: `MEMO` ends while `STMTTRN` is open",
    );
    fault(
        "<MEMO>",
        "<!ENTITY x>",
        "line 12: declarations and comments are not allowed",
    );
    fault(
        "<MEMO>",
        "<CURRENCY><CURRATE>1.0<CURSYM>AUD</CURRENCY><MEMO>",
        "line 12: the amount is in `AUD`, but the account is in `USD`",
    );
}

#[test]
fn files_without_a_statement_are_refused() {
    let none = "line 7: the file holds no statement of a bank account or credit card";
    assert_eq!(bad(format!("{HEADER}<OFX></OFX>")), none);
    assert!(bad(format!("{HEADER}<OFX><A>")).contains("ends inside"));
    assert!(
        bad(sgml("").replace("<CURDEF>USD", "<CURDEF></CURDEF>")).contains("currency is empty")
    );
    let invested = "<OFX><M><INVSTMTTRNRS></INVSTMTTRNRS></M></OFX>";
    assert!(bad(invested).contains("investments are not supported"));
    let refused = "<OFX><M><STMTTRNRS><STATUS><CODE>2003</STATUS></STMTTRNRS></M></OFX>";
    assert!(bad(refused).contains("the bank's status is `2003`"));
    assert_eq!(recognise(b"\n\n<OFX>"), Some(Format::Ofx));
}
