use countersign_domain::statements::{BalanceCheck, Format, recognise};

use super::{bad, balanced, good, lines, one};

/// A camt.053.001.08 file around what stands inside its statement.
pub(crate) fn camt(inside: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>NL91 ABNA 0417 1643 00</IBAN></Id><Ccy>EUR</Ccy></Acct>
{inside}</Stmt></BkToCstmrStmt></Document>"#
    )
}

pub(crate) fn balance(kind: &str, amount: &str, sign: &str, day: &str) -> String {
    format!(
        r#"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"#
    )
}

fn entry(amount: &str, sign: &str, rest: &str) -> String {
    format!(
        r#"<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-03-02</Dt></BookgDt>{rest}</Ntry>"#
    )
}

#[test]
fn statement_of_version_8_is_read_with_its_balances() {
    let file = camt(&format!(
        "{}{}{}{}{}",
        balance("OPBD", "100.00", "CRDT", "2026-03-01"),
        balance("CLAV", "999.00", "CRDT", "2026-03-31"),
        balance("CLBD", "20.50", "DBIT", "2026-03-31"),
        entry(
            "130.50",
            "DBIT",
            "<ValDt><DtTm>2026-03-03T23:30:00-05:00</DtTm></ValDt><AcctSvcrRef>R1</AcctSvcrRef>
<NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>Us</Nm></Pty></Dbtr>
<Cdtr><Pty><Nm>Müller &amp; S&#246;hne</Nm></Pty></Cdtr></RltdPties>
<RmtInf><Ustrd>Invoice 7,</Ustrd><Ustrd>  second
 line</Ustrd><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls>"
        ),
        entry(
            "10.00",
            "CRDT",
            "<AddtlNtryInf><![CDATA[=1+1 <refund>]]></AddtlNtryInf>"
        ),
    ));
    let statement = one(Format::Camt053, file);
    assert_eq!(statement.reference.as_deref(), Some("S1"));
    assert_eq!(
        statement.account_number.as_deref(),
        Some("NL91ABNA0417164300")
    );
    assert_eq!(
        lines(&statement),
        [
            "2026-03-02 2026-03-03 -130.50 | Müller & Söhne | Invoice 7, second line RF18 | R1",
            "2026-03-02 - 10.00 | - | =1+1 <refund> | -",
        ]
    );
    assert_eq!(
        statement
            .closing
            .map(|b| b.money.to_decimal_text())
            .as_deref(),
        Some("-20.50")
    );
    assert_eq!(balanced(&statement), Ok(BalanceCheck::Balanced));
}

#[test]
fn prefixes_old_forms_and_an_envelope_make_no_difference() {
    let file = r#"<?xml version='1.0'?>
<x:Envelope xmlns:x="urn:x"><x:AppHdr><x:Fr>a</x:Fr></x:AppHdr>
<c:Document xmlns:c="urn:iso:std:iso:20022:tech:xsd:camt.052.001.02"><c:BkToCstmrAcctRpt>
<c:Rpt><c:Id>R</c:Id><c:Acct><c:Id><c:Othr><c:Id>12-34</c:Id></c:Othr></c:Id></c:Acct>
<c:Ntry><c:Amt Ccy="JPY">1200</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts>BOOK</c:Sts>
<c:BookgDt><c:DtTm>2026-03-02T10:00:00</c:DtTm></c:BookgDt><c:NtryDtls><c:TxDtls>
<c:RltdPties><c:Dbtr><c:Nm>Payer</c:Nm></c:Dbtr></c:RltdPties></c:TxDtls></c:NtryDtls></c:Ntry>
<c:Ntry><c:Amt Ccy="JPY">5</c:Amt><c:CdtDbtInd>CRDT</c:CdtDbtInd><c:Sts>PDNG</c:Sts></c:Ntry>
</c:Rpt></c:BkToCstmrAcctRpt></c:Document></x:Envelope>"#;
    assert_eq!(recognise(file.as_bytes()), Some(Format::Camt052));
    let statement = one(Format::Camt052, file);
    assert_eq!(lines(&statement), ["2026-03-02 - 1200 | Payer |  | -"]);
    assert_eq!(balanced(&statement), Ok(BalanceCheck::NotStated));
}

#[test]
fn batch_is_split_only_where_its_parts_add_up() {
    let part = |amount: &str, name: &str| {
        format!(
            r#"<TxDtls><Refs><AcctSvcrRef>{name}</AcctSvcrRef></Refs><Amt Ccy="EUR">{amount}</Amt>
<RltdPties><Cdtr><Nm>{name}</Nm></Cdtr></RltdPties></TxDtls>"#
        )
    };
    let batch = |first: &str, second: &str| {
        let parts = format!("{}{}", part(first, "A"), part(second, "B"));
        let details = format!(
            "<AcctSvcrRef>W</AcctSvcrRef><NtryDtls><Btch><PmtInfId>P9</PmtInfId></Btch>{parts}</NtryDtls>"
        );
        lines(&one(
            Format::Camt053,
            camt(&entry("30.00", "DBIT", &details)),
        ))
    };
    assert_eq!(
        batch("10.00", "20.00"),
        [
            "2026-03-02 - -10.00 | A |  | A",
            "2026-03-02 - -20.00 | B |  | B"
        ]
    );
    assert_eq!(
        batch("10.00", "21.00"),
        ["2026-03-02 - -30.00 | - | P9 | W"]
    );
}

#[test]
fn reversal_keeps_its_sign_and_names_the_party_of_the_original() {
    let details = "<RvslInd>true</RvslInd><NtryDtls><TxDtls><RltdPties><Dbtr><Nm>Us</Nm></Dbtr>
        <Cdtr><Nm>Shop</Nm></Cdtr></RltdPties></TxDtls></NtryDtls>";
    let statement = one(Format::Camt053, camt(&entry("5.00", "CRDT", details)));
    assert_eq!(lines(&statement), ["2026-03-02 - 5.00 | Shop |  | -"]);
}

#[test]
fn previous_closing_balance_opens_where_no_opening_is_given() {
    let file = camt(&format!(
        "{}{}{}",
        balance("PRCD", "1.00", "CRDT", "2026-03-01"),
        balance("CLBD", "3.00", "CRDT", "2026-03-02"),
        entry("1.00", "CRDT", "")
    ));
    let error = balanced(&one(Format::Camt053, file)).map_err(|error| error.to_string());
    let reason = "statement `S1`: the opening balance `1.00` and 1 entries lead to `2.00`, \
                  but the closing balance is `3.00`";
    assert_eq!(error, Err(reason.to_owned()));
}

#[test]
fn faults_name_the_element() {
    let fault = |inside: &str, expected: &str| assert_eq!(bad(camt(inside)), expected);
    let fine = entry("1.00", "CRDT", "");
    fault(
        &format!("{fine}{}", entry("1,00", "CRDT", "")),
        "Stmt[1]/Ntry[2]/Amt: `1,00` is not an amount",
    );
    fault(
        &entry("-1.00", "CRDT", ""),
        "Stmt[1]/Ntry[1]/Amt: the amount is negative: `CdtDbtInd` gives the sign",
    );
    fault(
        &entry("1.00", "CREDIT", ""),
        "Stmt[1]/Ntry[1]/CdtDbtInd: `CREDIT` is neither `CRDT` nor `DBIT`",
    );
    fault(
        &fine.replace("BOOK", "DONE"),
        "Stmt[1]/Ntry[1]/Sts: `DONE` is not a status of an entry",
    );
    fault(
        &fine.replace("2026-03-02", "2026-02-30"),
        "Stmt[1]/Ntry[1]/BookgDt/Dt: `2026-02-30` is not a date such as `2015-01-31`",
    );
    fault(
        &fine.replace("EUR", "USD"),
        "Stmt[1]/Ntry[1]/Amt: the amount is in `USD`, but the account is in `EUR`",
    );
    fault(
        &fine.replace("<CdtDbtInd>CRDT</CdtDbtInd>", ""),
        "Stmt[1]/Ntry[1]: `Ntry` has no `CdtDbtInd`",
    );
    fault(
        &entry("1.00", "CRDT", "<Amt Ccy=\"EUR\">2.00</Amt>"),
        "Stmt[1]/Ntry[1]/Amt[2]: is given a second time",
    );
    fault(
        &format!(
            "{}{}",
            balance("CLBD", "1", "CRDT", "2026-03-01"),
            balance("CLBD", "2", "CRDT", "2026-03-01")
        ),
        "Stmt[1]/Bal[2]: there is another balance of type `CLBD`",
    );
}

#[test]
fn other_messages_and_empty_ones_are_refused_with_a_reason() {
    let other = camt("").replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn");
    assert!(bad(&other).contains("camt.054"), "{}", bad(&other));
    let empty = "<Document><BkToCstmrStmt><GrpHdr/></BkToCstmrStmt></Document>";
    assert_eq!(
        bad(empty),
        "Document/BkToCstmrStmt: `BkToCstmrStmt` has no `Stmt`"
    );
    let cut = camt("");
    assert!(bad(cut.split_at(cut.len() - 12).0).contains("line "));
}

#[test]
fn statement_that_stands_twice_in_a_file_is_refused() {
    let file = camt(&entry("1.00", "CRDT", ""));
    let (head, rest) = file.split_once("<Stmt>").unwrap();
    let (stmt, tail) = rest.split_once("</Stmt>").unwrap();
    let twice = format!("{head}<Stmt>{stmt}</Stmt><Stmt>{stmt}</Stmt>{tail}");
    assert_eq!(bad(twice), "file: statement 2 repeats statement 1");
    let next = stmt.replace("<Id>S1</Id>", "<Id>S2</Id>");
    let two = format!("{head}<Stmt>{stmt}</Stmt><Stmt>{next}</Stmt>{tail}");
    assert_eq!(good(Format::Camt053, two).len(), 2);
}

#[test]
fn declared_encodings_are_read_and_others_refused() {
    let file = camt(&entry(
        "1.00",
        "CRDT",
        "<AddtlNtryInf>Gr\u{fc}\u{df}e</AddtlNtryInf>",
    ));
    let latin = file.replace("UTF-8", "ISO-8859-1");
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(c).unwrap()).collect();
    assert_eq!(one(Format::Camt053, &latin).entries[0].description, "Grüße");
    let marked = [b"\xEF\xBB\xBF".as_slice(), file.as_bytes()].concat();
    assert_eq!(one(Format::Camt053, marked).entries[0].description, "Grüße");

    let undeclared: Vec<u8> = file.chars().map(|c| u8::try_from(c).unwrap()).collect();
    assert!(bad(undeclared).ends_with("the text is not valid UTF-8"));
    assert!(bad(file.replace("UTF-8", "EBCDIC")).contains("`EBCDIC` is not supported"));
    let wide: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(bad(&wide).contains("UTF-16"), "{}", bad(&wide));
}
