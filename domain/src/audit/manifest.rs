//! What an export says of itself, signed: its last record (AUD-6).

use super::{Hash, note::NoteError};
use crate::id::TenantId;

/// The first line of the text of a manifest.
const FORM: &str = "countersign-export/v1";

/// How whoever finds the file verifies it. The key is not in the file: it would verify itself.
const VERIFY: &str = "countersign ledger verify --export FILE --key KEY";

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// JSON Lines.
    JsonLines,
}

impl ExportFormat {
    /// The name in requests and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Csv, Self::JsonLines]
            .into_iter()
            .find(|format| format.name() == name)
    }
}

/// The manifest of an export: how many rows, which were asked for, and SHA-256 of all bytes before the
/// manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Whose log.
    pub tenant: TenantId,
    /// How it is written.
    pub format: ExportFormat,
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of them.
    pub sha256: Hash,
    /// Which rows were asked for: `all`, or conditions as `name=value`, parted by spaces.
    pub filter: String,
}

impl Manifest {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Self {
            tenant,
            rows,
            bytes,
            filter,
            ..
        } = self;
        let (format, sha256) = (self.format.name(), hex::encode(self.sha256));
        format!(
            "{FORM}\ntenant {tenant}\nformat {format}\nrows {rows}\nbytes {bytes}\n\
             sha256 {sha256}\nfilter {filter}\nverify {VERIFY}\n"
        )
    }

    /// Whether all rows were asked for.
    pub fn is_whole(&self) -> bool {
        self.filter == "all"
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut value = |name: &str| {
            let line = lines.next().ok_or(NoteError::Form)?;
            line.strip_prefix(name).ok_or(NoteError::Form)
        };
        value(FORM)?;
        let tenant = value("tenant ")?.parse().map_err(|_| NoteError::Form)?;
        let format = ExportFormat::from_name(value("format ")?).ok_or(NoteError::Form)?;
        let rows = value("rows ")?.parse().map_err(|_| NoteError::Form)?;
        let bytes = value("bytes ")?.parse().map_err(|_| NoteError::Form)?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(value("sha256 ")?, &mut sha256).map_err(|_| NoteError::Form)?;
        Ok(Self {
            tenant,
            format,
            rows,
            bytes,
            sha256,
            filter: value("filter ")?.to_owned(),
        })
    }
}
