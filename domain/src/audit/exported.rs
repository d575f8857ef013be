//! A row outside the database: how exports write it, and how it is read again to be verified (AUD-4, AUD-6).

mod line;
mod verifier;
mod writer;

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

pub use self::{
    verifier::{ExportFault, LineFault, Verifier},
    writer::Writer,
};
use super::{ChainError, Encoding, Event, Hash, Link, Outcome, manifest::ExportFormat};
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
