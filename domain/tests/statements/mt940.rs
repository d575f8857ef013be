use countersign_domain::statements::{BalanceCheck, Format, recognise};

use super::{bad, balanced, good, lines, one};

pub(crate) fn message(fields: &str) -> String {
    format!(
        "{{1:F01BANKDEFFXXXX0000000000}}{{2:O9400000}}{{4:\r\n:20:STARTUMS\r\n\
         :25:50880050/0194774600888\r\n:28C:4/1\r\n:60F:C260301EUR100,\r\n{fields}\
         :62F:C260331EUR80,5\r\n:64:C260331EUR1,00\r\n-}}{{5:}}\r\n"
    )
}

#[test]
fn message_in_its_envelope_is_read_with_german_subfields() {
    let file = message(
        ":61:2603010302DR30,5NTRFNONREF//B1\r\n\
         :86:166?00UEBERWEISUNG?100399?20SVWZ+Rechnung vom Februar 2?21026 danke?22EREF+77\r\n\
         ?30BANKDEFF?31DE89?32M\u{fc}ller und S\u{f6}hne?33 GmbH\r\n\
         :61:260305RC5,00N426C-12\r\nAuszahlung\r\n\
         :61:260306RD16,00FMSCNONREF\r\n",
    );
    assert_eq!(recognise(file.as_bytes()), Some(Format::Mt940));
    let statement = one(Format::Mt940, &file);
    assert_eq!(statement.reference.as_deref(), Some("STARTUMS 4/1"));
    assert_eq!(
        lines(&statement),
        [
            "2026-03-02 2026-03-01 -30.50 | Müller und Söhne GmbH | \
             SVWZ+Rechnung vom Februar 2026 danke EREF+77 | B1",
            "2026-03-05 2026-03-05 -5.00 | - | Auszahlung | C-12",
            "2026-03-06 2026-03-06 16.00 | - | FMSC | -",
        ]
    );
    assert_eq!(balanced(&statement), Ok(BalanceCheck::Balanced));
    let single: Vec<u8> = file.chars().map(|c| u8::try_from(c).unwrap()).collect();
    assert_eq!(one(Format::Mt940, single), statement);
}

#[test]
fn bare_message_is_read_with_dutch_codes_and_without_an_end() {
    let file = "BANKNL2A\n940\n:940:\n:20:A\n:25:NL91ABNA0417164300EUR\n:28:1\n\
        :60F:D251231EUR0,00\n\
        :61:2512310102D19,5N102EREF\n\
        :86:/EREF/01-01/BENM//NAME/CONTRA ACCOUN\nT HOLDER/REMI/Order 7/8 of May/ISDT/2026-01-02\n\
        :61:260102C19,50NTRFNONREF\n:86:/CNTP/NL00BANK01/BANKNL2A/J. Jansen/Delft/REMI/USTD//thanks/\n\
        :62F:C260102EUR0,00\n:86:about the statement\n";
    let statement = one(Format::Mt940, file);
    assert_eq!(
        statement.account_number.as_deref(),
        Some("NL91ABNA0417164300")
    );
    assert_eq!(
        lines(&statement),
        [
            "2026-01-02 2025-12-31 -19.50 | CONTRA ACCOUNT HOLDER | Order 7/8 of May | -",
            "2026-01-02 2026-01-02 19.50 | J. Jansen | thanks | -",
        ]
    );
}

#[test]
fn pages_of_one_statement_are_joined_where_they_fit() {
    let page = |open: &str, from: &str, to: &str, close: &str| {
        format!(
            ":20:A\n:25:1\n:28C:1\n:{open}:C260301EUR{from}\n:61:260301C1,NTRFX\n:{close}:C260301EUR{to}\n-\n"
        )
    };
    let first = page("60F", "0,", "1,", "62M");
    let fitting = format!("{first}{}", page("60M", "1,", "2,", "62F"));
    let statement = one(Format::Mt940, fitting);
    assert_eq!(
        (statement.entries.len(), balanced(&statement)),
        (2, Ok(BalanceCheck::Balanced))
    );
    let apart = good(
        Format::Mt940,
        format!("{first}{}", page("60M", "5,", "6,", "62F")),
    );
    assert_eq!(apart.len(), 2);
}

#[test]
fn faults_name_the_line() {
    let fault = |field: &str, expected: &str| assert_eq!(bad(message(field)), expected);
    fault(":61:26030\r\n", "line 6: `26030` is not a statement line");
    fault(
        ":61:260230C1,NTRFX\r\n",
        "line 6: `260230C1,NTRFX` is not a statement line",
    );
    fault(
        ":61:260301X1,NTRFX\r\n",
        "line 6: `260301X1,NTRFX` is not a statement line",
    );
    fault(":61:260301C,NTRFX\r\n", "line 6: `,` is not an amount");
    fault(
        ":61:260301C1,1,1NTRFX\r\n",
        "line 6: `1,1,1` is not an amount",
    );
    fault(
        ":25:other\r\n",
        "line 6: field `:25:` is given a second time",
    );
    fault(
        ":62F:C260301USD1,\r\n",
        "line 6: the balances are in two currencies",
    );
    let whole = message("");
    let fault = |from: &str, to: &str, expected: &str| {
        assert_eq!(bad(whole.replace(from, to)), expected);
    };
    fault(
        ":62F:",
        ":99X:",
        "line 2: the statement has no closing balance (`:62F:` or `:62M:`)",
    );
    fault(
        ":60F:",
        ":99X:",
        "line 2: the statement has no opening balance (`:60F:` or `:60M:`)",
    );
    fault(
        "C260301EUR100,",
        "X260301EUR100,",
        "line 5: `X260301EUR100,` is not a balance",
    );
    fault(
        ":60F:C260301EUR100,",
        ":61:260301C1,NTRFX\r\n:60F:C260301EUR100,",
        "line 5: an entry stands outside of its balances",
    );
}
