//! Proofs of the tenant's audit log (RFC 9162): that a row is in a checkpoint, and that a checkpoint goes on
//! where an earlier one ended. Both are verified without this server.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, TypeRef};
use countersign_domain::{
    audit::{Hash, merkle, proof::Proof},
    id::TenantId,
};
use countersign_entities::{AuditEntry, AuditFilter, Page, SignedCheckpoint};
use countersign_policies::{Row, resource};
use futures::FutureExt;

use super::{
    audit_checkpoints::{self, AuditCheckpoint},
    connection::without_row,
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs::{self, Input},
    kind::Kind,
    schema::Parts,
    value::{Leaf, Output},
};

/// That a row is in a checkpoint.
struct Inclusion {
    entry: Arc<AuditEntry>,
    checkpoint: Arc<AuditCheckpoint>,
    hashes: Vec<Hash>,
    file: String,
}

/// That a checkpoint goes on where an earlier one ended.
struct Consistency {
    from: Arc<AuditCheckpoint>,
    to: Arc<AuditCheckpoint>,
    hashes: Vec<Hash>,
    file: String,
}

without_row!(Inclusion, Consistency);

const HASHES: &str = "The hashes of the proof (RFC 9162), in hexadecimal, in their order.";
const FILE: &str =
    "The whole proof as `countersign ledger verify --proof FILE --key KEY` takes it.";

pub(super) fn register(parts: &mut Parts<'_>) {
    let hashes = || TypeRef::named_nn_list(TypeRef::STRING);
    let checkpoint = || TypeRef::named("AuditCheckpoint");
    let inclusion = ObjectBuilder::<Inclusion>::new(
        parts.engine,
        "AuditInclusionProof",
        "That a row is in a checkpoint.",
    )
    .of(Kind::Audit)
    .object("entry", TypeRef::named("AuditEntry"), "The row.", |p| {
        Some(Output::object(Arc::clone(&p.entry)))
    })
    .of(Kind::Audit)
    .object("checkpoint", checkpoint(), "The checkpoint.", |p| {
        Some(Output::object(Arc::clone(&p.checkpoint)))
    })
    .of(Kind::Audit)
    .value("hashes", hashes(), HASHES, |p| Some(texts(&p.hashes)))
    .of(Kind::Audit)
    .value("file", TypeRef::named(TypeRef::STRING), FILE, |p| {
        Some(Leaf::from(p.file.as_str()))
    });
    parts.object(inclusion);
    let consistency = ObjectBuilder::<Consistency>::new(
        parts.engine,
        "AuditConsistencyProof",
        "That a checkpoint goes on where an earlier one ended.",
    )
    .of(Kind::Audit)
    .object("from", checkpoint(), "The earlier checkpoint.", |p| {
        Some(Output::object(Arc::clone(&p.from)))
    })
    .of(Kind::Audit)
    .object("to", checkpoint(), "The later checkpoint.", |p| {
        Some(Output::object(Arc::clone(&p.to)))
    })
    .of(Kind::Audit)
    .value("hashes", hashes(), HASHES, |p| Some(texts(&p.hashes)))
    .of(Kind::Audit)
    .value("file", TypeRef::named(TypeRef::STRING), FILE, |p| {
        Some(Leaf::from(p.file.as_str()))
    });
    parts.object(consistency);
    queries(parts);
}

fn queries(parts: &mut Parts<'_>) {
    let size = |name, description: &str| {
        InputValue::new(name, TypeRef::named(TypeRef::INT)).description(description)
    };
    parts.query(|query| {
        query
            .of(Kind::Audit)
            .resolve(
                "auditInclusionProof",
                TypeRef::named("AuditInclusionProof"),
                "Proves that a row of the audit log is in a checkpoint.",
                vec![
                    InputValue::new("seq", TypeRef::named_nn(TypeRef::INT)).description("The row."),
                    size(
                        "treeSize",
                        "The checkpoint of so many rows; the newest where not given.",
                    ),
                ],
                inclusion_proof,
            )
            .of(Kind::Audit)
            .resolve(
                "auditConsistencyProof",
                TypeRef::named("AuditConsistencyProof"),
                "Proves that a checkpoint of the audit log goes on where an earlier one ended.",
                vec![
                    InputValue::new("from", TypeRef::named_nn(TypeRef::INT))
                        .description("The earlier checkpoint, by how many rows it is of."),
                    size("to", "The later one; the newest where not given."),
                ],
                consistency_proof,
            )
    });
}

fn texts(hashes: &[Hash]) -> Leaf<'static> {
    hashes.iter().map(hex::encode).collect()
}

fn inclusion_proof(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let seq = number(&context.arguments, "seq")?;
        let size = inputs::int(&context.arguments, "treeSize");
        let signed = audit_checkpoints::find(operation, size).await?;
        let index = u64::try_from(seq.saturating_sub(1)).unwrap_or_default();
        let ranges = merkle::inclusion(index, signed.size).ok_or_else(|| {
            GraphqlError::BadInput(format!(
                "row {seq} is newer than the checkpoint of {} rows: ask again when there is a later one",
                signed.size
            ))
        })?;
        let scope = operation.scope::<resource::AuditEntry>()?;
        let reader = operation.reader().await?;
        let filter = AuditFilter {
            from_seq: Some(seq),
            to_seq: Some(seq),
            ..AuditFilter::default()
        };
        let found = reader.audit_entries(&scope, &filter, &Page::first(1)).await?;
        let entry = found.rows.into_iter().next();
        let entry = entry.ok_or_else(|| GraphqlError::BadInput(format!("there is no row {seq}")))?;
        let hashes = reader.audit_tree_roots(&scope, &ranges).await?;
        let tenant = operation.tenant();
        let row = (tenant, &entry.event, &entry.link);
        let proof = Proof::of_row(signed.note.clone(), row, &hashes);
        let file = proof.ok().and_then(|proof| proof.to_json().ok());
        Ok(Output::object(Arc::new(Inclusion {
            entry: Arc::new(entry),
            checkpoint: of(tenant, signed),
            hashes,
            file: file.ok_or(GraphqlError::Internal)?,
        })))
    }
    .boxed()
}

fn consistency_proof(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let earlier = number(&context.arguments, "from")?;
        let later = inputs::int(&context.arguments, "to");
        let from = audit_checkpoints::find(operation, Some(earlier)).await?;
        let to = audit_checkpoints::find(operation, later).await?;
        let ranges = merkle::consistency(from.size, to.size).ok_or_else(|| {
            GraphqlError::BadInput(
                "`from` is of more rows than `to`: name the earlier first".to_owned(),
            )
        })?;
        let scope = operation.scope::<resource::AuditEntry>()?;
        let reader = operation.reader().await?;
        let hashes = reader.audit_tree_roots(&scope, &ranges).await?;
        let proof = Proof::since(to.note.clone(), from.note.clone(), &hashes);
        let file = proof.to_json().map_err(|_| GraphqlError::Internal)?;
        let tenant = operation.tenant();
        Ok(Output::object(Arc::new(Consistency {
            from: of(tenant, from),
            to: of(tenant, to),
            hashes,
            file,
        })))
    }
    .boxed()
}

fn of(tenant: TenantId, signed: SignedCheckpoint) -> Arc<AuditCheckpoint> {
    Arc::new(AuditCheckpoint { tenant, signed })
}

fn number(arguments: &Input, name: &str) -> Result<i64, GraphqlError> {
    let given = inputs::int(arguments, name).filter(|number| *number > 0);
    given.ok_or_else(|| GraphqlError::BadInput(format!("`{name}` is a number from 1 on")))
}
