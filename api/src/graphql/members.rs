//! `Member`: a person's place in the tenant.

use std::sync::Arc;

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use countersign_domain::id::{CustomRoleId, MemberId, TenantId};
use countersign_entities::{CustomRole, Member};
use countersign_policies::{Row, row::TenantOnly};
use futures::FutureExt;

use super::{
    connection::{self, Names, pages},
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs::{self, Input},
    kind::Kind,
    permissions::viewer_can,
    previews, scalars,
    schema::Parts,
    user_errors::{made, payload, payload_builder},
    value::Leaf,
};
use crate::app::{self, members::UpdateMember};

impl Source for Member {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let member =
        ObjectBuilder::<Member>::new(parts.engine, "Member", "A person's place in the tenant.")
            .implements("Node")
            .of(Kind::Basic)
            .value("id", TypeRef::named_nn(TypeRef::ID), "`mbr_…`.", |m| {
                Some(Leaf::shown(m.id))
            })
            .of(Kind::Basic)
            .value(
                "name",
                text(),
                "The person's own name for themselves.",
                |m| Some(Leaf::from(m.name.as_str())),
            )
            .of(Kind::Member)
            .value(
                "email",
                text(),
                "The address that they sign in with.",
                |m| Some(Leaf::from(m.email.as_str())),
            )
            .of(Kind::Member)
            .value(
                "role",
                text(),
                "Their built-in role, or the one that their custom role stands on.",
                |m| Some(Leaf::from(m.role.name())),
            )
            .of(Kind::Member)
            .related::<CustomRole>(
                "customRole",
                "CustomRole",
                "The role that the tenant made, if they have one.",
                |m| m.custom_role.map(CustomRoleId::uuid),
            )
            .of(Kind::Member)
            .value(
                "capabilities",
                TypeRef::named_nn_list(TypeRef::STRING),
                "What the tenant granted beside either role.",
                |m| Some(m.capabilities.iter().map(|c| c.name()).collect()),
            )
            .of(Kind::Member)
            .value(
                "joinedAt",
                TypeRef::named("DateTime"),
                "When they joined.",
                |m| Some(scalars::instant_value(m.joined_at)),
            );
    parts.object(viewer_can(member, "Member", Kind::Basic));
    connection::register::<Member>(
        parts,
        Names {
            connection: "MemberConnection",
            edge: "MemberEdge",
            node: "Member",
        },
    );
    parts.query(|query| {
        query.of(Kind::Member).resolve(
            "members",
            TypeRef::named("MemberConnection"),
            "The tenant's people.",
            connection::page_arguments(),
            pages!("members", Member, members),
        )
    });
    update(parts);
    remove(parts);
}

fn update(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("UpdateMemberInput")
            .description("What the member is to be. What is not given stays.")
            .field(InputValue::new("memberId", TypeRef::named_nn(TypeRef::ID)))
            .field(
                InputValue::new("role", TypeRef::named(TypeRef::STRING))
                    .description("A built-in role; or else `customRoleId`."),
            )
            .field(
                InputValue::new("customRoleId", TypeRef::named(TypeRef::ID))
                    .description("A role of the tenant's own."),
            )
            .field(
                InputValue::new("capabilities", TypeRef::named_nn_list(TypeRef::STRING))
                    .description("What is granted beside either role."),
            ),
    );
    let updated = payload_builder::<Arc<Member>>(parts, "UpdateMemberPayload")
        .of(Kind::Structure)
        .object("member", TypeRef::named("Member"), "The member.", made);
    parts.object(updated);
    let input = || {
        let input = InputValue::new("input", TypeRef::named_nn("UpdateMemberInput"));
        vec![input]
    };
    parts.query(|query| {
        query.of(Kind::Member).resolve(
            "previewMember",
            TypeRef::named("RightsPreview"),
            "What `updateMember` would come to.",
            input(),
            preview_member,
        )
    });
    parts.mutation(|mutation| {
        mutation.of(Kind::AdminMember).on("Member").resolve(
            "updateMember",
            TypeRef::named("UpdateMemberPayload"),
            "Changes what a member is and what is granted to them, from their next request on.",
            input(),
            update_member,
        )
    });
}

fn remove(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("RemoveMemberInput")
            .description("Who is to be removed.")
            .field(InputValue::new("memberId", TypeRef::named_nn(TypeRef::ID))),
    );
    let removed = payload_builder::<MemberId>(parts, "RemoveMemberPayload")
        .of(Kind::Structure)
        .value(
            "removedMemberId",
            TypeRef::named(TypeRef::ID),
            "The membership that ended.",
            |payload| payload.made.map(Leaf::shown),
        );
    parts.object(removed);
    let input = || {
        let input = InputValue::new("input", TypeRef::named_nn("RemoveMemberInput"));
        vec![input]
    };
    parts.query(|query| {
        query.of(Kind::Member).resolve(
            "previewRemoveMember",
            TypeRef::named("RightsPreview"),
            "What `removeMember` would come to.",
            input(),
            preview_remove_member,
        )
    });
    parts.mutation(|mutation| {
        mutation.of(Kind::AdminMember).on("Member").resolve(
            "removeMember",
            TypeRef::named("RemoveMemberPayload"),
            "Ends a membership: the person's very next request here is refused, and that of each of their \
             tokens.",
            input(),
            remove_member,
        )
    });
}

fn preview_member(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let change = read(inputs::input(&context.arguments)?)?;
        let reader = operation.reader().await?;
        let (services, caller) = (&operation.services, &operation.context);
        previews::output(app::members::preview(services, caller, &reader, change).await)
    }
    .boxed()
}

fn preview_remove_member(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id: MemberId = inputs::required_id(inputs::input(&context.arguments)?, "memberId")?;
        let reader = operation.reader().await?;
        let (services, caller) = (&operation.services, &operation.context);
        previews::output(app::members::preview_removal(services, caller, &reader, id).await)
    }
    .boxed()
}

fn update_member(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let change = read(inputs::input(&context.arguments)?)?;
        let writer = operation.writer().await?;
        let updated = app::members::update(&operation.services, writer, change).await;
        payload(updated.map(Arc::new))
    }
    .boxed()
}

fn read(input: &Input) -> Result<UpdateMember, GraphqlError> {
    let capabilities = inputs::given(input, "capabilities");
    Ok(UpdateMember {
        id: inputs::required_id(input, "memberId")?,
        role: inputs::owned(input, "role"),
        custom_role: inputs::id(input, "customRoleId")?,
        capabilities: capabilities.map(|_| inputs::texts(input, "capabilities")),
    })
}

fn remove_member(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id: MemberId = inputs::required_id(inputs::input(&context.arguments)?, "memberId")?;
        payload(app::members::remove(&operation.services, operation.writer().await?, id).await)
    }
    .boxed()
}
