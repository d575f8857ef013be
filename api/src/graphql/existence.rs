//! What a request may name. An id that the caller may not read is answered like one that is nowhere, and
//! like another tenant's: the whole request is refused, and nothing else is said of it.
//!
//! That every named id is of the tenant was counted on entering. Here policy is asked, before the
//! document is looked at and before a mutation runs.

use std::collections::BTreeMap;

use countersign_domain::id::AnyId;
use countersign_entities::Reader;
use uuid::Uuid;

use super::{
    error::GraphqlError,
    node::{Shown, count_shown, shown},
    operation::Operation,
};

/// Whether the caller may read everything that is named. Asks the database where that depends on the
/// rows, and for nothing else.
pub(super) async fn is_shown(
    operation: &Operation,
    named: impl Iterator<Item = &AnyId>,
) -> Result<bool, GraphqlError> {
    let mut by_kind: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for id in named {
        by_kind.entry(id.kind).or_default().push(id.uuid);
    }
    let mut by_row = Vec::new();
    for (kind, uuids) in by_kind {
        match shown(operation, kind) {
            Shown::All => {}
            Shown::Some => by_row.push((kind, uuids)),
            Shown::Nothing => return Ok(false),
        }
    }
    if by_row.is_empty() {
        return Ok(true);
    }
    let Some(writer) = operation.mutates() else {
        let reader = operation.reader().await?;
        return are_shown(operation, &reader, &by_row).await;
    };
    let opened = writer.opened().await;
    let opened = opened.as_ref().ok_or(GraphqlError::Internal)?;
    // What came of the request's key is on its way on the same connection, and nothing that was asked for
    // later comes before it is taken.
    let (shown, _) = futures::join!(are_shown(operation, opened, &by_row), opened.claimed());
    shown
}

async fn are_shown(
    operation: &Operation,
    reader: &Reader,
    by_row: &[(&str, Vec<Uuid>)],
) -> Result<bool, GraphqlError> {
    for (kind, uuids) in by_row {
        if count_shown(operation, reader, kind, uuids).await? != uuids.len() {
            return Ok(false);
        }
    }
    Ok(true)
}
