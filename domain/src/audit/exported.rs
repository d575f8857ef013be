//! A row outside the database: how exports write it, and how it is read again to be verified (AUD-4, AUD-6).

mod line;

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

use self::line::Lines;
use super::{
    ChainError, Encoding, Event, Hash, Head, Link, Outcome,
    manifest::{ExportFormat, Manifest},
    merkle::{self, Frontier},
    note::Checkpoint,
};
use crate::id::{AuditEntryId, RequestId, TenantId};

/// The columns of an export as CSV, in their order.
pub const COLUMNS: [&str; 18] = [
    "tenant",
    "seq",
    "encoding",
    "id",
    "occurredAt",
    "actorKind",
    "actorId",
    "action",
    "permission",
    "policies",
    "outcome",
    "targets",
    "requestId",
    "source",
    "payload",
    "previous",
    "hash",
    "signature",
];

/// What an export writes of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written<'a> {
    #[serde(borrow)]
    tenant: Cow<'a, str>,
    seq: i64,
    encoding: i16,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    #[serde(borrow)]
    actor_kind: Cow<'a, str>,
    #[serde(borrow)]
    actor_id: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    permission: Cow<'a, str>,
    #[serde(borrow)]
    policies: Option<Cow<'a, str>>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    targets: Vec<String>,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    previous: Cow<'a, str>,
    #[serde(borrow)]
    hash: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

/// A row with its place in its tenant's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Whose chain.
    pub tenant: TenantId,
    /// What it says.
    pub event: Event,
    /// Its place.
    pub link: Link,
}

/// A line that is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the line is no row of an export")]
pub struct LineError;

fn written<'a>(tenant: TenantId, event: &'a Event, link: &Link) -> Written<'a> {
    Written {
        tenant: tenant.to_string().into(),
        seq: link.seq,
        encoding: link.encoding.number(),
        id: event.id.to_string().into(),
        occurred_at: instant(event.occurred_at).into(),
        actor_kind: Cow::from(&event.actor_kind),
        actor_id: Cow::from(&event.actor_id),
        action: Cow::from(&event.action),
        permission: Cow::from(&event.permission),
        policies: event.policies.map(|policies| hex::encode(policies).into()),
        outcome: event.outcome.name().into(),
        targets: event.targets.clone(),
        request_id: event.request.to_string().into(),
        source: event.source.as_deref().map(Cow::from),
        payload: Cow::from(&event.payload),
        previous: hex::encode(link.previous).into(),
        hash: hex::encode(link.hash).into(),
        signature: hex::encode(link.signature).into(),
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The row as a line of JSON, its end included.
pub fn json_line(tenant: TenantId, event: &Event, link: &Link) -> Result<Vec<u8>, LineError> {
    let mut line = serde_json::to_vec(&written(tenant, event, link)).map_err(|_| LineError)?;
    line.push(b'\n');
    Ok(line)
}

/// The row as a record of CSV (RFC 4180), its end included. Targets are parted by spaces.
pub fn csv_line(tenant: TenantId, event: &Event, link: &Link) -> Result<Vec<u8>, LineError> {
    let row = written(tenant, event, link);
    let (seq, encoding) = (row.seq.to_string(), row.encoding.to_string());
    let targets = row.targets.join(" ");
    csv_record([
        &row.tenant,
        &seq,
        &encoding,
        &row.id,
        &row.occurred_at,
        &row.actor_kind,
        &row.actor_id,
        &row.action,
        &row.permission,
        row.policies.as_deref().unwrap_or_default(),
        &row.outcome,
        &targets,
        &row.request_id,
        row.source.as_deref().unwrap_or_default(),
        &row.payload,
        &row.previous,
        &row.hash,
        &row.signature,
    ])
}

/// One record of CSV. A cell that a spreadsheet would take for a formula is marked as text.
pub fn csv_record(cells: [&str; COLUMNS.len()]) -> Result<Vec<u8>, LineError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for cell in cells {
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let marked = if is_formula {
            Cow::from(format!("'{cell}"))
        } else {
            Cow::from(cell)
        };
        writer
            .write_field(marked.as_bytes())
            .map_err(|_| LineError)?;
    }
    writer.write_record(None::<&[u8]>).map_err(|_| LineError)?;
    writer.into_inner().map_err(|_| LineError)
}

/// The last record of an export: its manifest, signed.
pub fn manifest_line(format: ExportFormat, note: &str) -> Result<Vec<u8>, LineError> {
    match format {
        ExportFormat::JsonLines => {
            let line = serde_json::json!({ "manifest": note });
            Ok(format!("{line}\n").into_bytes())
        }
        ExportFormat::Csv => {
            let mut cells = [""; COLUMNS.len()];
            let [name, value, ..] = &mut cells;
            (*name, *value) = ("manifest", note);
            csv_record(cells)
        }
    }
}

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

impl Exported {
    /// Whether the row is what was recorded.
    pub fn verify(&self) -> Result<(), ChainError> {
        self.link.check_content(self.tenant, &self.event)
    }

    /// Reads a line of JSON.
    pub fn from_json(line: &[u8]) -> Result<Self, LineError> {
        let row: Written<'_> = serde_json::from_slice(line).map_err(|_| LineError)?;
        let hash = |text: &str| -> Result<Hash, LineError> {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text, &mut bytes).map_err(|_| LineError)?;
            Ok(bytes)
        };
        let uuid = |text: &str, prefix: &str| -> Result<Uuid, LineError> {
            let digits = text
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('_'));
            Uuid::try_parse(digits.ok_or(LineError)?).map_err(|_| LineError)
        };
        let at = DateTime::parse_from_rfc3339(&row.occurred_at).map_err(|_| LineError)?;
        let policies = row.policies.as_deref().map(hash).transpose()?;
        Ok(Self {
            tenant: TenantId::new(uuid(&row.tenant, TenantId::PREFIX)?),
            link: Link {
                encoding: Encoding::from_number(row.encoding).ok_or(LineError)?,
                seq: row.seq,
                previous: hash(&row.previous)?,
                hash: hash(&row.hash)?,
                signature: hash(&row.signature)?,
            },
            event: Event {
                id: AuditEntryId::new(uuid(&row.id, AuditEntryId::PREFIX)?),
                actor_kind: row.actor_kind.into_owned(),
                actor_id: row.actor_id.into_owned(),
                action: row.action.into_owned(),
                permission: row.permission.into_owned(),
                policies,
                outcome: Outcome::from_name(&row.outcome).ok_or(LineError)?,
                targets: row.targets,
                request: RequestId::new(uuid(&row.request_id, RequestId::PREFIX)?),
                source: row.source.map(Cow::into_owned),
                payload: row.payload.into_owned(),
                occurred_at: at.with_timezone(&Utc),
            },
        })
    }
}

/// Why a line of an export does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineFault {
    /// It is no row.
    #[error(transparent)]
    Line(#[from] LineError),
    /// It is not the row that belongs there.
    #[error(transparent)]
    Row(#[from] ExportFault),
}

/// Why an export does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExportFault {
    /// The first row that fails.
    #[error(transparent)]
    Broken(#[from] ChainError),
    /// A row of another tenant.
    #[error("row {seq} is of another tenant")]
    Foreign {
        /// The row.
        seq: i64,
    },
    /// The checkpoint tells of more rows than there are: the end is cut off.
    #[error("the checkpoint is of {expected} rows, and {found} are here: the end is cut off")]
    Cut {
        /// Of the checkpoint.
        expected: u64,
        /// Rows from the first on, without a gap.
        found: u64,
    },
    /// The rows are not those that the checkpoint was made of.
    #[error("the first {size} rows are not those that the checkpoint was made of")]
    Rewritten {
        /// Of the checkpoint.
        size: u64,
    },
}

/// Verifies rows that come in order, without a key: that each is what was recorded, that each links to the
/// one before it, and what the Merkle tree over them is.
#[derive(Debug)]
pub struct Verifier {
    tenant: TenantId,
    /// Whether rows may be missing between others, as where an export chose some.
    has_gaps: bool,
    last: Option<Head>,
    frontier: Frontier,
    checked: u64,
    checkpoint: Option<Checkpoint>,
    meets_checkpoint: bool,
    lines: Lines,
}

impl Verifier {
    /// Of a tenant's rows; those that a checkpoint is of must be among them, from the first on.
    pub fn new(tenant: TenantId, has_gaps: bool, checkpoint: Option<Checkpoint>) -> Self {
        Self {
            tenant,
            has_gaps,
            last: None,
            frontier: Frontier::EMPTY,
            checked: 0,
            checkpoint,
            meets_checkpoint: false,
            lines: Lines::default(),
        }
    }

    /// The next line of an export as JSON Lines, with its end.
    pub fn line(&mut self, line: &[u8]) -> Result<(), LineFault> {
        if let Some(judged) = self.lines.judge(self.tenant, line)
            && self.check_place(judged.here, judged.previous).is_ok()
        {
            return Ok(self.accept(judged.here)?);
        }
        Ok(self.row(&Exported::from_json(line)?)?)
    }

    /// The next row.
    pub fn row(&mut self, row: &Exported) -> Result<(), ExportFault> {
        let link = &row.link;
        if row.tenant != self.tenant {
            return Err(ExportFault::Foreign { seq: link.seq });
        }
        let here = Head {
            seq: link.seq,
            hash: link.hash,
        };
        self.check_place(here, link.previous)?;
        link.check_content(self.tenant, &row.event)?;
        self.accept(here)
    }

    /// Whether a row goes on where the last one ended.
    fn check_place(&self, here: Head, previous: Hash) -> Result<(), ChainError> {
        let before = match self.last {
            Some(last) if self.has_gaps && here.seq > last.seq.saturating_add(1) => None,
            Some(last) => Some(last),
            // A part of a chain begins where it begins.
            None => Some(Head::EMPTY).filter(|_| here.seq == 1),
        };
        before.map_or(Ok(()), |before| before.check(here.seq, &previous))
    }

    /// Counts a row that was checked, and puts it into the tree.
    fn accept(&mut self, here: Head) -> Result<(), ExportFault> {
        self.last = Some(here);
        self.checked = self.checked.saturating_add(1);
        if u64::try_from(here.seq).is_ok_and(|seq| seq == self.frontier.size().saturating_add(1)) {
            self.frontier.push(merkle::leaf(&here.hash), |_, _| {});
            self.meet()?;
        }
        Ok(())
    }

    fn meet(&mut self) -> Result<(), ExportFault> {
        let here = self.checkpoint.as_ref();
        let Some(checkpoint) = here.filter(|one| one.size == self.frontier.size()) else {
            return Ok(());
        };
        if checkpoint.root != self.frontier.root() {
            return Err(ExportFault::Rewritten {
                size: checkpoint.size,
            });
        }
        self.meets_checkpoint = true;
        Ok(())
    }

    /// After the last row: how many were verified, and where they end.
    pub fn finish(self) -> Result<(u64, Option<Head>), ExportFault> {
        match &self.checkpoint {
            Some(checkpoint) if !self.meets_checkpoint => Err(ExportFault::Cut {
                expected: checkpoint.size,
                found: self.frontier.size(),
            }),
            _ => Ok((self.checked, self.last)),
        }
    }
}
