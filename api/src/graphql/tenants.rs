//! `Tenant`, the company whose books these are.

use std::sync::Arc;

use async_graphql::{
    Value,
    dynamic::{FieldValue, TypeRef},
};
use countersign_domain::id::TenantId;
use countersign_entities::Tenant;
use countersign_policies::{Row, resource, row::TenantOnly};
use futures::FutureExt;

use super::{
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source, operation},
    scalars,
    schema::Parts,
};

impl Source for Arc<Tenant> {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let tenant = ObjectBuilder::<Arc<Tenant>>::new(
        parts.engine,
        "Tenant",
        "A company whose books are kept here.",
    )
    .implements("Node")
    .value("id", TypeRef::named_nn(TypeRef::ID), "`ten_…`.", |t| {
        Some(t.id.to_string().into())
    })
    .value("name", text(), "Its name.", |t| {
        Some(Value::from(t.name.as_str()))
    })
    .value("slug", text(), "Its name in addresses.", |t| {
        Some(Value::from(t.slug.as_str()))
    })
    .value(
        "suspended",
        TypeRef::named_nn(TypeRef::BOOLEAN),
        "Whether it can be read only.",
        |t| Some(t.suspended.into()),
    )
    .value(
        "createdAt",
        TypeRef::named_nn("DateTime"),
        "When it was made.",
        |t| Some(scalars::instant_value(t.created_at)),
    );
    parts.object(tenant);
    parts.query(|query| {
        query.resolve(
            "tenant",
            TypeRef::named("Tenant"),
            "The tenant in hand.",
            vec![],
            tenant_root,
        )
    });
}

fn tenant_root(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = operation(&context)?;
        let scope = operation.scope::<resource::Tenant>()?;
        let tenant = operation
            .reader()
            .await?
            .tenant(&scope)
            .await
            .map_err(GraphqlError::from)?;
        Ok(Some(FieldValue::owned_any(Arc::new(tenant))))
    }
    .boxed()
}
