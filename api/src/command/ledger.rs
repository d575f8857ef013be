//! `countersign ledger`.

pub mod export;
pub mod offline;
pub mod proof;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Subcommand;
use countersign_domain::{
    audit::{
        exported::ExportFault,
        note::{Checkpoint, VerifierKey},
    },
    id::TenantId,
};
use countersign_entities::{
    Clock, LedgerFault, Operator, StoreError, SystemClock, TenantRecord, verified_note,
};
use thiserror::Error;

use self::{export::ExportArgs, offline::OfflineArgs, proof::ProofArgs};
use super::{
    arguments::{self, UsageError},
    output,
};
use crate::{
    aws::Machine,
    checkpoints::{self, CheckpointError, CheckpointPlace},
    config::{Config, ConfigError},
};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Check the audit chains: links, content, signatures, and that nothing is cut off. An export, or a
    /// proof, is checked by itself, without a database
    #[command(
        override_usage = "countersign ledger verify [--tenant <SLUG>] [--from <ROW>] [--to <ROW>]\n       \
                          countersign ledger verify --export <FILE> [--checkpoint <FILE>] --key <KEY|FILE>\n       \
                          countersign ledger verify --proof <FILE> --key <KEY|FILE>"
    )]
    Verify {
        /// The slug of one tenant; every tenant where not given
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: Option<String>,
        /// The first row to check; 1, the first of all, where not given
        #[arg(long, value_name = "ROW", value_parser = arguments::row, allow_negative_numbers = true)]
        from: Option<i64>,
        /// The last row to check; the newest where not given
        #[arg(long, value_name = "ROW", value_parser = arguments::row, allow_negative_numbers = true)]
        to: Option<i64>,
        #[command(flatten)]
        offline: OfflineArgs,
    },
    /// Sign what each chain is, by its size and root, and publish that to `audit.checkpoints` or `audit.bucket` where one of
    /// them is set
    Checkpoint {
        /// The slug of one tenant; every tenant where not given
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: Option<String>,
    },
    /// Print the public key that a tenant's checkpoints and exports are signed with
    Key {
        /// The slug of the tenant
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: String,
    },
    /// Prove that a row is in what the last checkpoint says, or that it goes on where an earlier one ended
    Proof(ProofArgs),
    /// Write a tenant's log to a file, with a signed manifest at its end; the export is a row of the log
    Export(ExportArgs),
}

pub(super) async fn run(
    command: LedgerCommand,
    config: impl FnOnce() -> Result<Config, ConfigError>,
) -> anyhow::Result<ExitCode> {
    let (tenant, from, to) = match command {
        LedgerCommand::Verify { offline, .. } if offline.is_asked_for() => {
            return offline::run(&offline);
        }
        LedgerCommand::Verify {
            tenant, from, to, ..
        } => (tenant, from, to),
        LedgerCommand::Checkpoint { tenant } => return checkpoint(tenant, &config()?).await,
        LedgerCommand::Key { tenant } => return key(&tenant, &config()?).await,
        LedgerCommand::Proof(arguments) => return proof::run(&arguments, &config()?).await,
        LedgerCommand::Export(arguments) => {
            let filter = arguments.filter()?;
            return export::run(&arguments, &filter, &config()?).await;
        }
    };
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(UsageError::of(format!(
            "there are no rows from {from} to {to}: `--to` is the same row as `--from`, or a later one"
        )));
    }
    let config = config()?;
    let database = super::database(&config).await?;
    let operator = database.operator();
    let place = place(&config)?;
    let mut whole = true;
    for tenant in tenants(&operator, tenant).await? {
        match verify(&operator, &tenant, (from, to), place.as_ref()).await {
            Ok(told) => output::line(&told),
            Err(VerifyError::Ledger(LedgerFault::Store(error))) => return Err(error.into()),
            Err(VerifyError::Place(error)) => return Err(error.into()),
            Err(fault) => {
                whole = false;
                output::line(&format!("{}: FAULT: {fault}", tenant.slug));
            }
        }
    }
    database.close().await;
    Ok(verdict(whole))
}

fn verdict(is_whole: bool) -> ExitCode {
    if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn tenants(operator: &Operator, slug: Option<String>) -> anyhow::Result<Vec<TenantRecord>> {
    Ok(match slug {
        Some(slug) => vec![operator.tenant(&slug).await?],
        None => operator.tenants().await?,
    })
}

/// Why it is not said that a ledger is whole.
#[derive(Debug, Error)]
enum VerifyError {
    /// It is not, or can not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
    /// It is not what is published of it.
    #[error("{0}. It is published: after a restore `countersign backup restored` tells what to do")]
    Published(ExportFault),
    /// What was published of it can not be read.
    #[error(transparent)]
    Place(#[from] CheckpointError),
}

impl VerifyError {
    fn of_published(fault: LedgerFault) -> Self {
        match fault {
            LedgerFault::Checkpoint(fault) => Self::Published(fault),
            fault => Self::Ledger(fault),
        }
    }
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

pub(super) fn place(config: &Config) -> Result<Option<CheckpointPlace>, CheckpointError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let machine = Machine::new(&config.aws, &clock);
    checkpoints::place(&config.audit, &machine, &clock)
}

/// The rows, and what was said of them before: in the database, and where it was published.
async fn verify(
    operator: &Operator,
    tenant: &TenantRecord,
    (from, to): (Option<i64>, Option<i64>),
    place: Option<&CheckpointPlace>,
) -> Result<String, VerifyError> {
    let report = operator.verify_ledger(tenant.id, from, to).await?;
    let mut told = format!(
        "{}: {} rows verify, the last is {} with hash {}",
        tenant.slug,
        report.verified,
        report.last.seq,
        hex::encode(report.last.hash)
    );
    if let Some(kept) = operator.newest_checkpoint(tenant.id).await? {
        let key = operator.note_signer(tenant.id).await?.key().clone();
        let checkpoint = checkpoints::signed(&key, &kept.note).ok_or(LedgerFault::Unsigned)?;
        operator.verify_checkpoint(tenant.id, &checkpoint).await?;
        told = format!("{told}; as the kept checkpoint of {} says", kept.size);
    }
    let Some(place) = place else {
        return Ok(told
            + "; no witness outside of the database: rows cut off at its end with their checkpoints do not \
               show until `audit.checkpoints` or `audit.bucket` is set");
    };
    Ok(match verify_published(operator, tenant.id, place).await? {
        (0, _) => {
            told + "; no witness outside of the database yet: `ledger checkpoint` publishes one"
        }
        (1, size) => format!("{told}; as the published checkpoint of {size} says"),
        (notes, size) => {
            format!("{told}; as the {notes} published checkpoints say, the last of {size}")
        }
    })
}

/// Verifies every checkpoint that is published of a chain: an older one convicts where a newer one was
/// published over it. How many there are, and the size of the last.
async fn verify_published(
    operator: &Operator,
    tenant: TenantId,
    place: &CheckpointPlace,
) -> Result<(u64, u64), VerifyError> {
    let key = operator.note_signer(tenant).await?.key().clone();
    let mut chain = operator.retrace(tenant);
    let (mut notes, mut last) = (0_u64, 0);
    loop {
        let page = place.page(tenant, last).await?;
        if page.is_empty() {
            return Ok((notes, last));
        }
        for (size, note) in page {
            let checkpoint = checkpoints::signed(&key, &note);
            // Under another name it would be another's word.
            let checkpoint = checkpoint.filter(|checkpoint| checkpoint.size == size);
            let checkpoint = checkpoint.ok_or(LedgerFault::Unsigned)?;
            let verified = chain.verify(&checkpoint).await;
            verified.map_err(VerifyError::of_published)?;
            (notes, last) = (notes.saturating_add(1), size);
        }
    }
}

/// The checkpoint of a note that was signed with that key.
fn read(key: &VerifierKey, note: &str) -> anyhow::Result<Checkpoint> {
    let checkpoint = Checkpoint::parse(verified_note(key, note)?)?;
    anyhow::ensure!(
        checkpoint.origin == key.name(),
        "the checkpoint is of another log"
    );
    Ok(checkpoint)
}

async fn checkpoint(tenant: Option<String>, config: &Config) -> anyhow::Result<ExitCode> {
    let database = super::database(config).await?;
    let operator = database.operator();
    let place = place(config)?;
    let mut whole = true;
    for tenant in tenants(&operator, tenant).await? {
        match checkpoints::make(&operator, tenant.id, place.as_ref()).await {
            Ok(Some(made)) => output::line(&format!(
                "{}: {} rows, root {}",
                tenant.slug,
                made.size,
                hex::encode(made.root)
            )),
            Ok(None) => output::line(&format!("{}: no rows", tenant.slug)),
            Err(fault) => {
                whole = false;
                output::line(&format!("{}: FAULT: {fault}", tenant.slug));
            }
        }
    }
    database.close().await;
    Ok(verdict(whole))
}

async fn key(tenant: &str, config: &Config) -> anyhow::Result<ExitCode> {
    let database = super::database(config).await?;
    let operator = database.operator();
    let tenant = operator.tenant(tenant).await?;
    let signer = operator.note_signer(tenant.id).await?;
    output::line(&signer.key().to_string());
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A file's text, and which file where it can not be read.
fn text(path: &PathBuf) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| anyhow::anyhow!("`{}` can not be read: {error}", path.display()))
}
