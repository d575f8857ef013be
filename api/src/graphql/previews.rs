//! `RightsPreview`: what a change of a role or of a member, or their removal, would come to.

use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use countersign_domain::id::TenantId;
use countersign_policies::{
    Row,
    rights::{Ceiling, RightsChange},
};

use super::{
    connection::without_row,
    error::GraphqlError,
    field::{ObjectBuilder, Source},
    kind::Kind,
    schema::Parts,
    user_errors::failure,
    value::{Leaf, Output},
};
use crate::app::{AppError, MemberRights, Preview};

without_row!(Preview, MemberRights, RightsChange, Ceiling);

/// A preview as a field's value.
pub(super) fn output(preview: Result<Preview, AppError>) -> Result<Output, GraphqlError> {
    preview
        .map(|preview| Output::object(Arc::new(preview)))
        .map_err(failure)
}

fn objects<T: Clone + Send + Sync + 'static>(values: &[T]) -> Output {
    Output::objects(values.iter().cloned().map(Arc::new))
}

pub(super) fn register(parts: &mut Parts<'_>) {
    preview(parts);
    let changes = || TypeRef::named_nn_list_nn("RightsChange");
    let member = ObjectBuilder::<MemberRights>::new(
        parts.engine,
        "MemberRights",
        "What a change would come to for one member.",
    )
    .of(Kind::Member)
    .object("member", TypeRef::named_nn("Member"), "Who.", |m| {
        Some(Output::object(Arc::clone(&m.member)))
    })
    .of(Kind::Member)
    .object(
        "gains",
        changes(),
        "What they may do then and not now.",
        |m| Some(objects(&m.gains)),
    )
    .of(Kind::Member)
    .object(
        "losses",
        changes(),
        "What they may do now and not then.",
        |m| Some(objects(&m.losses)),
    );
    parts.object(member);
    change(parts);
    ceiling(parts);
}

fn change(parts: &mut Parts<'_>) {
    let change = ObjectBuilder::<RightsChange>::new(
        parts.engine,
        "RightsChange",
        "Actions of one kind, on the same rows.",
    )
    .of(Kind::Member)
    .value(
        "group",
        TypeRef::named_nn(TypeRef::STRING),
        "The kind of data or acts, such as `read.financial`.",
        |change| Some(Leaf::from(change.group.as_str())),
    )
    .of(Kind::Member)
    .value(
        "actions",
        TypeRef::named_nn_list_nn(TypeRef::STRING),
        "The actions, such as `Transaction.amount`.",
        |change| Some(change.actions.iter().map(String::as_str).collect()),
    )
    .of(Kind::Member)
    .value(
        "rows",
        TypeRef::named(TypeRef::STRING),
        "On which rows, in words; null where on all.",
        |change| change.rows.as_deref().map(Leaf::from),
    );
    parts.object(change);
}

fn ceiling(parts: &mut Parts<'_>) {
    let ceiling = ObjectBuilder::<Ceiling>::new(
        parts.engine,
        "Ceiling",
        "A rule that holds whatever is granted.",
    )
    .of(Kind::Member)
    .value("rule", TypeRef::named_nn(TypeRef::STRING), "Its id.", |c| {
        Some(Leaf::from(c.rule.as_str()))
    })
    .of(Kind::Member)
    .value(
        "sentence",
        TypeRef::named_nn(TypeRef::STRING),
        "What it says.",
        |c| Some(Leaf::from(c.sentence.as_str())),
    )
    .of(Kind::Member)
    .value(
        "capabilities",
        TypeRef::named_nn_list_nn(TypeRef::STRING),
        "The capabilities that it holds against.",
        |c| Some(c.capabilities.iter().map(|c| c.name()).collect()),
    )
    .of(Kind::Member)
    .value(
        "rows",
        TypeRef::named(TypeRef::STRING),
        "On which rows, in words; null where on all.",
        |c| c.rows.as_deref().map(Leaf::from),
    );
    parts.object(ceiling);
}

fn preview(parts: &mut Parts<'_>) {
    let changes = || TypeRef::named_nn_list_nn("RightsChange");
    let preview = ObjectBuilder::<Preview>::new(
        parts.engine,
        "RightsPreview",
        "What a change would come to. A new role is held against the one that it stands on.",
    )
    .of(Kind::Member)
    .object(
        "gains",
        changes(),
        "What whoever has the role, or the member, may do then and not now.",
        |preview| Some(objects(&preview.gains)),
    )
    .of(Kind::Member)
    .object(
        "losses",
        changes(),
        "What they may do now and not then.",
        |preview| Some(objects(&preview.losses)),
    )
    .of(Kind::Member)
    .object(
        "members",
        TypeRef::named_nn_list_nn("MemberRights"),
        "Who is affected, oldest membership first; of many, the first 200.",
        |preview| Some(Output::objects(preview.members.iter().cloned())),
    )
    .of(Kind::Member)
    .value(
        "memberCount",
        TypeRef::named_nn(TypeRef::INT),
        "How many are affected.",
        |preview| {
            let count = i32::try_from(preview.member_count);
            Some(count.unwrap_or(i32::MAX).into())
        },
    )
    .of(Kind::Member)
    .object(
        "ceilings",
        TypeRef::named_nn_list_nn("Ceiling"),
        "What still holds against the capabilities.",
        |preview| Some(objects(&preview.ceilings)),
    )
    .of(Kind::Token)
    .object(
        "tokens",
        TypeRef::named_nn_list("ApiToken"),
        "The tokens that it would revoke, of those that its members made; oldest first.",
        |preview| Some(Output::objects(preview.tokens.iter().cloned())),
    )
    .of(Kind::Member)
    .object(
        "refusals",
        TypeRef::named_nn_list_nn("UserError"),
        "What the change would be refused for; empty where it would be done.",
        |preview| Some(objects(&preview.refusals)),
    );
    parts.object(preview);
}
