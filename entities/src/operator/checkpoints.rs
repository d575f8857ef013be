//! Checkpoints of a tenant's chain (AUD-3): what was said of it, signed, and what is proved by them.

use std::{ops::Range, slice};

use chrono::SubsecRound;
use countersign_domain::{
    audit::{
        ChainError, Hash,
        exported::ExportFault,
        merkle::{self, Frontier, Part, SUBTREE_HEIGHT},
        note::{Checkpoint, origin},
    },
    id::TenantId,
};
use sea_orm::{ConnectionTrait, Value};

use super::{LedgerFault, Operator, ledger, statement};
use crate::{
    audit::{
        NoteSigner, fixed, found_signer, signer,
        tree::{self, SignedCheckpoint, StoredCheckpoint},
    },
    error::StoreError,
    line::{Fetches, fetched},
    wire::{End, Wire},
};

/// How many hashes are read at a time.
const HASHES: i64 = 20_000;
/// How many checkpoints are listed.
const LISTED_MAX: i64 = 1_000;

fetched! {
    struct RowHash {
        seq: i64,
        hash: Vec<u8>,
    }
}

impl Operator {
    /// Says what the chain is, where it has grown since that was said last. Nothing where it is empty, or does not
    /// go on where `published` ended, which was read before this is called.
    pub async fn make_checkpoint(
        &self,
        tenant: TenantId,
        published: Option<&Checkpoint>,
    ) -> Result<Option<SignedCheckpoint>, LedgerFault> {
        let wire = self.books(tenant).await?;
        let last = tree::newest(&wire, tenant, 1).await?.into_iter().next();
        let size = ledger::head(&wire, tenant).await?.seq;
        if size == 0 && last.is_none() && published.is_none() {
            wire.end(End::Rollback).await?;
            return Ok(None);
        }
        let mut tree = last.as_ref().map_or(Ok(Frontier::new()), resumed)?;
        let mut subtrees = goes_on(&wire, tenant, &mut tree, (size, published)).await?;
        if let Some(last) = last.as_ref().filter(|last| last.size == size) {
            let signed = SignedCheckpoint::try_from(last)?;
            wire.end(End::Rollback).await?;
            return Ok(Some(signed));
        }
        subtrees.extend(grow(&wire, tenant, &mut tree, size).await?);
        let checkpoint = Checkpoint {
            origin: origin(tenant),
            size: tree.size(),
            root: tree.root(),
        };
        let signer = signer(&wire, tenant, &self.0.keys).await?;
        let made = SignedCheckpoint {
            size: checkpoint.size,
            root: checkpoint.root,
            note: signer.sign(&checkpoint.text())?,
            made_at: self.0.clock.now().trunc_subsecs(6),
        };
        keep(&wire, tenant, &made, &tree, subtrees).await?;
        wire.end(End::Commit).await?;
        Ok(Some(made))
    }

    /// Whether the chain goes on where `published` ended, as [`Self::make_checkpoint`] judges it: by what
    /// was kept of the tree, and the rows since.
    pub async fn continues(
        &self,
        tenant: TenantId,
        published: &Checkpoint,
    ) -> Result<(), LedgerFault> {
        let wire = self.books(tenant).await?;
        let last = tree::newest(&wire, tenant, 1).await?.into_iter().next();
        let size = ledger::head(&wire, tenant).await?.seq;
        let mut tree = last.as_ref().map_or(Ok(Frontier::new()), resumed)?;
        goes_on(&wire, tenant, &mut tree, (size, Some(published))).await?;
        wire.end(End::Rollback).await?;
        Ok(())
    }

    /// The checkpoints that were made, the newest first; at most 1,000.
    pub async fn checkpoints(&self, tenant: TenantId) -> Result<Vec<SignedCheckpoint>, StoreError> {
        let wire = self.books(tenant).await?;
        let all = tree::newest(&wire, tenant, LISTED_MAX).await?;
        wire.end(End::Rollback).await?;
        all.iter().map(SignedCheckpoint::try_from).collect()
    }

    /// Who signs in the tenant's name.
    pub async fn note_signer(&self, tenant: TenantId) -> Result<NoteSigner, StoreError> {
        let wire = self.books(tenant).await?;
        let signer = signer(&wire, tenant, &self.0.keys).await?;
        wire.end(End::Commit).await?;
        Ok(signer)
    }

    /// The newest checkpoint that was made.
    pub async fn newest_checkpoint(
        &self,
        tenant: TenantId,
    ) -> Result<Option<SignedCheckpoint>, StoreError> {
        let wire = self.books(tenant).await?;
        let newest = tree::newest(&wire, tenant, 1).await?;
        wire.end(End::Rollback).await?;
        newest.first().map(SignedCheckpoint::try_from).transpose()
    }

    /// Whether the chain begins with what the checkpoint was made of. What is not is told: an end that is
    /// cut off, or rows that are others.
    pub async fn verify_checkpoint(
        &self,
        tenant: TenantId,
        checkpoint: &Checkpoint,
    ) -> Result<(), LedgerFault> {
        self.retrace(tenant).verify(checkpoint).await
    }

    /// Who signs in the tenant's name, where anybody does yet.
    pub async fn found_signer(&self, tenant: TenantId) -> Result<Option<NoteSigner>, StoreError> {
        let wire = self.books(tenant).await?;
        let found = found_signer(&wire, tenant, &self.0.keys).await?;
        wire.end(End::Rollback).await?;
        Ok(found)
    }

    /// Begins to verify checkpoints of the tenant's chain.
    pub fn retrace(&self, tenant: TenantId) -> Retraced {
        Retraced {
            operator: self.clone(),
            tenant,
            tree: Frontier::new(),
        }
    }

    /// The roots of ranges of the tree: what proofs are made of.
    pub async fn tree_roots(
        &self,
        tenant: TenantId,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Hash>, StoreError> {
        let wire = self.books(tenant).await?;
        let roots = tree::roots(&wire, tenant, ranges).await?;
        wire.end(End::Rollback).await?;
        Ok(roots)
    }
}

/// A tenant's tree, grown anew from the rows to verify checkpoints by. Each row is read once where they come
/// in the order of their sizes.
#[derive(Debug)]
pub struct Retraced {
    operator: Operator,
    tenant: TenantId,
    tree: Frontier,
}

impl Retraced {
    /// Whether the chain begins with what the checkpoint was made of. What is not is told: an end that is
    /// cut off, or rows that are others.
    pub async fn verify(&mut self, checkpoint: &Checkpoint) -> Result<(), LedgerFault> {
        let wire = self.operator.books(self.tenant).await?;
        let end = ledger::head(&wire, self.tenant).await?.seq;
        let found = u64::try_from(end).unwrap_or_default();
        let expected = checkpoint.size;
        if found < expected {
            return Err(ExportFault::Cut { expected, found }.into());
        }
        if expected < self.tree.size() {
            self.tree = Frontier::new();
        }
        let size = tree::number(expected)?;
        grow(&wire, self.tenant, &mut self.tree, size).await?;
        wire.end(End::Rollback).await?;
        if self.tree.root() == checkpoint.root {
            Ok(())
        } else {
            Err(ExportFault::Rewritten { size: expected }.into())
        }
    }
}

/// Whether the chain of `size` rows goes on where its last checkpoint ended, whose tree is given, and where
/// `published` did. The tree grows as far as what is published, and the subtrees that this completes are
/// returned.
async fn goes_on(
    wire: &Wire,
    tenant: TenantId,
    tree: &mut Frontier,
    (size, published): (i64, Option<&Checkpoint>),
) -> Result<Vec<(Part, Hash)>, LedgerFault> {
    let found = u64::try_from(size).unwrap_or_default();
    let published_size = published.map_or(0, |published| published.size);
    let expected = published_size.max(tree.size());
    if found < expected {
        return Err(ExportFault::Cut { expected, found }.into());
    }
    // The last rows that were said something of may be others by now, and as many again.
    let said = tree.size();
    if 0 < said && said < found {
        let whole = 0..said;
        let roots = tree::roots(wire, tenant, slice::from_ref(&whole)).await?;
        if roots != [tree.root()] {
            return Err(ExportFault::Rewritten { size: said }.into());
        }
    }
    let Some(published) = published else {
        return Ok(Vec::new());
    };
    let (before, root) = (published.size, &published.root);
    let (is_same, grown) = if before < tree.size() {
        let ranges = merkle::consistency(before, tree.size()).unwrap_or_default();
        let proof = tree::roots(wire, tenant, &ranges).await?;
        let now = (tree.size(), &tree.root());
        let is_same = merkle::verify_consistency((before, root), now, &proof);
        (is_same, Vec::new())
    } else {
        let grown = grow(wire, tenant, tree, tree::number(before)?).await?;
        (tree.root() == *root, grown)
    };
    if is_same {
        Ok(grown)
    } else {
        Err(ExportFault::Rewritten { size: before }.into())
    }
}

/// Adds the rows up to `size`, and returns the subtrees that they complete.
async fn grow(
    wire: &Wire,
    tenant: TenantId,
    tree: &mut Frontier,
    size: i64,
) -> Result<Vec<(Part, Hash)>, LedgerFault> {
    let mut complete = Vec::new();
    let mut at = i64::try_from(tree.size()).unwrap_or(i64::MAX);
    while at < size {
        let sql = "SELECT seq, hash FROM countersign.audit_entries \
                   WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4";
        let values = [tenant.uuid().into(), at.into(), size.into(), HASHES.into()];
        let rows: Vec<RowHash> = wire.fetch(statement(wire, sql, values)).await?;
        let (expected, found) = (size, at);
        if rows.is_empty() {
            return Err(ChainError::Truncated { expected, found }.into());
        }
        for row in rows {
            let expected = at.saturating_add(1);
            if row.seq != expected {
                let found = row.seq;
                return Err(ChainError::Gap { expected, found }.into());
            }
            at = expected;
            tree.push(merkle::leaf(&fixed(&row.hash)?), |part, hash| {
                if part.height % SUBTREE_HEIGHT == 0 {
                    complete.push((part, hash));
                }
            });
        }
    }
    Ok(complete)
}

async fn keep(
    wire: &Wire,
    tenant: TenantId,
    made: &SignedCheckpoint,
    tree: &Frontier,
    subtrees: Vec<(Part, Hash)>,
) -> Result<(), StoreError> {
    let (mut levels, mut places, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for (part, hash) in subtrees {
        levels.push(tree::level(part)?);
        places.push(tree::number(part.place)?);
        hashes.push(hash.to_vec());
    }
    // Two replicas say the same of the same rows.
    let sql = "INSERT INTO countersign.audit_subtrees (tenant_id, level, place, hash) \
               SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING";
    let values: [Value; 4] = [
        tenant.uuid().into(),
        levels.into(),
        places.into(),
        hashes.into(),
    ];
    wire.execute_raw(statement(wire, sql, values)).await?;
    let frontier: Vec<u8> = tree.roots().flatten().copied().collect();
    let sql = "INSERT INTO countersign.audit_checkpoints (tenant_id, size, root, frontier, note, made_at) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let values: [Value; 6] = [
        tenant.uuid().into(),
        tree::number(made.size)?.into(),
        made.root.to_vec().into(),
        frontier.into(),
        made.note.as_str().into(),
        made.made_at.into(),
    ];
    wire.execute_raw(statement(wire, sql, values)).await?;
    Ok(())
}

fn resumed(stored: &StoredCheckpoint) -> Result<Frontier, StoreError> {
    let roots = stored.frontier.chunks(32).map(fixed);
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    let frontier = Frontier::resume(SignedCheckpoint::try_from(stored)?.size, &roots);
    frontier.ok_or_else(|| StoreError::inconsistent("a checkpoint is not of its size"))
}
