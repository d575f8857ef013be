//! Proofs: that a row is in a checkpoint, and that a checkpoint goes on where another ended.

use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::Args;
use countersign_domain::{
    audit::{
        exported::{Exported, json_line},
        merkle,
        note::VerifierKey,
    },
    id::TenantId,
};
use countersign_entities::Operator;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{output, read};
use crate::config::Config;

#[derive(Debug, Args)]
pub(in crate::command) struct ProofArgs {
    /// The slug of the tenant
    #[arg(long)]
    tenant: String,
    /// The row that is to be proved to be in the last checkpoint
    #[arg(long, required_unless_present = "since")]
    row: Option<i64>,
    /// The size of the earlier checkpoint that the last one is to be proved to go on from
    #[arg(long, conflicts_with = "row")]
    since: Option<u64>,
}

/// A proof with all that it is checked by, but for the key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Proof {
    /// The checkpoint, signed.
    checkpoint: String,
    /// The row, as exports write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<Value>,
    /// The earlier checkpoint, signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// The hashes of RFC 9162, in hexadecimal.
    hashes: Vec<String>,
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
    let last = all.first().context("there is no checkpoint: make one")?;
    let (row, since, ranges) = match wanted {
        Wanted::Row(seq) => {
            let found = operator.ledger_rows(tenant, seq, 1).await?;
            let found = found.into_iter().find(|row| row.link.seq == seq);
            let found = found.context("there is no such row")?;
            let line = json_line(tenant, &found.event, &found.link)?;
            let row = serde_json::from_slice(&line)?;
            let index = u64::try_from(seq)?.saturating_sub(1);
            (Some(row), None, merkle::inclusion(index, last.size))
        }
        Wanted::Since(size) => {
            let earlier = all.iter().find(|one| one.size == size);
            let earlier = earlier.context("there is no checkpoint of that size")?;
            let ranges = merkle::consistency(earlier.size, last.size);
            (None, Some(earlier.note.clone()), ranges)
        }
    };
    let ranges = ranges.context("the row is newer than the last checkpoint: make one")?;
    let hashes = operator.tree_roots(tenant, &ranges).await?;
    let proof = Proof {
        checkpoint: last.note.clone(),
        row,
        since,
        hashes: hashes.iter().map(hex::encode).collect(),
    };
    Ok(serde_json::to_string_pretty(&proof)?)
}

/// Checks a proof, and says what it shows.
pub fn verify(text: &str, key: &VerifierKey) -> anyhow::Result<String> {
    let proof: Proof = serde_json::from_str(text)?;
    let checkpoint = read(key, &proof.checkpoint)?;
    let hash = |text: &String| -> anyhow::Result<[u8; 32]> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(bytes)
    };
    let hashes = proof
        .hashes
        .iter()
        .map(hash)
        .collect::<anyhow::Result<Vec<_>>>()?;
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
