//! `viewerCan`: what the policies say to whoever asks of a row in hand, for buttons.

use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use countersign_domain::id::TenantId;
use countersign_policies::{Decision, Engine, Refusal, Row};
use futures::FutureExt;

use super::{
    access,
    connection::without_row,
    error::GraphqlError,
    field::{Context, ObjectBuilder, Source},
    kind::Kind,
    schema::Parts,
    value::{Leaf, Output},
};

/// Whether whoever asks may do something to a row.
#[derive(Debug)]
struct Permission {
    action: String,
    /// Why not.
    refused: Option<String>,
}

without_row!(Permission);

pub(super) fn register(parts: &mut Parts<'_>) {
    let permission = ObjectBuilder::<Permission>::new(
        parts.engine,
        "Permission",
        "What the policies say to whoever asks of one row. Whether it would be correct is another \
         question, which only doing it answers.",
    )
    .of(Kind::Structure)
    .value(
        "action",
        TypeRef::named_nn(TypeRef::STRING),
        "What is asked about.",
        |p| Some(Leaf::from(p.action.as_str())),
    )
    .of(Kind::Structure)
    .value(
        "isAllowed",
        TypeRef::named_nn(TypeRef::BOOLEAN),
        "Whether it is allowed on this row.",
        |p| Some(p.refused.is_none().into()),
    )
    .of(Kind::Explanation)
    .value(
        "reason",
        TypeRef::named(TypeRef::STRING),
        "Where it is refused: the rules that forbid it, or else those that would permit it.",
        |p| p.refused.as_deref().map(Leaf::from),
    );
    parts.object(permission);
}

/// Adds `viewerCan` to a type of rows, by the name that policies know it by, as of the kind of data that
/// shows that there is such a row.
pub(super) fn viewer_can<'e, T: Source>(
    builder: ObjectBuilder<'e, T>,
    resource: &'static str,
    kind: Kind,
) -> ObjectBuilder<'e, T> {
    builder.of(kind).resolve(
        "viewerCan",
        TypeRef::named("Permission"),
        "What the policies say to whoever asks of an action on this row, without doing it.",
        [access::action_argument()],
        move |context| async move { decide::<T>(&context, resource) }.boxed(),
    )
}

fn decide<T: Source>(context: &Context<'_>, resource: &str) -> Result<Output, GraphqlError> {
    let operation = context.operation;
    let engine = &operation.services.engine;
    let action = access::action(operation, &context.arguments)?;
    let name = engine.action_name(action);
    if engine.resource_of(action) != resource {
        return Err(GraphqlError::BadInput(format!(
            "`{name}` is not decided on rows of the type {resource}: ask a row of its own type, or \
             `viewer {{ can }}`"
        )));
    }
    let decisions = engine.decide(operation.context.actor(), &[action]);
    let refused = match decisions.get(action) {
        Decision::Allow(_) => None,
        Decision::Deny(refusal) => Some(reason(engine, refusal)),
        Decision::Row(rule) => {
            let parent = context.parent::<T>()?;
            let decided = parent.with_row(operation.tenant(), |row| rule.decide(row));
            decided.err().map(|refusal| reason(engine, &refusal))
        }
    };
    Ok(Output::object(Arc::new(Permission {
        action: name.to_owned(),
        refused,
    })))
}

/// What the rules say that refused, or those that would have permitted.
fn reason(engine: &Engine, refusal: &Refusal) -> String {
    let rules = if refusal.rules().is_empty() {
        refusal.missing()
    } else {
        refusal.rules()
    };
    let sentences = rules.iter().filter_map(|rule| engine.sentence(rule));
    sentences.collect::<Vec<_>>().join(" ")
}
