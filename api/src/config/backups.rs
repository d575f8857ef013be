//! Backups: the keys that they are encrypted to, and the program that dumps the database.

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::backups::Recipient;

/// Backups.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backups {
    /// The public keys that they are encrypted to, those of coming quarters included.
    pub keys: Vec<BackupKey>,
    /// The program that dumps the database: a path, or a name that is looked for on the path.
    pub pg_dump: PathBuf,
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            pg_dump: PathBuf::from("pg_dump"),
        }
    }
}

/// A public key of backups. Whoever has it writes backups; only its secret half, which is not on this
/// machine, opens them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupKey {
    /// The public key.
    #[serde(deserialize_with = "recipient")]
    pub recipient: Recipient,
    /// The first day on which backups are encrypted to it.
    #[serde(deserialize_with = "day")]
    pub since: NaiveDate,
}

fn recipient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Recipient, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fault = "is no day, such as \"2026-10-01\"";
    text.parse().map_err(|_| D::Error::custom(fault))
}
