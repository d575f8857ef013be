//! Proofs: that a row is in a checkpoint, and that a checkpoint goes on where another ended.

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::{ArgGroup, Args};
use countersign_domain::{
    audit::{exported::Exported, merkle, note::VerifierKey, proof::Proof},
    id::TenantId,
};
use countersign_entities::Operator;

use super::{arguments, output, read};
use crate::config::Config;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("proved").args(["row", "since"]).required(true)))]
pub(in crate::command) struct ProofArgs {
    /// The slug of the tenant
    #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
    tenant: String,
    /// The row that is to be proved to be in the last checkpoint
    #[arg(long, value_parser = arguments::row, allow_negative_numbers = true)]
    row: Option<i64>,
    /// The size of the earlier checkpoint that the last one is to be proved to go on from
    #[arg(long, value_name = "ROWS", value_parser = arguments::size, allow_negative_numbers = true)]
    since: Option<u64>,
}

pub(super) async fn run(arguments: &ProofArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let database = super::super::database(config).await?;
    let operator = database.operator();
    let tenant = operator.tenant(&arguments.tenant).await?.id;
    let wanted = match (arguments.row, arguments.since) {
        (Some(row), _) => Wanted::Row(row),
        (None, Some(size)) => Wanted::Since(size),
        (None, None) => bail!("give `--row` or `--since`"),
    };
    output::line(&make(&operator, tenant, wanted).await?);
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What is to be proved of the last checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That a row is in it.
    Row(i64),
    /// That it goes on where the earlier one of that size ended.
    Since(u64),
}

/// Makes a proof, as JSON text.
pub async fn make(operator: &Operator, tenant: TenantId, wanted: Wanted) -> anyhow::Result<String> {
    let all = operator.checkpoints(tenant).await?;
    let last = all
        .first()
        .context("there is no checkpoint: make one by `countersign ledger checkpoint`")?;
    let newer =
        "the row is newer than the last checkpoint: make one by `countersign ledger checkpoint`";
    let proof = match wanted {
        Wanted::Row(seq) => {
            let found = operator.ledger_rows(tenant, seq, 1).await?;
            let found = found.into_iter().find(|row| row.link.seq == seq);
            let found = found.with_context(|| format!("the log has no row {seq}"))?;
            let index = u64::try_from(seq)?.saturating_sub(1);
            let ranges = merkle::inclusion(index, last.size).context(newer)?;
            let hashes = operator.tree_roots(tenant, &ranges).await?;
            Proof::of_row(
                last.note.clone(),
                (tenant, &found.event, &found.link),
                &hashes,
            )?
        }
        Wanted::Since(size) => {
            let earlier = all.iter().find(|one| one.size == size);
            let earlier =
                earlier.with_context(|| format!("there is no checkpoint of {size} rows"))?;
            let ranges = merkle::consistency(earlier.size, last.size).context(newer)?;
            let hashes = operator.tree_roots(tenant, &ranges).await?;
            Proof::since(last.note.clone(), earlier.note.clone(), &hashes)
        }
    };
    Ok(proof.to_json()?)
}

/// Checks a proof, and says what it shows.
pub fn verify(text: &str, key: &VerifierKey) -> anyhow::Result<String> {
    let proof = Proof::from_json(text)?;
    let checkpoint = read(key, &proof.checkpoint)?;
    let hashes = proof.hashes()?;
    let size = checkpoint.size;
    if let Some(since) = &proof.since {
        let before = read(key, since)?;
        let goes_on = merkle::verify_consistency(
            (before.size, &before.root),
            (size, &checkpoint.root),
            &hashes,
        );
        ensure!(
            goes_on,
            "the checkpoint does not go on where the earlier one ended"
        );
        let earlier = before.size;
        return Ok(format!(
            "the checkpoint of {size} goes on where that of {earlier} ended"
        ));
    }
    let row = proof
        .row
        .context("the proof is of neither a row nor a checkpoint")?;
    let row = Exported::from_json(row.to_string().as_bytes())?;
    let seq = row.link.seq;
    row.verify()?;
    let origin = countersign_domain::audit::note::origin(row.tenant);
    ensure!(origin == checkpoint.origin, "the row is of another log");
    let index = u64::try_from(seq)?.saturating_sub(1);
    let leaf = merkle::leaf(&row.link.hash);
    let is_in = merkle::verify_inclusion(leaf, index, size, &hashes, &checkpoint.root);
    ensure!(is_in, "row {seq} is not in the checkpoint");
    Ok(format!("row {seq} is in the checkpoint of {size}"))
}
