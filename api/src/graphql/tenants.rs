//! `Tenant`, the company whose books these are.

use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use countersign_domain::id::TenantId;
use countersign_entities::Tenant;
use countersign_policies::{Row, resource, row::TenantOnly};
use futures::FutureExt;

use super::{
    field::{Context, ObjectBuilder, Source},
    kind::Kind,
    scalars,
    schema::Parts,
    value::{Leaf, Output},
};

impl Source for Tenant {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let tenant = ObjectBuilder::<Tenant>::new(
        parts.engine,
        "Tenant",
        "A company whose books are kept here.",
    )
    .implements("Node")
    .of(Kind::Basic)
    .value("id", TypeRef::named_nn(TypeRef::ID), "`ten_…`.", |t| {
        Some(Leaf::shown(t.id))
    })
    .of(Kind::Basic)
    .value("name", text(), "Its name.", |t| {
        Some(Leaf::from(t.name.as_str()))
    })
    .of(Kind::Basic)
    .value("slug", text(), "Its name in addresses.", |t| {
        Some(Leaf::from(t.slug.as_str()))
    })
    .of(Kind::Basic)
    .value(
        "suspended",
        TypeRef::named_nn(TypeRef::BOOLEAN),
        "Whether it can be read only.",
        |t| Some(t.suspended.into()),
    )
    .of(Kind::Basic)
    .value(
        "createdAt",
        TypeRef::named_nn("DateTime"),
        "When it was made.",
        |t| Some(scalars::instant_value(t.created_at)),
    );
    parts.object(tenant);
    parts.query(|query| {
        query.of(Kind::Basic).resolve(
            "tenant",
            TypeRef::named("Tenant"),
            "The tenant in hand.",
            [],
            |Context { operation, .. }| {
                async move {
                    let scope = operation.scope::<resource::Tenant>()?;
                    let tenant = operation.reader().await?.tenant(&scope).await?;
                    Ok(Output::object(Arc::new(tenant)))
                }
                .boxed()
            },
        )
    });
}
