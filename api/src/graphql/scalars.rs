//! Scalars, with the one way that each is written.

use std::fmt;

use async_graphql::{Value, dynamic::Scalar};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use countersign_domain::money::{Currency, Money};

use super::{error::GraphqlError, value::Leaf};

/// Every scalar of ours.
pub(super) fn all() -> Vec<Scalar> {
    let scalar = |name: &'static str, description: &str| {
        Scalar::new(name)
            .description(description)
            .validator(move |value| is_valid(name, value))
    };
    vec![
        scalar("Date", "A date without a time, as ISO 8601: `2026-03-31`.")
            .specified_by_url("https://scalars.graphql.org/andimarek/local-date"),
        scalar(
            "DateTime",
            "An instant, as RFC 3339; answers are in UTC with microseconds.",
        )
        .specified_by_url("https://scalars.graphql.org/andimarek/date-time"),
        scalar("Decimal", "An exact decimal number as text: `-1234.50`."),
        scalar("CurrencyCode", "A currency as ISO 4217 writes it: `EUR`."),
        scalar(
            "Base64",
            "Bytes as standard Base64 with padding (RFC 4648, section 4).",
        ),
    ]
}

/// Whether the value is one of the scalar, the specification's own among them.
pub(super) fn is_valid(scalar: &str, value: &Value) -> bool {
    match (scalar, value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        ("Float", Value::Number(_))
        | ("Boolean", Value::Boolean(_))
        | ("String" | "ID" | "Base64", Value::String(_)) => true,
        ("Date", Value::String(text)) => parse_date(text).is_some(),
        ("DateTime", Value::String(text)) => parse_instant(text).is_some(),
        ("Decimal", Value::String(text)) => text.parse::<rust_decimal::Decimal>().is_ok(),
        ("CurrencyCode", Value::String(text)) => text.parse::<Currency>().is_ok(),
        _ => false,
    }
}

/// A date as the scalar writes it.
pub(super) fn date_value(date: NaiveDate) -> Leaf<'static> {
    Leaf::shown(Day(date))
}

/// A date as ISO 8601 writes it, in one piece: dates are most of what many rows have.
struct Day(NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (month, day) = (self.0.month(), self.0.day());
        let year = u32::try_from(self.0.year()).ok();
        let Some(year) = year.filter(|year| *year < 10_000) else {
            return fmt::Display::fmt(&self.0, f);
        };
        let digit = |number: u32| {
            let digit = u8::try_from(number % 10);
            digit.map_or(b'0', |digit| b'0'.saturating_add(digit))
        };
        let text = [
            digit(year / 1_000),
            digit(year / 100),
            digit(year / 10),
            digit(year),
            b'-',
            digit(month / 10),
            digit(month),
            b'-',
            digit(day / 10),
            digit(day),
        ];
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// An instant as the scalar writes it.
pub(super) fn instant_value(instant: DateTime<Utc>) -> Leaf<'static> {
    Leaf::from(instant.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// An amount as the scalar writes it.
pub(super) fn money_value(money: Money) -> Leaf<'static> {
    Leaf::shown(money.decimal_text())
}

/// A text, or null.
pub(super) fn text_value(text: Option<&String>) -> Option<Leaf<'_>> {
    text.map(|text| Leaf::from(text.as_str()))
}

/// An enum's member by its name.
pub(super) fn enum_value(name: &str) -> Leaf<'_> {
    Leaf::from(name)
}

pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    // chrono takes signs and spaces for digits.
    let is_written = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let is_date = text.len() == 10 && text.bytes().enumerate().all(is_written);
    let parsed = is_date.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    parsed.flatten()
}

pub(super) fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|instant| instant.with_timezone(&Utc))
}

/// The bytes behind a `Base64` argument.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, GraphqlError> {
    STANDARD.decode(text).map_err(|_| {
        GraphqlError::BadInput(
            "`content` is not Base64 as RFC 4648, section 4, writes it".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_iso_8601_writes_them() {
        assert!(parse_date("2026-01-31").is_some());
        for bad in [
            "2026-02-30",
            " 2026-1-01",
            "2026- 1- 1",
            "+12345-1-1",
            "-001-01-01",
            "2026/01/31",
        ] {
            assert!(parse_date(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn days_are_written_as_iso_8601_has_them() {
        let first = NaiveDate::from_ymd_opt(-1, 12, 30).unwrap();
        let at = |step: u64| first.checked_add_days(chrono::Days::new(step * 97));
        for day in (0..38_000).filter_map(at) {
            assert_eq!(Day(day).to_string(), day.to_string());
        }
        assert!(at(37_999).is_some_and(|last| last.year() > 10_000));
    }
}
