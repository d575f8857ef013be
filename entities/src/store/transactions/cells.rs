//! What stands in every row of a page, read without what costs more than the page.

use std::error::Error;

use bytes::Buf;
use countersign_domain::money::Currency;
use rust_decimal::Decimal;
use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable};
use tokio_postgres::types::{FromSql, Type, accepts};

/// Of so many digits of PostgreSQL's, to the base of 10,000, any number fits.
const DIGITS_MAX: u16 = 7;
/// What says in PostgreSQL's form that a number is negative.
const NEGATIVE: u16 = 0x4000;

/// A number. `Decimal`'s own way to read one goes by the digits that the column has, more than the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount(pub(super) Decimal);

impl<'a> FromSql<'a> for Amount {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match usual(raw)? {
            Some(decimal) => Ok(Self(decimal)),
            None => Ok(Self(Decimal::from_sql(ty, raw)?)),
        }
    }

    accepts!(NUMERIC);
}

/// Reads PostgreSQL's binary form (`numeric_send`): how many digits there are to the base of 10,000, the power
/// of the first one, the sign, how many decimal digits are shown, and the digits. `None` for what is
/// longer than usual.
fn usual(mut raw: &[u8]) -> Result<Option<Decimal>, Box<dyn Error + Sync + Send>> {
    let count = raw.try_get_u16()?;
    let weight = raw.try_get_i16()?;
    let sign = raw.try_get_u16()?;
    let _shown = raw.try_get_u16()?;
    if sign != 0 && sign != NEGATIVE {
        return Err("neither a number nor its opposite".into());
    }
    // The power of the last digit.
    let last = weight.saturating_sub_unsigned(count.saturating_sub(1));
    if count > DIGITS_MAX || !(-2..=3).contains(&last) {
        return Ok(None);
    }
    let mut mantissa: i128 = 0;
    for _ in 0..count {
        let digit = i128::from(raw.try_get_u16()?);
        mantissa = mantissa.saturating_mul(10_000).saturating_add(digit);
    }
    let mut scale: u32 = 0;
    if count > 0 && last < 0 {
        scale = u32::from(last.unsigned_abs()).saturating_mul(4);
    } else if count > 0 {
        let unit = 10_000_i128.pow(u32::from(last.unsigned_abs()));
        mantissa = mantissa.saturating_mul(unit);
    }
    let mantissa = if sign == NEGATIVE {
        -mantissa
    } else {
        mantissa
    };
    Ok(Decimal::try_from_i128_with_scale(mantissa, scale).ok())
}

impl TryGetable for Amount {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Decimal::try_get_by(row, index).map(Self)
    }
}

/// A currency by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(pub(super) Currency);

impl<'a> FromSql<'a> for Code {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Currency::written(<&str>::from_sql(ty, raw)?)?))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql<'_>>::accepts(ty)
    }
}

impl TryGetable for Code {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let code = String::try_get_by(row, index)?;
        let bad = |error: countersign_domain::money::MoneyError| DbErr::Type(error.to_string());
        Ok(Self(Currency::written(&code).map_err(bad)?))
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::{prelude::*, test_runner::TestCaseError};
    use tokio_postgres::types::ToSql;

    use super::*;

    fn read(decimal: Decimal) -> (Amount, Vec<u8>) {
        let mut raw = BytesMut::new();
        decimal.to_sql(&Type::NUMERIC, &mut raw).unwrap();
        (
            Amount::from_sql(&Type::NUMERIC, &raw).unwrap(),
            raw.to_vec(),
        )
    }

    fn is_read(mantissa: i128, scale: u32) -> Result<(), TestCaseError> {
        let decimal = Decimal::from_i128_with_scale(mantissa, scale);
        let (amount, raw) = read(decimal);
        prop_assert_eq!(amount.0, decimal);
        for end in 0..raw.len() {
            prop_assert!(Amount::from_sql(&Type::NUMERIC, &raw[..end]).is_err());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_decimal_is_read(mantissa in -(1_i128 << 95)..(1_i128 << 95), scale in 0..=28_u32) {
            is_read(mantissa, scale)?;
        }

        #[test]
        fn any_amount_is_read(mantissa in -10_i64.pow(18)..10_i64.pow(18), scale in 0..=6_u32) {
            is_read(mantissa.into(), scale)?;
        }
    }

    #[test]
    fn numbers_with_zeros_at_their_end_are_read() {
        for mantissa in [
            0,
            1,
            10,
            9_999,
            10_000,
            10_001,
            120_000,
            100_000_000,
            1_000_000_000_000,
        ] {
            for scale in 0..=12 {
                is_read(mantissa, scale).unwrap();
                is_read(-mantissa, scale).unwrap();
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for sign in [0xc000_u16, 0xd000, 0xf000, 1] {
            let mut raw = vec![0, 0, 0, 0];
            raw.extend(sign.to_be_bytes());
            raw.extend([0, 0]);
            assert!(Amount::from_sql(&Type::NUMERIC, &raw).is_err(), "{sign:x}");
        }
    }

    #[test]
    fn currencies_are_three_letters() {
        assert_eq!(
            Code::from_sql(&Type::BPCHAR, b"EUR").unwrap().0.code(),
            "EUR"
        );
        assert!(Code::from_sql(&Type::BPCHAR, b"EURO").is_err());
        assert!(!<Code as FromSql<'_>>::accepts(&Type::BYTEA));
    }
}
