//! Writing an export.

use sha2::{Digest, Sha256};

use super::{COLUMNS, LineError, csv_line, csv_record, json_line};
use crate::{
    audit::{
        Event, Link,
        manifest::{ExportFormat, Manifest},
    },
    id::TenantId,
};

/// Writes an export piece by piece, and knows what its manifest says.
#[derive(Debug)]
pub struct Writer {
    tenant: TenantId,
    format: ExportFormat,
    rows: u64,
    bytes: u64,
    digest: Sha256,
}

impl Writer {
    /// Of a tenant's rows.
    pub fn new(tenant: TenantId, format: ExportFormat) -> Self {
        Self {
            tenant,
            format,
            rows: 0,
            bytes: 0,
            digest: Sha256::new(),
        }
    }

    /// What comes first: the names of the columns, where the format has them.
    pub fn head(&mut self) -> Result<Vec<u8>, LineError> {
        let head = match self.format {
            ExportFormat::JsonLines => Vec::new(),
            ExportFormat::Csv => csv_record(COLUMNS)?,
        };
        Ok(self.wrote(head))
    }

    /// A row.
    pub fn row(&mut self, event: &Event, link: &Link) -> Result<Vec<u8>, LineError> {
        let line = match self.format {
            ExportFormat::JsonLines => json_line(self.tenant, event, link)?,
            ExportFormat::Csv => csv_line(self.tenant, event, link)?,
        };
        self.rows = self.rows.saturating_add(1);
        Ok(self.wrote(line))
    }

    /// How many rows there are so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    fn wrote(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.digest.update(&bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(length);
        bytes
    }

    /// What is to be signed, after the last row.
    pub fn manifest(&self, filter: String) -> Manifest {
        Manifest {
            tenant: self.tenant,
            format: self.format,
            rows: self.rows,
            bytes: self.bytes,
            sha256: self.digest.clone().finalize().into(),
            filter,
        }
    }
}
