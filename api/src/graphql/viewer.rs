//! `Viewer`: who is asking, and what the policies say of them.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputValue, TypeRef};
use countersign_domain::{id::TenantId, principal::Principal};
use countersign_entities::Member;
use countersign_policies::{Decision, Row};
use futures::FutureExt;

use super::{
    access,
    connection::without_row,
    field::{Context, ObjectBuilder, Resolved, Source},
    kind::Kind,
    scalars::enum_value,
    schema::Parts,
    value::{Leaf, Output},
};

/// Who is asking.
#[derive(Debug)]
struct Viewer {
    principal: Principal,
}

/// What the policies say of an action, before any row.
#[derive(Debug)]
struct Verdict {
    action: String,
    outcome: &'static str,
    rules: Option<Vec<String>>,
}

without_row!(Viewer, Verdict);

#[expect(
    clippy::too_many_lines,
    reason = "a table of fields, one after the other"
)]
pub(super) fn register(parts: &mut Parts<'_>) {
    parts.enumeration(
        Enum::new("PrincipalKind")
            .description("Who asks.")
            .item("HUMAN")
            .item("MACHINE"),
    );
    parts.enumeration(
        Enum::new("Verdict")
            .description("What the policies say, before any row.")
            .item("ALLOW")
            .item("DENY")
            .item("DEPENDS_ON_ROW"),
    );
    let viewer = ObjectBuilder::<Viewer>::new(parts.engine, "Viewer", "Who is asking.")
        .of(Kind::Structure)
        .value(
            "kind",
            TypeRef::named_nn("PrincipalKind"),
            "Human or machine.",
            |viewer| {
                Some(enum_value(match viewer.principal {
                    Principal::Human(_) => "HUMAN",
                    Principal::Machine(_) => "MACHINE",
                }))
            },
        )
        .of(Kind::Structure)
        .related::<Member>(
            "member",
            "Member",
            "The member, if a human asks.",
            |viewer| match &viewer.principal {
                Principal::Human(human) => Some(human.user.uuid()),
                Principal::Machine(_) => None,
            },
        )
        .of(Kind::Structure)
        .value(
            "scopes",
            TypeRef::named_nn_list(TypeRef::STRING),
            "The scopes, if a machine asks.",
            |viewer| match &viewer.principal {
                Principal::Human(_) => None,
                Principal::Machine(machine) => {
                    Some(machine.scopes.iter().map(|scope| scope.name()).collect())
                }
            },
        )
        .of(Kind::Structure)
        .resolve(
            "can",
            TypeRef::named_nn("Decision"),
            "What the policies say of an action such as `Mutation.removeMember`, without doing it \
             and without a row in hand.",
            vec![InputValue::new(
                "action",
                TypeRef::named_nn(TypeRef::STRING),
            )],
            can,
        )
        .of(Kind::Explanation)
        .resolve(
            "access",
            TypeRef::named_nn_list("ActionAccess"),
            "What whoever asks may do: every action but the frame of answers.",
            [],
            |context| async move { access::of_viewer(context.operation) }.boxed(),
        );
    parts.object(viewer);
    let decision =
        ObjectBuilder::<Verdict>::new(parts.engine, "Decision", "What the policies say.")
            .of(Kind::Structure)
            .value(
                "action",
                TypeRef::named_nn(TypeRef::STRING),
                "The action.",
                |v| Some(Leaf::from(v.action.as_str())),
            )
            .of(Kind::Structure)
            .value(
                "verdict",
                TypeRef::named_nn("Verdict"),
                "The verdict.",
                |v| Some(enum_value(v.outcome)),
            )
            .of(Kind::Structure)
            .value(
                "rules",
                TypeRef::named_nn_list(TypeRef::STRING),
                "The rules that decided, or those that would have permitted; null to those who \
                 may not know.",
                |v| {
                    let rules = v.rules.as_ref()?;
                    Some(rules.iter().map(String::as_str).collect())
                },
            );
    parts.object(decision);
    parts.query(|query| {
        query.of(Kind::Structure).resolve(
            "viewer",
            TypeRef::named("Viewer"),
            "Who is asking.",
            [],
            |context| {
                async move {
                    let principal = context.operation.context.actor().principal.clone();
                    Ok(Output::object(Arc::new(Viewer { principal })))
                }
                .boxed()
            },
        )
    });
}

fn can(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let engine = &operation.services.engine;
        let action = access::action(operation, &context.arguments)?;
        let decisions = engine.decide(operation.context.actor(), &[action]);
        let (outcome, rules) = verdict(decisions.get(action));
        let rules = operation.reveal_rules.then_some(rules);
        Ok(Output::object(Arc::new(Verdict {
            action: engine.action_name(action).to_owned(),
            outcome,
            rules,
        })))
    }
    .boxed()
}

/// A decision in the words of GraphQL, with the rules that made it.
pub(super) fn verdict(decision: &Decision) -> (&'static str, Vec<String>) {
    let (outcome, rules) = match decision {
        Decision::Allow(basis) => ("ALLOW", basis.rules.to_vec()),
        Decision::Deny(refusal) if refusal.rules().is_empty() => {
            ("DENY", refusal.missing().to_vec())
        }
        Decision::Deny(refusal) => ("DENY", refusal.rules().to_vec()),
        Decision::Row(rule) => ("DEPENDS_ON_ROW", rule.rules()),
    };
    let rules = rules.into_iter().map(|rule| rule.to_string());
    (outcome, rules.collect())
}
