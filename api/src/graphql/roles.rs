//! `CustomRole`: a role that the tenant made itself; `BuiltInRole`: one that every tenant has.

use std::sync::Arc;

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use countersign_domain::{
    access::Role,
    id::{CustomRoleId, TenantId},
};
use countersign_entities::CustomRole;
use countersign_policies::{Row, resource, row::TenantOnly};
use futures::FutureExt;

use super::{
    connection::{self, Connection, Names, without_row},
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs::{self, Input},
    kind::Kind,
    previews, scalars,
    schema::Parts,
    user_errors::{failure, made, payload, payload_builder},
    value::{Leaf, Output},
};
use crate::app::{
    self,
    roles::{BuiltInRole, RoleInput},
};

const LIST: &str = "roles";

impl Source for CustomRole {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

without_row!(BuiltInRole);

pub(super) fn register(parts: &mut Parts<'_>) {
    custom(parts);
    built_in(parts);
    let names = Names {
        connection: "CustomRoleConnection",
        edge: "CustomRoleEdge",
        node: "CustomRole",
    };
    let connection = connection::connection_builder::<CustomRole, ()>(parts, names)
        .of(Kind::Member)
        .resolve(
            "builtIn",
            TypeRef::named_nn_list_nn("BuiltInRole"),
            "The roles that every tenant has.",
            [],
            built_in_roles,
        );
    parts.object(connection);
    parts.query(|query| {
        let preview = InputValue::new("input", TypeRef::named_nn("PreviewRoleInput"));
        query
            .of(Kind::Member)
            .resolve(
                "roles",
                TypeRef::named("CustomRoleConnection"),
                "The tenant's own roles, and those that every tenant has.",
                connection::page_arguments(),
                roles,
            )
            .of(Kind::Member)
            .resolve(
                "previewRole",
                TypeRef::named("RightsPreview"),
                "What `createRole`, or `updateRole` where an id is given, would come to.",
                vec![preview],
                preview_role,
            )
    });
    role_inputs(parts);
    mutations(parts);
}

fn custom(parts: &mut Parts<'_>) {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let role = ObjectBuilder::<CustomRole>::new(
        parts.engine,
        "CustomRole",
        "A role that the tenant made itself: a built-in one with capabilities beside it.",
    )
    .implements("Node")
    .of(Kind::Member)
    .value("id", TypeRef::named_nn(TypeRef::ID), "`rol_…`.", |r| {
        Some(Leaf::shown(r.id))
    })
    .of(Kind::Member)
    .value("name", text(), "Its name.", |r| {
        Some(Leaf::from(r.name.as_str()))
    })
    .of(Kind::Member)
    .value(
        "description",
        text(),
        "What it is for; may be empty.",
        |r| Some(Leaf::from(r.description.as_str())),
    )
    .of(Kind::Member)
    .value(
        "baseRole",
        text(),
        "The built-in role that it stands on, whose ceilings hold.",
        |r| Some(Leaf::from(r.base.name())),
    )
    .of(Kind::Member)
    .value(
        "capabilities",
        TypeRef::named_nn_list_nn(TypeRef::STRING),
        "What it grants beside that.",
        |r| Some(r.capabilities.iter().map(|c| c.name()).collect()),
    )
    .of(Kind::Member)
    .value(
        "memberCount",
        TypeRef::named_nn(TypeRef::INT),
        "How many members have it.",
        |r| Some(r.member_count.into()),
    )
    .of(Kind::Member)
    .value(
        "createdAt",
        TypeRef::named_nn("DateTime"),
        "When it was made.",
        |r| Some(scalars::instant_value(r.created_at)),
    )
    .of(Kind::Member)
    .value(
        "updatedAt",
        TypeRef::named_nn("DateTime"),
        "When it was last changed.",
        |r| Some(scalars::instant_value(r.updated_at)),
    );
    parts.object(role);
}

fn built_in(parts: &mut Parts<'_>) {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let role = ObjectBuilder::<BuiltInRole>::new(
        parts.engine,
        "BuiltInRole",
        "A role that every tenant has.",
    )
    .of(Kind::Member)
    .value("name", text(), "Its name.", |r| {
        Some(Leaf::from(r.role.name()))
    })
    .of(Kind::Member)
    .value("description", text(), "What it is.", |r| {
        Some(Leaf::from(described(r.role)))
    })
    .of(Kind::Member)
    .value(
        "capabilities",
        TypeRef::named_nn_list_nn(TypeRef::STRING),
        "What it holds of itself, as far as capabilities say it.",
        |r| Some(r.capabilities.iter().map(|c| c.name()).collect()),
    )
    .of(Kind::Member)
    .value(
        "memberCount",
        TypeRef::named_nn(TypeRef::INT),
        "How many members have it, and no role of the tenant's own.",
        |r| Some(r.member_count.into()),
    )
    .of(Kind::Member)
    .value(
        "canBeBase",
        TypeRef::named_nn(TypeRef::BOOLEAN),
        "Whether a role of the tenant's own can stand on it.",
        |r| Some(r.role.can_be_base().into()),
    );
    parts.object(role);
}

const fn described(role: Role) -> &'static str {
    match role {
        Role::Owner => "Answers for the tenant. The last one can not be removed.",
        Role::Admin => "Runs the tenant: members and tokens, not the amounts.",
        Role::Manager => "Runs the business: sees and sorts the books.",
        Role::Accountant => "Keeps the books.",
        Role::Worker => "Works for the company: sees amounts only of accounts in their care.",
        Role::Family => "Shares the household's personal accounts.",
        Role::Auditor => "Reads everything of the company, writes nothing.",
    }
}

fn role_inputs(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let id = || InputValue::new("roleId", TypeRef::named_nn(TypeRef::ID));
    let description =
        || InputValue::new("description", text()).description("At most 300 characters.");
    let capabilities = || {
        InputValue::new("capabilities", TypeRef::named_nn_list(TypeRef::STRING))
            .description("What it grants beside the built-in role.")
    };
    parts.input(
        InputObject::new("CreateRoleInput")
            .description("The role to be made.")
            .field(
                InputValue::new("name", TypeRef::named_nn(TypeRef::STRING))
                    .description("From 1 to 60 characters, unlike every other role's."),
            )
            .field(description())
            .field(
                InputValue::new("baseRole", TypeRef::named_nn(TypeRef::STRING))
                    .description("The built-in role that it stands on: any but `owner`."),
            )
            .field(capabilities()),
    );
    parts.input(
        InputObject::new("UpdateRoleInput")
            .description("How the role is to be. What is not given stays.")
            .field(id())
            .field(InputValue::new("name", text()))
            .field(description())
            .field(InputValue::new("baseRole", text()))
            .field(capabilities()),
    );
    parts.input(
        InputObject::new("DeleteRoleInput")
            .description("The role to be deleted: one that nobody has.")
            .field(id()),
    );
    parts.input(
        InputObject::new("PreviewRoleInput")
            .description("A role as it might be. Without an id, a new one.")
            .field(InputValue::new("roleId", TypeRef::named(TypeRef::ID)))
            .field(InputValue::new("baseRole", text()))
            .field(capabilities()),
    );
}

fn mutations(parts: &mut Parts<'_>) {
    for name in ["CreateRolePayload", "UpdateRolePayload"] {
        let changed = payload_builder::<Arc<CustomRole>>(parts, name)
            .of(Kind::Structure)
            .object("role", TypeRef::named("CustomRole"), "The role.", made);
        parts.object(changed);
    }
    let deleted = payload_builder::<CustomRoleId>(parts, "DeleteRolePayload")
        .of(Kind::Structure)
        .value(
            "deletedRoleId",
            TypeRef::named(TypeRef::ID),
            "The role that is gone.",
            |payload| payload.made.map(Leaf::shown),
        );
    parts.object(deleted);
    let input = |of: &str| vec![InputValue::new("input", TypeRef::named_nn(of))];
    parts.mutation(|mutation| {
        mutation
            .of(Kind::AdminMember)
            .resolve(
                "createRole",
                TypeRef::named("CreateRolePayload"),
                "Makes a role of the tenant's own, with no more than the caller holds.",
                input("CreateRoleInput"),
                create_role,
            )
            .of(Kind::AdminMember)
            .on("CustomRole")
            .resolve(
                "updateRole",
                TypeRef::named("UpdateRolePayload"),
                "Changes a role for everybody who has it, from their next request on.",
                input("UpdateRoleInput"),
                update_role,
            )
            .of(Kind::AdminMember)
            .on("CustomRole")
            .resolve(
                "deleteRole",
                TypeRef::named("DeleteRolePayload"),
                "Deletes a role that nobody has.",
                input("DeleteRoleInput"),
                delete_role,
            )
    });
}

fn roles(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let page = connection::page(&context.arguments, operation, LIST)?;
        let scope = operation.scope::<resource::CustomRole>()?;
        let slice = operation.reader().await?.roles(&scope, &page).await?;
        Ok(Connection::new(operation, LIST, &page, slice, ()).output())
    }
    .boxed()
}

fn built_in_roles(Context { operation, .. }: Context<'_>) -> Resolved<'_> {
    async move {
        let reader = operation.reader().await?;
        let engine = &operation.services.engine;
        let roles = app::roles::built_in(engine, &operation.context, &reader).await;
        let roles = roles.map_err(failure)?;
        Ok(Output::objects(roles.into_iter().map(Arc::new)))
    }
    .boxed()
}

fn preview_role(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let id = inputs::id(input, "roleId")?;
        let reader = operation.reader().await?;
        let (services, caller) = (&operation.services, &operation.context);
        previews::output(app::roles::preview(services, caller, &reader, id, read(input)).await)
    }
    .boxed()
}

fn create_role(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let role = read(inputs::input(&context.arguments)?);
        let created =
            app::roles::create(&operation.services, operation.writer().await?, role).await;
        payload(created.map(Arc::new))
    }
    .boxed()
}

fn update_role(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let id: CustomRoleId = inputs::required_id(input, "roleId")?;
        let (services, writer) = (&operation.services, operation.writer().await?);
        let updated = app::roles::update(services, writer, id, read(input)).await;
        payload(updated.map(Arc::new))
    }
    .boxed()
}

fn delete_role(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id: CustomRoleId = inputs::required_id(inputs::input(&context.arguments)?, "roleId")?;
        payload(app::roles::delete(&operation.services, operation.writer().await?, id).await)
    }
    .boxed()
}

fn read(input: &Input) -> RoleInput {
    let capabilities = inputs::given(input, "capabilities");
    RoleInput {
        name: inputs::owned(input, "name"),
        description: inputs::owned(input, "description"),
        base: inputs::owned(input, "baseRole"),
        capabilities: capabilities.map(|_| inputs::texts(input, "capabilities")),
    }
}
