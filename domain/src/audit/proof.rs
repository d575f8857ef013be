//! A proof outside the database: that a row is in a checkpoint, or that a checkpoint goes on where an earlier
//! one ended. It is made by the command and by GraphQL, and checked without either.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    Event, Hash, Link,
    exported::{LineError, json_line},
};
use crate::id::TenantId;

/// A proof with all that it is checked by, but for the key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proof {
    /// The checkpoint, signed.
    pub checkpoint: String,
    /// The row, as exports write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Value>,
    /// The earlier checkpoint, signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The hashes of RFC 9162, in hexadecimal.
    hashes: Vec<String>,
}

/// A text that is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text is no proof")]
pub struct ProofError;

impl Proof {
    /// That a row is in a checkpoint.
    pub fn of_row(
        checkpoint: String,
        (tenant, event, link): (TenantId, &Event, &Link),
        hashes: &[Hash],
    ) -> Result<Self, LineError> {
        let row = serde_json::from_slice(&json_line(tenant, event, link)?);
        Ok(Self {
            checkpoint,
            row: Some(row.map_err(|_| LineError)?),
            since: None,
            hashes: written(hashes),
        })
    }

    /// That a checkpoint goes on where the earlier one ended.
    pub fn since(checkpoint: String, earlier: String, hashes: &[Hash]) -> Self {
        Self {
            checkpoint,
            row: None,
            since: Some(earlier),
            hashes: written(hashes),
        }
    }

    /// As `ledger verify --proof` takes it.
    pub fn to_json(&self) -> Result<String, ProofError> {
        serde_json::to_string_pretty(self).map_err(|_| ProofError)
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, ProofError> {
        serde_json::from_str(text).map_err(|_| ProofError)
    }

    /// The hashes.
    pub fn hashes(&self) -> Result<Vec<Hash>, ProofError> {
        let hash = |text: &String| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text, &mut bytes).map_err(|_| ProofError)?;
            Ok(bytes)
        };
        self.hashes.iter().map(hash).collect()
    }
}

/// Hashes in hexadecimal.
fn written(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(hex::encode).collect()
}
