//! `Member`: a person's place in the tenant.

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use countersign_domain::id::{MemberId, TenantId};
use countersign_entities::Member;
use countersign_policies::{Row, row::TenantOnly};
use futures::FutureExt;

use super::{
    connection::{self, Names, pages},
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs, scalars,
    schema::Parts,
    user_errors::{payload, payload_builder},
    value::Leaf,
};
use crate::app;

impl Source for Member {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a table of fields, one after the other"
)]
pub(super) fn register(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let member =
        ObjectBuilder::<Member>::new(parts.engine, "Member", "A person's place in the tenant.")
            .implements("Node")
            .value("id", TypeRef::named_nn(TypeRef::ID), "`mbr_…`.", |m| {
                Some(m.id.to_string().into())
            })
            .value(
                "name",
                text(),
                "The person's own name for themselves.",
                |m| Some(Leaf::from(m.name.as_str())),
            )
            .value(
                "email",
                text(),
                "The address that they sign in with.",
                |m| Some(Leaf::from(m.email.as_str())),
            )
            .value("role", text(), "Their one role.", |m| {
                Some(Leaf::from(m.role.name()))
            })
            .value(
                "capabilities",
                TypeRef::named_nn_list(TypeRef::STRING),
                "What the tenant granted beside the role.",
                |m| Some(m.capabilities.iter().map(|c| c.name()).collect()),
            )
            .value(
                "joinedAt",
                TypeRef::named("DateTime"),
                "When they joined.",
                |m| Some(scalars::instant_value(m.joined_at)),
            );
    parts.object(member);
    connection::register::<Member>(
        parts,
        Names {
            connection: "MemberConnection",
            edge: "MemberEdge",
            node: "Member",
        },
    );
    parts.query(|query| {
        query.resolve(
            "members",
            TypeRef::named("MemberConnection"),
            "The tenant's people.",
            connection::page_arguments(),
            pages!("members", Member, members),
        )
    });
    parts.input(
        InputObject::new("RemoveMemberInput")
            .description("Who is to be removed.")
            .field(InputValue::new("memberId", TypeRef::named_nn(TypeRef::ID))),
    );
    let removed = payload_builder::<MemberId>(parts, "RemoveMemberPayload").value(
        "removedMemberId",
        TypeRef::named(TypeRef::ID),
        "The membership that ended.",
        |payload| payload.made.map(|id| id.to_string().into()),
    );
    parts.object(removed);
    parts.mutation(|mutation| {
        mutation.resolve(
            "removeMember",
            TypeRef::named("RemoveMemberPayload"),
            "Ends a membership: the person's very next request here is refused.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("RemoveMemberInput"),
            )],
            remove_member,
        )
    });
}

fn remove_member(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id: MemberId = inputs::required_id(inputs::input(&context.arguments)?, "memberId")?;
        payload(app::members::remove(&operation.services, operation.writer().await?, id).await)
    }
    .boxed()
}
