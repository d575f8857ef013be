//! `Category`: what transactions are sorted under.

use std::sync::Arc;

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use countersign_domain::{books::Category, id::TenantId};
use countersign_policies::{Row, row::TenantOnly};
use futures::FutureExt;

use super::{
    connection::{self, Names, pages},
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs,
    kind::Kind,
    scalars,
    schema::Parts,
    user_errors::{made, payload, payload_builder},
    value::Leaf,
};
use crate::app;

impl Source for Category {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    let category = ObjectBuilder::<Category>::new(
        parts.engine,
        "Category",
        "What transactions are sorted under.",
    )
    .implements("Node")
    .of(Kind::Basic)
    .value("id", TypeRef::named_nn(TypeRef::ID), "`cat_…`.", |c| {
        Some(Leaf::shown(c.id))
    })
    .of(Kind::Basic)
    .value(
        "name",
        TypeRef::named_nn(TypeRef::STRING),
        "Its name.",
        |c| Some(Leaf::from(c.name.as_str())),
    )
    .of(Kind::Basic)
    .value(
        "createdAt",
        TypeRef::named_nn("DateTime"),
        "When it was made.",
        |c| Some(scalars::instant_value(c.created_at)),
    );
    parts.object(category);
    connection::register::<Category>(
        parts,
        Names {
            connection: "CategoryConnection",
            edge: "CategoryEdge",
            node: "Category",
        },
    );
    parts.query(|query| {
        query.of(Kind::Basic).resolve(
            "categories",
            TypeRef::named("CategoryConnection"),
            "The tenant's categories.",
            connection::page_arguments(),
            pages!("categories", Category, categories),
        )
    });
    create(parts);
}

fn create(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("CreateCategoryInput")
            .description("The category to be made.")
            .field(
                InputValue::new("name", TypeRef::named_nn(TypeRef::STRING))
                    .description("From 1 to 60 characters, unlike every other category's."),
            ),
    );
    let created = payload_builder::<Arc<Category>>(parts, "CreateCategoryPayload")
        .of(Kind::Structure)
        .object(
            "category",
            TypeRef::named("Category"),
            "The new category.",
            made,
        );
    parts.object(created);
    parts.mutation(|mutation| {
        mutation.of(Kind::WriteBasic).resolve(
            "createCategory",
            TypeRef::named("CreateCategoryPayload"),
            "Makes a category.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("CreateCategoryInput"),
            )],
            create_category,
        )
    });
}

fn create_category(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let name = inputs::required(inputs::input(&context.arguments)?, "name")?;
        let created =
            app::categories::create(&operation.services, operation.writer().await?, &name).await;
        payload(created.map(Arc::new))
    }
    .boxed()
}
