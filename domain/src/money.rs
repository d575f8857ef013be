//! Exact money. No float exists in this product.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most digits after the point that an amount may have.
pub const SCALE_MAX: u32 = 6;
/// Amounts lie strictly between minus and plus this many units of their currency.
pub const ABS_LIMIT: i64 = 1_000_000_000_000_000;

/// Why a text or a number is not money.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Not a plain decimal number such as `-12.50`.
    #[error("`{0}` is not a decimal number")]
    Number(String),
    /// More digits after the point than [`SCALE_MAX`].
    #[error("an amount has at most {SCALE_MAX} digits after the point")]
    Scale,
    /// As large as [`ABS_LIMIT`] or larger.
    #[error("an amount is less than {ABS_LIMIT} units")]
    Size,
    /// Not a code of ISO 4217, or not three upper-case letters.
    #[error("not an ISO 4217 currency code such as `EUR`")]
    Currency,
    /// Two currencies in one sum.
    #[error("`{0}` and `{1}` can not be added")]
    Mixed(Currency, Currency),
}

/// Withdrawn since 2016, and not in the list of codes that is built in: books are kept for ten years and longer.
const WITHDRAWN: [&str; 5] = ["ANG", "BYR", "MRO", "STD", "VEF"];

/// A currency by its ISO 4217 alphabetic code: three upper-case ASCII letters.
///
/// Parsing takes the codes that are in use, or were until not long ago.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Any code of three upper-case letters, for what was stored before and what banks write: of a currency that
    /// is no more, or by a name that is no code.
    pub fn written(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(MoneyError::Currency),
        }
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits after the point in ordinary use, by ISO 4217: 0 for JPY, 3 for KWD, 4 for CLF, otherwise 2.
    pub fn minor_digits(self) -> u32 {
        match self.code() {
            "BIF" | "BYR" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG"
            | "RWF" | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_known =
            WITHDRAWN.contains(&text) || iso_currency::Currency::from_code(text).is_some();
        let known = is_known.then_some(text).ok_or(MoneyError::Currency)?;
        Self::written(known)
    }
}

/// An amount of one currency. Positive is money in, negative is money out.
///
/// Its `Debug` form hides the amount, so that a stray print tells nothing (TEL-2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// An amount within the bounds of [`SCALE_MAX`] and [`ABS_LIMIT`].
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let amount = normal(amount);
        if amount.scale() > SCALE_MAX {
            return Err(MoneyError::Scale);
        }
        let unit = 10_u128.checked_pow(amount.scale());
        let limit = unit.and_then(|unit| unit.checked_mul(ABS_LIMIT.unsigned_abs().into()));
        if limit.is_none_or(|limit| amount.mantissa().unsigned_abs() >= limit) {
            return Err(MoneyError::Size);
        }
        Ok(Self { amount, currency })
    }

    /// Parses a plain decimal such as `-12.50`. No exponent, no grouping, no spaces.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let plain = amount
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+'));
        let number = || MoneyError::Number(amount.chars().take(32).collect());
        if !plain {
            return Err(number());
        }
        Self::new(
            Decimal::from_str_exact(amount).map_err(|_| number())?,
            currency,
        )
    }

    /// The exact amount, normalized: no trailing zeros.
    pub const fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The sum, of the same currency only.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let sum = self
            .amount
            .checked_add(other.amount)
            .ok_or(MoneyError::Size)?;
        Self::new(sum, self.currency)
    }

    /// The order of magnitude, which is all that internal systems may see (BKS-2).
    pub fn magnitude(&self) -> Magnitude {
        Magnitude::of(self.amount)
    }

    /// The amount as text with at least the currency's usual digits: `12.50`, `1200` for JPY.
    pub const fn decimal_text(&self) -> DecimalText {
        DecimalText(*self)
    }

    /// The same in a text of its own.
    pub fn to_decimal_text(&self) -> String {
        self.decimal_text().to_string()
    }
}

/// What [`Decimal::normalize`] gives, which divides all its digits where few amounts have many.
fn normal(amount: Decimal) -> Decimal {
    let Ok(mut mantissa) = i64::try_from(amount.mantissa()) else {
        return amount.normalize();
    };
    let mut scale = amount.scale();
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale = scale.saturating_sub(1);
    }
    if scale == amount.scale() && mantissa != 0 {
        return amount;
    }
    // Zero has neither a sign nor digits after its point.
    Decimal::new(mantissa, scale)
}

/// An amount as text. It is written for every row of an answer, so digit by digit and not by way of a decimal
/// of more digits.
#[derive(Clone, Copy)]
pub struct DecimalText(Money);

impl fmt::Display for DecimalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ZEROS: &str = "000000";
        let (amount, usual) = (self.0.amount, self.0.currency.minor_digits());
        let (mantissa, scale) = (amount.mantissa(), amount.scale());
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(mantissa.unsigned_abs());
        let places = usize::try_from(scale).map_err(|_| fmt::Error)?;
        if mantissa < 0 {
            f.write_str("-")?;
        }
        let whole = digits.len().checked_sub(places).filter(|whole| *whole > 0);
        let parts = whole.and_then(|whole| digits.split_at_checked(whole));
        let (whole, fraction) = parts.unwrap_or(("0", digits));
        f.write_str(whole)?;
        if scale == 0 && usual == 0 {
            return Ok(());
        }
        let fraction = if places == 0 { "" } else { fraction };
        let before = places.saturating_sub(fraction.len());
        let after = usize::try_from(usual.saturating_sub(scale)).map_err(|_| fmt::Error)?;
        f.write_str(".")?;
        f.write_str(ZEROS.get(..before).ok_or(fmt::Error)?)?;
        f.write_str(fraction)?;
        f.write_str(ZEROS.get(..after).ok_or(fmt::Error)?)
    }
}

impl fmt::Debug for DecimalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({} {:?})", self.currency, self.magnitude())
    }
}

/// The order of magnitude of an amount, whatever its sign (BKS-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Magnitude {
    /// Under 10.
    Micro,
    /// From 10 to 100.
    Small,
    /// Above 100, to 1,000.
    Medium,
    /// Above 1,000, to 10,000.
    Large,
    /// Above 10,000.
    Xlarge,
}

impl Magnitude {
    /// Every bucket, from the smallest.
    pub const ALL: [Self; 5] = [
        Self::Micro,
        Self::Small,
        Self::Medium,
        Self::Large,
        Self::Xlarge,
    ];

    /// The bucket of an amount, by its absolute value.
    pub fn of(amount: Decimal) -> Self {
        let size = amount.mantissa().unsigned_abs();
        // No decimal has more than 28 digits after the point.
        let unit = 10_u128.saturating_pow(amount.scale());
        let units = |count: u128| unit.saturating_mul(count);
        if size < units(10) {
            Self::Micro
        } else if size <= units(100) {
            Self::Small
        } else if size <= units(1_000) {
            Self::Medium
        } else if size <= units(10_000) {
            Self::Large
        } else {
            Self::Xlarge
        }
    }

    /// The name, as GraphQL and the database write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micro => "MICRO",
            Self::Small => "SMALL",
            Self::Medium => "MEDIUM",
            Self::Large => "LARGE",
            Self::Xlarge => "XLARGE",
        }
    }

    /// The bucket of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(text: &str) -> Result<Money, MoneyError> {
        Money::parse(text, "EUR".parse()?)
    }

    #[test]
    fn buckets_follow_the_published_bounds() {
        for (amount, bucket) in [
            ("0", Magnitude::Micro),
            ("-9.99", Magnitude::Micro),
            ("10", Magnitude::Small),
            ("100", Magnitude::Small),
            ("100.01", Magnitude::Medium),
            ("-1000", Magnitude::Medium),
            ("1000.01", Magnitude::Large),
            ("10000", Magnitude::Large),
            ("10000.01", Magnitude::Xlarge),
            ("10.000001", Magnitude::Small),
            ("9.999999", Magnitude::Micro),
            ("-999999999999999.999999", Magnitude::Xlarge),
        ] {
            assert_eq!(eur(amount).map(|m| m.magnitude()), Ok(bucket), "{amount}");
        }
    }

    #[test]
    fn currencies_are_those_of_iso_4217() {
        for code in ["EUR", "USD", "XAU", "HRK", "BGN", "ANG", "VEF"] {
            assert!(code.parse::<Currency>().is_ok(), "{code}");
        }
        for text in ["ZZZ", "AAA", "EUE", "eur", "EU", "EURO", "", "E\u{212A}"] {
            assert_eq!(
                text.parse::<Currency>(),
                Err(MoneyError::Currency),
                "{text}"
            );
        }
        // Of long ago, as a bank writes it or a row has it.
        assert_eq!(
            Currency::written("DEM").map(|c| c.to_string()),
            Ok("DEM".to_owned())
        );
        assert_eq!(Currency::written("dem"), Err(MoneyError::Currency));
    }

    #[test]
    fn digits_are_those_of_iso_4217() {
        let letters = || 'A'..='Z';
        let codes =
            letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let mut known = 0;
        for code in codes.map(String::from_iter) {
            let Some(listed) = iso_currency::Currency::from_code(&code) else {
                continue;
            };
            known += 1;
            let digits = listed.exponent().map_or(2, u32::from);
            let own = code.parse::<Currency>().map(Currency::minor_digits);
            assert_eq!(own, Ok(digits), "{code}");
        }
        assert!(known > 150, "{known}");
        for code in WITHDRAWN {
            assert!(
                iso_currency::Currency::from_code(code).is_none(),
                "{code} is listed"
            );
        }
    }

    #[test]
    fn text_that_is_not_a_plain_decimal_is_refused() {
        for text in [
            "",
            "1e3",
            "1,5",
            " 1",
            "1_000",
            "NaN",
            "--1",
            "1.2.3",
            "0.0000001",
        ] {
            assert!(eur(text).is_err(), "{text}");
        }
        assert_eq!(eur("1000000000000000"), Err(MoneyError::Size));
    }

    #[test]
    fn debug_form_hides_the_amount() {
        assert_eq!(format!("{:?}", eur("1234.56")), "Ok(Money(EUR Large))");
    }

    #[test]
    fn text_is_what_a_decimal_of_as_many_digits_says() -> Result<(), MoneyError> {
        let limit = i128::from(ABS_LIMIT);
        for currency in ["EUR", "JPY", "KWD"] {
            let currency: Currency = currency.parse()?;
            for scale in 0..=SCALE_MAX {
                let most = limit * 10_i128.pow(scale) - 1;
                for mantissa in [0, 1, 7, 10, 99, 100, 1_200, 123_456, 1_000_000, most] {
                    for mantissa in [mantissa, -mantissa] {
                        let decimal = Decimal::from_i128_with_scale(mantissa, scale);
                        let money = Money::new(decimal, currency)?;
                        let mut shown = decimal.normalize();
                        assert_eq!(money.amount(), shown);
                        assert_eq!(money.amount().scale(), shown.scale());
                        shown.rescale(shown.scale().max(currency.minor_digits()));
                        let text = money.to_decimal_text();
                        assert_eq!(text, shown.to_string());
                    }
                }
                let beyond = Decimal::from_i128_with_scale(most + 1, scale);
                assert_eq!(Money::new(beyond, currency), Err(MoneyError::Size));
            }
        }
        Ok(())
    }

    #[test]
    fn text_has_the_digits_of_its_currency() {
        assert_eq!(eur("12.5").map(|m| m.to_decimal_text()), Ok("12.50".into()));
        assert_eq!(
            eur("12.345").map(|m| m.to_decimal_text()),
            Ok("12.345".into())
        );
        let yen = "JPY".parse().and_then(|jpy| Money::parse("1200", jpy));
        assert_eq!(yen.map(|m| m.to_decimal_text()), Ok("1200".into()));
    }
}
