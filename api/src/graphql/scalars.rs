//! Scalars, with the one way that each is written.

use async_graphql::{Value, dynamic::Scalar};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use countersign_domain::money::{Currency, Money};

use super::error::GraphqlError;

/// Every scalar of ours.
pub(super) fn all() -> Vec<Scalar> {
    vec![
        Scalar::new("Date")
            .description("A date without a time, as ISO 8601: `2026-03-31`.")
            .specified_by_url("https://scalars.graphql.org/andimarek/local-date")
            .validator(|value| matches!(value, Value::String(text) if parse_date(text).is_some())),
        Scalar::new("DateTime")
            .description("An instant, as RFC 3339; answers are in UTC with microseconds.")
            .specified_by_url("https://scalars.graphql.org/andimarek/date-time")
            .validator(
                |value| matches!(value, Value::String(text) if parse_instant(text).is_some()),
            ),
        Scalar::new("Decimal").description("An exact decimal number as text: `-1234.50`.").validator(
            |value| matches!(value, Value::String(text) if text.parse::<rust_decimal::Decimal>().is_ok()),
        ),
        Scalar::new("CurrencyCode")
            .description("A currency as ISO 4217 writes it: `EUR`.")
            .validator(|value| matches!(value, Value::String(text) if text.parse::<Currency>().is_ok())),
        Scalar::new("Base64")
            .description("Bytes as standard Base64 with padding (RFC 4648, section 4).")
            .validator(|value| matches!(value, Value::String(_))),
    ]
}

/// A date as the scalar writes it.
pub(super) fn date_value(date: NaiveDate) -> Value {
    Value::from(date.format("%Y-%m-%d").to_string())
}

/// An instant as the scalar writes it.
pub(super) fn instant_value(instant: DateTime<Utc>) -> Value {
    Value::from(instant.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// An amount as the scalar writes it.
pub(super) fn money_value(money: Money) -> Value {
    Value::from(money.to_decimal_text())
}

/// A text, or null.
pub(super) fn text_value(text: Option<&String>) -> Option<Value> {
    text.map(|text| Value::from(text.as_str()))
}

/// An enum's member by its name.
pub(super) fn enum_value(name: &str) -> Value {
    Value::Enum(async_graphql::Name::new(name))
}

pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    if text.len() == 10 {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
    } else {
        None
    }
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
