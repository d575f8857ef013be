//! Public keys of backups.

use std::{fmt, str::FromStr};

use age::x25519;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The public key of a backup: X25519, as age writes it. There is no way from it to what it encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

/// A text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoRecipient {
    /// It is a secret key.
    #[error(
        "is a secret key, and whoever reads it here opens the backups: make another pair by \
         `countersign backup key`, and give its public key, which begins with `age1`"
    )]
    Secret,
    /// It is something else.
    #[error(
        "is no public key of age (X25519), which begins with `age1`: make a pair by \
         `countersign backup key --out FILE`"
    )]
    Other,
}

impl Recipient {
    pub(super) const fn new(recipient: x25519::Recipient) -> Self {
        Self(recipient)
    }

    pub(super) const fn age(&self) -> &x25519::Recipient {
        &self.0
    }

    /// SHA-256 of its text, by which the audit log names it.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.to_string()).into()
    }
}

impl FromStr for Recipient {
    type Err = NoRecipient;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text
            .trim_start()
            .to_ascii_uppercase()
            .starts_with("AGE-SECRET-KEY-")
        {
            return Err(NoRecipient::Secret);
        }
        text.parse().map(Self).map_err(|_| NoRecipient::Other)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
