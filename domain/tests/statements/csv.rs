use countersign_domain::statements::{BalanceCheck, CsvMapping, Format, Statement, parse};

use super::{balanced, lines};

pub(crate) fn mapping() -> CsvMapping {
    let name = |text: &str| Some(text.to_owned());
    CsvMapping {
        date: "Date".to_owned(),
        date_format: "%Y-%m-%d".to_owned(),
        amount: name("Amount"),
        credit: None,
        debit: None,
        description: "Text".to_owned(),
        counterparty: None,
        reference: None,
        balance: None,
        delimiter: ',',
        decimal_mark: '.',
        currency: "EUR".parse().unwrap(),
    }
}

fn read(file: &str, mapping: &CsvMapping) -> Result<Statement, String> {
    match parse(file.as_bytes(), Some(mapping)) {
        Ok((Format::Csv, mut statements)) => Ok(statements.remove(0)),
        Ok((format, _)) => Err(format!("read as {format:?}")),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn rows_below_a_preamble_are_read_and_formulas_stay_text() {
    let file = "\u{feff}Account;DE12\r\n\r\nBuchung;Betrag;Zweck;Name;Ref\r\n\
        01.02.2026;-1.234,50;\"=HYPERLINK(\"\"http://x\"\")\";@SUM(A1);R1\r\n\
        02.02.2026;7,5;\"two\r\nlines; one cell\";;\r\n;;;;\r\n";
    let mapping = CsvMapping {
        date: "Buchung".to_owned(),
        date_format: "%d.%m.%Y".to_owned(),
        amount: Some("Betrag".to_owned()),
        description: "Zweck".to_owned(),
        counterparty: Some("Name".to_owned()),
        reference: Some("Ref".to_owned()),
        delimiter: ';',
        decimal_mark: ',',
        ..mapping()
    };
    let statement = read(file, &mapping).unwrap();
    assert_eq!(
        lines(&statement),
        [
            "2026-02-01 - -1234.50 | @SUM(A1) | =HYPERLINK(\"http://x\") | R1",
            "2026-02-02 - 7.50 | - | two lines; one cell | -",
        ]
    );
    assert_eq!(
        (statement.account_number.clone(), balanced(&statement)),
        (None, Ok(BalanceCheck::NotStated))
    );
}

#[test]
fn amounts_are_read_as_banks_write_them_and_nothing_else() {
    let amount = |text: &str| {
        read(
            &format!("Date|Amount|Text\n2026-01-01|{text}|x\n"),
            &CsvMapping {
                delimiter: '|',
                ..mapping()
            },
        )
        .map(|statement| statement.entries[0].amount.to_decimal_text())
    };
    for (text, expected) in [
        ("12.5", "12.50"),
        ("+1", "1.00"),
        ("1,234,567.89", "1234567.89"),
        ("5.00-", "-5.00"),
        ("(3.10)", "-3.10"),
        ("\u{2212}2", "-2.00"),
        ("1 000.00", "1000.00"),
        ("-.5", "-0.50"),
        ("1'000", "1000.00"),
        ("1.10000000", "1.10"),
    ] {
        assert_eq!(amount(text).as_deref(), Ok(expected), "{text}");
    }
    for text in [
        "",
        "1,5",
        "1,23,456",
        "1.2.3",
        "--1",
        "1e3",
        "12 EUR",
        "-",
        "٣",
        "0.1234567",
    ] {
        let error = amount(text).unwrap_err();
        assert!(
            error.starts_with("row 2, column Amount: "),
            "{text} {error}"
        );
    }
}

#[test]
fn two_columns_of_amounts_give_the_sign() {
    let mapping = CsvMapping {
        amount: None,
        credit: Some("In".to_owned()),
        debit: Some("Out".to_owned()),
        ..mapping()
    };
    let row = |cells: &str| {
        read(
            &format!("Date,In,Out,Text\n2026-01-01,{cells},x\n"),
            &mapping,
        )
        .map_or_else(
            |error| error,
            |statement| statement.entries[0].amount.to_decimal_text(),
        )
    };
    assert_eq!(row("5.00,"), "5.00");
    assert_eq!(row(",5.00"), "-5.00");
    assert_eq!(row("0.00,-5.00"), "-5.00");
    assert_eq!(row("1,1"), "row 2: money goes in and out at once");
    assert_eq!(row(","), "row 2: neither money in nor money out is given");
    assert_eq!(row("-1,"), "row 2, column In: money in is negative");
}

#[test]
fn balances_are_followed_forwards_and_backwards_in_time() {
    let mapping = CsvMapping {
        balance: Some("Balance".to_owned()),
        ..mapping()
    };
    let forwards = "Date,Amount,Text,Balance\n2026-01-01,1,a,11\n2026-01-02,-3,b,8\n";
    let backwards = "Date,Amount,Text,Balance\n2026-01-02,-3,b,8\n2026-01-01,1,a,11\n";
    let same_day = "Date,Amount,Text,Balance\n2026-01-01,-3,b,8\n2026-01-01,1,a,11\n";
    for file in [forwards, backwards, same_day] {
        let statement = read(file, &mapping).unwrap();
        let ends =
            [statement.opening, statement.closing].map(|b| b.unwrap().money.to_decimal_text());
        assert_eq!(ends, ["10.00", "8.00"]);
        assert_eq!(balanced(&statement), Ok(BalanceCheck::Balanced));
    }
    assert_eq!(
        read(&forwards.replace(",8", ",9"), &mapping).unwrap_err(),
        "row 3, column Balance: the balance is `9.00`, but the row before and the amount lead to `8.00`"
    );
}

#[test]
fn faults_name_the_row_and_the_column() {
    let fault =
        |file: &str, expected: &str| assert_eq!(read(file, &mapping()), Err(expected.to_owned()));
    fault(
        "Date,Amount,Text\n2026-13-01,1,x\n",
        "row 2, column Date: `2026-13-01` is not a date of the form `%Y-%m-%d`",
    );
    fault(
        "Date,Amount,Text\n2026-01-01,1\n",
        "row 2: the row has 2 cells, and the headers are 3",
    );
    fault(
        "Date,Amount,Text,Amount\n",
        "row 1: two columns have the header `Amount`",
    );
    fault(
        "Date,Amount\n2026-01-01,1\n",
        "file: no row has every header that the mapping names",
    );
    fault("Date,Amount,Text\n", "file: no row follows the headers");
    let long = format!("Date,Amount,Text\n2026-01-01,1,{}\n", "é".repeat(4001));
    fault(
        &long,
        "row 2, column Text: the text has 4001 characters, and at most 4000 are read",
    );
}

#[test]
fn mapping_that_can_not_be_is_refused() {
    let file = "Date,Amount,Text\n2026-01-01,1,x\n";
    for wrong in [
        CsvMapping {
            delimiter: 'x',
            ..mapping()
        },
        CsvMapping {
            decimal_mark: ' ',
            ..mapping()
        },
        CsvMapping {
            amount: None,
            ..mapping()
        },
        CsvMapping {
            credit: Some("In".to_owned()),
            ..mapping()
        },
        CsvMapping {
            amount: None,
            debit: Some("Out".to_owned()),
            ..mapping()
        },
    ] {
        assert!(read(file, &wrong).unwrap_err().starts_with("mapping: "));
    }
    for format in ["%", "%Q", "", "%+", "%s", "%Y-%m-%d %H:%M"] {
        assert!(
            read(
                file,
                &CsvMapping {
                    date_format: format.to_owned(),
                    ..mapping()
                }
            )
            .is_err()
        );
    }
}

#[test]
fn content_that_is_recognised_is_not_read_as_csv() {
    let archive = parse(b"PK\x03\x04rest", Some(&mapping())).unwrap_err();
    assert!(archive.reason.contains("ZIP"), "{archive}");
    let (format, _) = parse(super::mt940::message("").as_bytes(), Some(&mapping())).unwrap();
    assert_eq!(format, Format::Mt940);
    assert!(parse(b"Date,Amount,Text\n2026-01-01,1,x\n", None).is_err());
}
