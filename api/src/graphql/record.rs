//! The audit rows of an operation. Law 4: no audit, no answer.

use std::collections::BTreeSet;

use countersign_domain::{
    audit::{Facts, Outcome},
    id::AnyId,
};
use countersign_entities::{EventDraft, StoreError};
use countersign_policies::{Decision, Refusal, Resolved};

use super::{
    document::Document,
    operation::Operation,
    plan::{Measure, Plan, RootField, root_type},
};
use crate::{
    app::{event_of, refusals},
    code::Code,
};

/// Ids that an audit row names at the most.
const TARGETS_MAX: usize = 20;

/// Records a query that ran: one row, with the decision of every root field.
pub(super) async fn query(
    operation: &Operation,
    plan: &Plan,
    measure: &Measure,
    document: &Document,
    hidden: u64,
) -> Result<(), StoreError> {
    let refused = !operation.refusals().is_empty();
    let draft = EventDraft {
        action: "books.read",
        permission: permissions(operation, plan),
        outcome: if refused {
            Outcome::Refused
        } else {
            Outcome::Done
        },
        targets: targets(measure),
        payload: asked(plan, document).count("hidden", hidden).into(),
    };
    record(operation, draft).await
}

/// Records the mutations that were refused before their use case ran. One that ran has its row in
/// its own transaction.
pub(super) async fn refused_mutations(operation: &Operation) -> Result<(), StoreError> {
    let refusals = operation.refusals();
    let distinct: BTreeSet<_> = refusals.iter().map(Refusal::action).collect();
    for action in distinct {
        let Some(refusal) = refusals.iter().find(|refusal| refusal.action() == action) else {
            continue;
        };
        let field = action.strip_prefix("Mutation.").unwrap_or(action);
        let draft = EventDraft {
            action: event_of(field).unwrap_or("mutation.refused"),
            permission: operation.decisions.refused(refusal),
            outcome: Outcome::Refused,
            targets: Vec::new(),
            payload: Facts::new().word("reason", "policy").into(),
        };
        record(operation, draft).await?;
    }
    Ok(())
}

/// Records that a mutation's answer was given again, under its `Idempotency-Key`, and nothing was done. What
/// policies refuse of it was refused then as well.
pub(super) async fn repeated(
    operation: &Operation,
    plan: &Plan,
    document: &Document,
) -> Result<(), StoreError> {
    let mut draft = let_run(operation, plan, document, "mutation.repeated");
    let denied = |root: &RootField| {
        let decision = operation.decisions.get(root.action);
        matches!(decision, Decision::Deny(_))
    };
    if plan.roots.iter().any(denied) {
        draft.outcome = Outcome::Refused;
    }
    record(operation, draft).await
}

/// Records a request that was refused whole for what it is.
pub(super) async fn refused_request(
    operation: &Operation,
    permission: &'static str,
    code: Code,
) -> Result<(), StoreError> {
    record(operation, refusals::of_request(permission, code)).await
}

/// Records that somebody asked what a request would do.
pub(super) async fn dry_run(operation: &Operation, document: &Document) -> Result<(), StoreError> {
    let draft = EventDraft {
        action: "request.measured",
        permission: Resolved::beside_policies("dry run"),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: Facts::new().sha256("document", &document.sha256).into(),
    };
    record(operation, draft).await
}

/// A request that was refused whole because it names what is not here. The row does not tell
/// whether it exists elsewhere, because the tenant reads it.
pub(super) fn unknown_ids(measure: &Measure) -> EventDraft {
    EventDraft {
        action: "request.refused",
        permission: Resolved::beside_policies("named ids that are not here"),
        outcome: Outcome::Refused,
        targets: targets(measure),
        payload: Facts::new().word("reason", "ids").into(),
    }
}

/// Records that somebody listens from now on. What they are told of is in the log or the books.
pub(super) async fn stream_opened(
    operation: &Operation,
    plan: &Plan,
    document: &Document,
) -> Result<(), StoreError> {
    record(
        operation,
        let_run(operation, plan, document, "stream.opened"),
    )
    .await
}

/// Somebody wanted to listen, or to go on, who may not.
pub(super) async fn stream_refused(operation: &Operation, plan: &Plan) -> Result<(), StoreError> {
    let draft = EventDraft {
        action: "stream.opened",
        permission: permissions(operation, plan),
        outcome: Outcome::Refused,
        targets: Vec::new(),
        payload: Facts::new().word("reason", "policy").into(),
    };
    record(operation, draft).await
}

/// Nobody listens any more.
pub(super) fn stream_closed(permission: Resolved, events: u64, why: &'static str) -> EventDraft {
    EventDraft {
        action: "stream.closed",
        permission,
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: Facts::new().count("events", events).word("why", why).into(),
    }
}

async fn record(operation: &Operation, draft: EventDraft) -> Result<(), StoreError> {
    let database = &operation.services.database;
    database.record(&operation.context, draft).await
}

/// What an operation that was let run is recorded as, where its row names no ids.
fn let_run(
    operation: &Operation,
    plan: &Plan,
    document: &Document,
    action: &'static str,
) -> EventDraft {
    EventDraft {
        action,
        permission: permissions(operation, plan),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: asked(plan, document).into(),
    }
}

/// What was asked for: the document by its hash, its root fields.
fn asked(plan: &Plan, document: &Document) -> Facts {
    Facts::new()
        .sha256("document", &document.sha256)
        .fields("fields", plan.roots.iter().map(|root| root.name.as_str()))
}

/// The first of the ids that were named.
fn targets(measure: &Measure) -> Vec<AnyId> {
    measure.named.keys().take(TARGETS_MAX).copied().collect()
}

/// The decision of every root field.
pub(super) fn permissions(operation: &Operation, plan: &Plan) -> Resolved {
    let root = root_type(plan.kind);
    let roots = plan.roots.iter();
    let named: Vec<_> = roots
        .map(|field| (format!("{root}.{}", field.name), field.action))
        .collect();
    let named = named.iter().map(|(name, action)| (name.as_str(), *action));
    operation.decisions.resolved(named)
}
