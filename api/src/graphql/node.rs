//! `node` and `nodes`: anything by its id, in the caller's own scope.
//!
//! An id of another tenant never comes here: a request that names one is refused whole on entering.
//! What a row condition hides is not found.

use std::sync::Arc;

use async_graphql::dynamic::{FieldValue, InputValue, TypeRef};
use countersign_domain::id::{
    AccountId, ApiTokenId, AuditEntryId, CategoryId, ImportId, MemberId, StatementId,
    TransactionId, parse_any,
};
use countersign_policies::resource;
use futures::FutureExt;

use super::{
    error::GraphqlError,
    field::{Context, Resolved, operation},
    operation::Operation,
    schema::Parts,
};

pub(super) fn register(parts: &mut Parts<'_>) {
    parts.query(|query| {
        query
            .resolve(
                "node",
                TypeRef::named("Node"),
                "Anything by its id.",
                vec![InputValue::new("id", TypeRef::named_nn(TypeRef::ID))],
                node,
            )
            .resolve(
                "nodes",
                TypeRef::named_list("Node"),
                "Several things by their ids, in the order asked for; null for what is not found.",
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
        let id = context
            .args
            .get("id")
            .and_then(|value| value.string().ok())
            .unwrap_or_default();
        find(operation(&context)?, id)
            .await?
            .ok_or(GraphqlError::NotFound)
            .map(Some)
    }
    .boxed()
}

fn nodes(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = operation(&context)?;
        let mut found = Vec::new();
        let ids = context.args.get("ids");
        if let Some(ids) = ids.as_ref().and_then(|value| value.list().ok()) {
            for id in ids.iter() {
                let id = id.string().unwrap_or_default();
                found.push(find(operation, id).await?.unwrap_or(FieldValue::NULL));
            }
        }
        Ok(Some(FieldValue::list(found)))
    }
    .boxed()
}

async fn find<'a>(operation: &Operation, id: &str) -> Result<Option<FieldValue<'a>>, GraphqlError> {
    let Some((prefix, uuid)) = parse_any(id) else {
        return Ok(None);
    };
    macro_rules! by_id {
        ($resource:ident, $id:ident, $reader:ident) => {{
            // Whoever may read no row of a kind is told of none.
            let Ok(scope) = operation.scope::<resource::$resource>() else {
                return Ok(None);
            };
            let rows = operation
                .reader()
                .await?
                .$reader(&scope, &[$id::new(uuid)])
                .await?;
            let row = rows.into_iter().next();
            Ok(
                row.map(|row| {
                    FieldValue::owned_any(Arc::new(row)).with_type(stringify!($resource))
                }),
            )
        }};
    }
    match prefix {
        AccountId::PREFIX => by_id!(Account, AccountId, accounts_by_id),
        TransactionId::PREFIX => by_id!(Transaction, TransactionId, transactions_by_id),
        CategoryId::PREFIX => by_id!(Category, CategoryId, categories_by_id),
        StatementId::PREFIX => by_id!(Statement, StatementId, statements_by_id),
        ImportId::PREFIX => by_id!(Import, ImportId, imports_by_id),
        MemberId::PREFIX => by_id!(Member, MemberId, members_by_id),
        ApiTokenId::PREFIX => by_id!(ApiToken, ApiTokenId, api_tokens_by_id),
        AuditEntryId::PREFIX => by_id!(AuditEntry, AuditEntryId, audit_entries_by_id),
        "ten" if uuid == operation.tenant().uuid() => {
            let Ok(scope) = operation.scope::<resource::Tenant>() else {
                return Ok(None);
            };
            let tenant = operation.reader().await?.tenant(&scope).await?;
            Ok(Some(
                FieldValue::owned_any(Arc::new(tenant)).with_type("Tenant"),
            ))
        }
        _ => Ok(None),
    }
}
