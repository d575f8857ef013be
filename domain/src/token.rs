//! API tokens: `cst_` + 43 base-62 digits (32 random bytes) + 6 base-62 digits (CRC-32).
//!
//! The prefix and the checksum let a scanner find leaked tokens and drop false positives without
//! asking us; the underscore lets a double click select the whole. Pattern for scanners:
//! `cst_[0-9A-Za-z]{49}`, where the last six digits are the CRC-32 (ISO 3309) of all before them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// What every token starts with. Never changes: scanners and customers' rules know it.
pub const PREFIX: &str = "cst_";
const BODY_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text is not one of our tokens: wrong form or wrong checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a Countersign API token")]
pub struct ParseTokenError;

/// A token as its holder has it. Shown once, never stored; its `Debug` form tells nothing.
#[derive(Debug)]
pub struct PlainToken(SecretString);

/// What is stored of a token: its SHA-256. The token has 256 random bits, so no slow hash is due.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashedToken([u8; 32]);

impl PlainToken {
    /// Builds a token from 32 bytes of the operating system's generator.
    pub fn from_random(random: &[u8; 32]) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + BODY_DIGITS + CHECKSUM_DIGITS);
        text.push_str(PREFIX);
        push_base62(&mut text, random, BODY_DIGITS);
        let checksum = crc32fast::hash(text.as_bytes()).to_be_bytes();
        push_base62(&mut text, &checksum, CHECKSUM_DIGITS);
        Self(text.into())
    }

    /// Recognises a token by prefix, length, alphabet and checksum, before any look-up.
    pub fn parse(text: &str) -> Result<Self, ParseTokenError> {
        let body = text.strip_prefix(PREFIX).ok_or(ParseTokenError)?;
        let well_formed = body.len() == BODY_DIGITS + CHECKSUM_DIGITS
            && body.bytes().all(|b| b.is_ascii_alphanumeric());
        let split = text
            .len()
            .checked_sub(CHECKSUM_DIGITS)
            .ok_or(ParseTokenError)?;
        let (signed, checksum) = text.split_at_checked(split).ok_or(ParseTokenError)?;
        let mut expected = String::with_capacity(CHECKSUM_DIGITS);
        push_base62(
            &mut expected,
            &crc32fast::hash(signed.as_bytes()).to_be_bytes(),
            CHECKSUM_DIGITS,
        );
        if well_formed && checksum == expected {
            Ok(Self(text.to_owned().into()))
        } else {
            Err(ParseTokenError)
        }
    }

    /// What is stored and looked up.
    pub fn hashed(&self) -> HashedToken {
        HashedToken(Sha256::digest(self.0.expose_secret().as_bytes()).into())
    }

    /// The last four digits, which lists show so that people can tell tokens apart.
    pub fn last_four(&self) -> String {
        let text = self.0.expose_secret();
        text.get(text.len().saturating_sub(4)..)
            .unwrap_or_default()
            .to_owned()
    }

    /// The text itself, to be shown to its maker once.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl HashedToken {
    /// The hash as stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for HashedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedToken")
    }
}

/// Appends `bytes`, read as one big-endian number, in base 62 with leading zeros.
fn push_base62(text: &mut String, bytes: &[u8], digits: usize) {
    let mut number = bytes.to_vec();
    let mut reversed = Vec::with_capacity(digits);
    for _ in 0..digits {
        let mut remainder: u32 = 0;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            remainder = value % 62;
        }
        let digit = usize::try_from(remainder).ok().and_then(|i| DIGITS.get(i));
        reversed.push(char::from(*digit.unwrap_or(&b'0')));
    }
    text.extend(reversed.iter().rev());
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a token is ASCII, and a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn token_round_trips_and_hides_itself() {
        let token = PlainToken::from_random(&[0xff; 32]);
        let text = token.reveal().to_owned();
        assert_eq!(text.len(), 53);
        assert_eq!(
            PlainToken::parse(&text).map(|t| t.hashed()),
            Ok(token.hashed())
        );
        assert!(!format!("{token:?} {:?}", token.hashed()).contains(&text[4..10]));
    }

    #[test]
    fn one_changed_digit_is_noticed() {
        let token = PlainToken::from_random(&[7; 32]);
        let text = token.reveal();
        for i in 0..text.len() {
            let mut other = text.to_owned().into_bytes();
            other[i] = if other[i] == b'q' { b'r' } else { b'q' };
            let other = String::from_utf8(other).unwrap_or_default();
            assert!(PlainToken::parse(&other).is_err(), "digit {i}");
        }
        for bad in ["", "cst_", "cst", &text[..52], &format!("{text}0"), "cst_é"] {
            assert!(PlainToken::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn checksum_is_published_and_stays() {
        let token = PlainToken::from_random(&[0; 32]);
        assert_eq!(
            token.reveal(),
            format!("cst_{}{}", "0".repeat(43), &token.reveal()[47..])
        );
        assert_eq!(&token.reveal()[47..], CHECKSUM_OF_ZERO);
    }

    const CHECKSUM_OF_ZERO: &str = "2d153q";
}
