//! `node` and `nodes`: anything by its id, in the caller's own scope.
//!
//! An id of another tenant never comes here: a request that names one is refused whole on entering.
//! One that policy hides from the caller is answered just like it ([`super::existence`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use async_graphql::dynamic::{InputValue, TypeRef};
use countersign_domain::id::{
    AccountId, AnyId, ApiTokenId, AuditEntryId, CategoryId, CredentialId, CustomRoleId, ImportId,
    MachineId, MemberId, StatementId, TenantId, TransactionId,
};
use countersign_entities::Reader;
use countersign_policies::resource;
use futures::FutureExt;
use uuid::Uuid;

use super::{
    error::GraphqlError,
    field::{Context, Resolved},
    inputs,
    kind::Kind,
    operation::Operation,
    schema::Parts,
    selection::Selected,
    transactions,
    value::Output,
};

pub(super) fn register(parts: &mut Parts<'_>) {
    parts.query(|query| {
        query
            .of(Kind::Basic)
            .resolve(
                "node",
                TypeRef::named("Node"),
                "Anything by its id.",
                vec![InputValue::new("id", TypeRef::named_nn(TypeRef::ID))],
                node,
            )
            .of(Kind::Basic)
            .resolve(
                "nodes",
                TypeRef::named_list("Node"),
                "Several things by their ids, in the order asked for.",
                vec![InputValue::new(
                    "ids",
                    TypeRef::named_nn_list_nn(TypeRef::ID),
                )],
                nodes,
            )
    });
}

fn node(context: Context<'_>) -> Resolved<'_> {
    async move {
        let id = inputs::text(&context.arguments, "id").unwrap_or_default();
        let found = find(context.operation, Some(context.selected), id).await?;
        found.ok_or_else(|| context.operation.not_here())
    }
    .boxed()
}

fn nodes(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let ids = inputs::texts(&context.arguments, "ids");
        let ids: Option<Vec<_>> = ids.iter().map(|id| AnyId::parse(id)).collect();
        let ids = ids.ok_or_else(|| operation.not_here())?;
        let mut by_kind: BTreeMap<&str, BTreeSet<Uuid>> = BTreeMap::new();
        for id in &ids {
            by_kind.entry(id.kind).or_default().insert(id.uuid);
        }
        let mut found = HashMap::new();
        for (kind, uuids) in by_kind {
            let uuids: Vec<_> = uuids.into_iter().collect();
            let rows = read(operation, Some(context.selected), kind, &uuids).await?;
            found.extend(
                rows.into_iter()
                    .map(|(uuid, row)| (AnyId { kind, uuid }, row)),
            );
        }
        let listed = ids.iter().map(|id| found.get(id).cloned());
        let listed: Option<_> = listed.collect();
        listed.map(Output::List).ok_or_else(|| operation.not_here())
    }
    .boxed()
}

/// Goes by the kind of an id: its resource, the type of its ids, and what reads rows by them. The tenant's
/// own row has no reader by id.
macro_rules! by_kind {
    ($kind:expr, $by_id:ident, $otherwise:expr) => {
        match $kind {
            AccountId::PREFIX => $by_id!(Account, AccountId, accounts_by_id),
            TransactionId::PREFIX => $by_id!(Transaction, TransactionId, transactions_by_id),
            CategoryId::PREFIX => $by_id!(Category, CategoryId, categories_by_id),
            StatementId::PREFIX => $by_id!(Statement, StatementId, statements_by_id),
            ImportId::PREFIX => $by_id!(Import, ImportId, imports_by_id),
            MemberId::PREFIX => $by_id!(Member, MemberId, members_by_id),
            CustomRoleId::PREFIX => $by_id!(CustomRole, CustomRoleId, roles_by_id),
            ApiTokenId::PREFIX => $by_id!(ApiToken, ApiTokenId, api_tokens_by_id),
            CredentialId::PREFIX => $by_id!(Credential, CredentialId, credentials_by_id),
            AuditEntryId::PREFIX => $by_id!(AuditEntry, AuditEntryId, audit_entries_by_id),
            _ => $otherwise,
        }
    };
}

/// Which rows of a kind the caller may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All that the tenant has.
    All,
    /// Those that policy lets through, one by one.
    Some,
    /// None.
    Nothing,
}

/// Which rows of the kind with that prefix the caller may read; none where there is nothing to read
/// of the kind.
pub(super) fn shown(operation: &Operation, kind: &str) -> Shown {
    macro_rules! of {
        ($resource:ident $(, $more:ident)*) => {
            match operation.scope::<resource::$resource>() {
                Ok(scope) if scope.covers_tenant() => Shown::All,
                Ok(_) => Shown::Some,
                Err(_) => Shown::Nothing,
            }
        };
    }
    by_kind!(
        kind,
        of,
        match kind {
            TenantId::PREFIX => of!(Tenant),
            // No node, and named all the same: by who asks what a machine may.
            MachineId::PREFIX => of!(ApiToken),
            _ => Shown::Nothing,
        }
    )
}

/// How many of the rows of one kind the caller may read.
pub(super) async fn count_shown(
    operation: &Operation,
    reader: &Reader,
    kind: &str,
    uuids: &[Uuid],
) -> Result<usize, GraphqlError> {
    macro_rules! of {
        ($resource:ident, $id:ident, $by_id:ident) => {{
            let scope = operation.scope::<resource::$resource>()?;
            let ids: Vec<$id> = uuids.iter().copied().map($id::new).collect();
            reader.$by_id(&scope, &ids).await?.len()
        }};
    }
    Ok(by_kind!(
        kind,
        of,
        match kind {
            MachineId::PREFIX => of!(ApiToken, MachineId, machines_by_id),
            _ => 0,
        }
    ))
}

/// Anything by its id, as far as the caller may read it, for a field where it is one's value.
pub(super) async fn find(
    operation: &Operation,
    selected: Option<&Selected>,
    id: &str,
) -> Result<Option<Output>, GraphqlError> {
    let Some(AnyId { kind, uuid }) = AnyId::parse(id) else {
        return Ok(None);
    };
    let found = read(operation, selected, kind, &[uuid]).await?;
    Ok(found.into_iter().next().map(|(_, row)| row))
}

/// Rows of one kind by their ids, as far as the caller may read them, in one statement and any order.
async fn read(
    operation: &Operation,
    selected: Option<&Selected>,
    kind: &str,
    uuids: &[Uuid],
) -> Result<Vec<(Uuid, Output)>, GraphqlError> {
    macro_rules! by_id {
        ($resource:ident, $id:ident, $reader:ident) => {{
            // Whoever may read no row of a kind is told of none.
            let Ok(scope) = operation.scope::<resource::$resource>() else {
                return Ok(Vec::new());
            };
            let ids: Vec<_> = uuids.iter().copied().map($id::new).collect();
            let rows = operation.reader().await?.$reader(&scope, &ids).await?;
            let rows = rows.into_iter().map(|row| {
                let id = row.id.uuid();
                (id, Output::typed(stringify!($resource), Arc::new(row)))
            });
            Ok(rows.collect())
        }};
    }
    if kind == TenantId::PREFIX {
        let own = operation.tenant().uuid();
        let Ok(scope) = operation.scope::<resource::Tenant>() else {
            return Ok(Vec::new());
        };
        if !uuids.contains(&own) {
            return Ok(Vec::new());
        }
        let tenant = operation.reader().await?.tenant(&scope).await?;
        return Ok(vec![(own, Output::typed("Tenant", Arc::new(tenant)))]);
    }
    if kind == TransactionId::PREFIX {
        let ids: Vec<_> = uuids.iter().copied().map(TransactionId::new).collect();
        let rows = transactions::by_ids(operation, selected, &ids).await?;
        let rows = rows.into_iter().map(|row| {
            let id = row.id.uuid();
            (id, Output::typed("Transaction", Arc::new(row)))
        });
        return Ok(rows.collect());
    }
    by_kind!(kind, by_id, Ok(Vec::new()))
}
