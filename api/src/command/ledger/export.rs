//! `countersign ledger export`.

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use countersign_domain::{
    audit::{
        exported::{Writer, manifest_line},
        is_kind,
        manifest::ExportFormat,
    },
    id::{AnyId, TenantId},
};
use countersign_entities::{AuditFilter, Operator};

use super::{UsageError, arguments, output};
use crate::{app::audit_exports, config::Config};

#[derive(Debug, Args)]
pub(in crate::command) struct ExportArgs {
    /// The slug of the tenant
    #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
    tenant: String,
    /// The file to write, which is not there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How rows are written: JSON Lines, which `ledger verify` checks one by one, or CSV for spreadsheets
    #[arg(long, default_value = "jsonl", value_parser = formats())]
    format: ExportFormat,
    /// Only rows of this instant or later, such as `2026-10-01T00:00:00Z`
    #[arg(long, value_name = "INSTANT", value_parser = arguments::instant)]
    from: Option<DateTime<Utc>>,
    /// Only rows before this instant
    #[arg(long, value_name = "INSTANT", value_parser = arguments::instant)]
    to: Option<DateTime<Utc>>,
    /// Only rows of this kind, such as `statement.imported`
    #[arg(long, value_parser = kind)]
    action: Option<String>,
    /// Only rows of this actor: `usr_…`, `tok_…`, `mch_…`
    #[arg(long, value_parser = actor)]
    actor: Option<String>,
}

impl ExportArgs {
    /// Which rows are wanted.
    pub(super) fn filter(&self) -> anyhow::Result<AuditFilter> {
        let filter = AuditFilter {
            from: self.from,
            to: self.to,
            action: self.action.clone(),
            actor: self.actor.clone(),
            ..AuditFilter::default()
        };
        // Each by itself is of its form.
        audit_exports::check(&filter).map_err(|_| {
            UsageError::of("there are no such rows: `--to` is to be later than `--from`")
        })?;
        Ok(filter)
    }
}

fn formats() -> impl TypedValueParser<Value = ExportFormat> {
    let names = [ExportFormat::JsonLines, ExportFormat::Csv].map(ExportFormat::name);
    let unknown = "it is `jsonl` or `csv`";
    PossibleValuesParser::new(names)
        .try_map(move |name| ExportFormat::from_name(&name).ok_or(unknown))
}

fn actor(text: &str) -> Result<String, String> {
    let is_id = AnyId::parse(text).is_some();
    let fault = "it is an id, such as `usr_` and 32 digits";
    is_id
        .then(|| text.to_owned())
        .ok_or_else(|| fault.to_owned())
}

fn kind(text: &str) -> Result<String, String> {
    let fault = "it is two words, such as `statement.imported`";
    is_kind(text)
        .then(|| text.to_owned())
        .ok_or_else(|| fault.to_owned())
}

pub(super) async fn run(
    arguments: &ExportArgs,
    filter: &AuditFilter,
    config: &Config,
) -> anyhow::Result<ExitCode> {
    let database = super::super::database(config).await?;
    let operator = database.operator();
    let tenant = operator.tenant(&arguments.tenant).await?.id;
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&arguments.out);
    let file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!(
            "`{}` is there already: name a file that is not, or remove it",
            arguments.out.display()
        ),
        _ => anyhow!("`{}` can not be written: {error}", arguments.out.display()),
    })?;
    let mut file = BufWriter::new(file);
    let rows = write(&operator, tenant, filter, arguments.format, &mut file).await?;
    database.close().await;
    let path = arguments.out.display();
    output::line(&format!(
        "{rows} rows; verify by `countersign ledger verify --export {path} --key FILE`, with what \
         `countersign ledger key --tenant {}` prints in the file",
        arguments.tenant
    ));
    Ok(ExitCode::SUCCESS)
}

/// Writes the rows that the filter chooses, in their order, and the signed manifest. Says how many rows.
pub async fn write(
    operator: &Operator,
    tenant: TenantId,
    filter: &AuditFilter,
    format: ExportFormat,
    file: &mut impl Write,
) -> anyhow::Result<u64> {
    let signer = operator.note_signer(tenant).await?;
    let mut writer = Writer::new(tenant, format);
    file.write_all(&writer.head()?)?;
    let (mut after, end) = (0, operator.ledger_end(tenant).await?);
    loop {
        let page = operator.ledger_page(tenant, filter, after).await?;
        let Some(last) = page.last() else { break };
        after = last.link.seq;
        for row in page.iter().take_while(|row| row.link.seq <= end.seq) {
            file.write_all(&writer.row(&row.event, &row.link)?)?;
        }
        if after >= end.seq {
            break;
        }
    }
    let rows = writer.rows();
    let payload = audit_exports::recorded(filter, format).count("rows", rows);
    // Before the manifest: an export that is not recorded has none.
    operator.record_export(tenant, payload).await?;
    let manifest = writer.manifest(filter.text());
    let note = signer.sign(&manifest.text())?;
    file.write_all(&manifest_line(format, &note)?)?;
    file.flush()?;
    Ok(rows)
}
