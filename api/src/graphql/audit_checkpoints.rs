//! `AuditCheckpoint`: what was said of the tenant's log, signed, and the key that it was signed with.

use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use countersign_domain::{
    audit::note::{VerifierKey, origin},
    id::TenantId,
};
use countersign_entities::{Keyset, Position, SignedCheckpoint, Slice};
use countersign_policies::{Row, resource};
use futures::FutureExt;

use super::{
    connection::{self, Connection, Names, without_row},
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    kind::Kind,
    operation::Operation,
    scalars,
    schema::Parts,
    value::{Leaf, Output},
};

/// A checkpoint with whose log it is of.
#[derive(Debug)]
pub(super) struct AuditCheckpoint {
    pub(super) tenant: TenantId,
    pub(super) signed: SignedCheckpoint,
}

without_row!(AuditCheckpoint, VerifierKey);

impl Keyset for AuditCheckpoint {
    fn position(&self) -> Position {
        self.signed.position()
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    checkpoint(parts);
    connection::register::<AuditCheckpoint>(
        parts,
        Names {
            connection: "AuditCheckpointConnection",
            edge: "AuditCheckpointEdge",
            node: "AuditCheckpoint",
        },
    );
    key(parts);
    parts.query(|query| {
        query
            .of(Kind::Audit).resolve(
                "auditCheckpoints",
                TypeRef::named("AuditCheckpointConnection"),
                "What was said of the tenant's audit log, signed, newest first. The server says it from \
                 time to time: keep one, and whoever cuts or rewrites the log before it contradicts it.",
                connection::page_arguments(),
                audit_checkpoints,
            )
            .of(Kind::Audit).resolve(
                "auditKey",
                TypeRef::named("AuditKey"),
                "The public key that the tenant's checkpoints and exports are signed with; null before \
                 the first of them. It stays: keep it, and compare it over another way.",
                [],
                audit_key,
            )
    });
}

fn checkpoint(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let checkpoint = ObjectBuilder::<AuditCheckpoint>::new(
        parts.engine,
        "AuditCheckpoint",
        "What was said of the audit log when it had so many rows, signed (C2SP tlog-checkpoint).",
    )
    .of(Kind::Audit)
    .value("origin", text(), "What the log is called in notes.", |c| {
        Some(origin(c.tenant).into())
    })
    .of(Kind::Audit)
    .value(
        "treeSize",
        TypeRef::named(TypeRef::INT),
        "How many rows it is of, from the first on.",
        |c| Some(i32::try_from(c.signed.size).unwrap_or(i32::MAX).into()),
    )
    .of(Kind::Audit)
    .value(
        "rootHash",
        text(),
        "The root of the Merkle tree over the rows' hashes (RFC 9162), in hexadecimal.",
        |c| Some(hex::encode(c.signed.root).into()),
    )
    .of(Kind::Audit)
    .value(
        "note",
        text(),
        "The signed note, as it is published: its bytes are what is verified.",
        |c| Some(Leaf::from(c.signed.note.as_str())),
    )
    .of(Kind::Audit)
    .value(
        "madeAt",
        TypeRef::named("DateTime"),
        "When it was made.",
        |c| Some(scalars::instant_value(c.signed.made_at)),
    );
    parts.object(checkpoint);
}

fn key(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let key = ObjectBuilder::<VerifierKey>::new(
        parts.engine,
        "AuditKey",
        "The public key of Ed25519 that speaks for the tenant's log.",
    )
    .of(Kind::Audit).value("name", text(), "What notes name it by.", |key| {
        Some(Leaf::from(key.name()))
    })
    .of(Kind::Audit).value(
        "keyId",
        text(),
        "Tells keys of one name apart: eight hexadecimal digits.",
        |key| Some(key.id_text().into()),
    )
    .of(Kind::Audit).value(
        "fingerprint",
        text(),
        "SHA-256 of its 32 bytes, in hexadecimal: what two people compare.",
        |key| Some(key.fingerprint().into()),
    )
    .of(Kind::Audit).value(
        "text",
        text(),
        "The whole key as `<name>+<id>+<base64>`, as `countersign ledger verify --key` takes it in a file.",
        |key| Some(Leaf::shown(key)),
    );
    parts.object(key);
}

fn audit_checkpoints(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let page = connection::page(&context.arguments, operation, "auditCheckpoints")?;
        let scope = operation.scope::<resource::AuditEntry>()?;
        let reader = operation.reader().await?;
        let found = reader.audit_checkpoints(&scope, &page).await?;
        let tenant = operation.tenant();
        let rows = found.rows.into_iter();
        let slice = Slice {
            rows: rows
                .map(|signed| AuditCheckpoint { tenant, signed })
                .collect(),
            has_more: found.has_more,
        };
        Ok(Connection::new(operation, "auditCheckpoints", &page, slice, ()).output())
    }
    .boxed()
}

fn audit_key(Context { operation, .. }: Context<'_>) -> Resolved<'_> {
    async move {
        let scope = operation.scope::<resource::AuditEntry>()?;
        let (reader, database) = (operation.reader().await?, &operation.services.database);
        let key = reader.audit_key(&scope, database).await?;
        Ok(key.map_or(Output::Null, |key| Output::object(Arc::new(key))))
    }
    .boxed()
}

/// The checkpoint of that many rows; the newest where no size is given. A sentence says what to do where
/// there is none.
pub(super) async fn find(
    operation: &Operation,
    size: Option<i64>,
) -> Result<SignedCheckpoint, GraphqlError> {
    let scope = operation.scope::<resource::AuditEntry>()?;
    let reader = operation.reader().await?;
    let found = reader.audit_checkpoint(&scope, size).await?;
    found.ok_or_else(|| {
        GraphqlError::BadInput(match size {
            Some(size) => {
                format!("there is no checkpoint of {size} rows: `auditCheckpoints` lists them")
            }
            None => "there is no checkpoint yet: the server makes one from time to time".to_owned(),
        })
    })
}
