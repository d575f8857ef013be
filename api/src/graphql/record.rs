//! The audit rows of an operation. Law 4: no audit, no answer.

use std::collections::BTreeSet;

use countersign_domain::audit::Outcome;
use countersign_entities::{EventDraft, StoreError};
use countersign_policies::{Decision, Refusal};
use serde_json::json;

use super::{
    document::Document,
    operation::Operation,
    plan::{Measure, Plan, root_type},
};
use crate::{app::event_of, code::Code};

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
        action: "books.read".to_owned(),
        permission: permissions(operation, plan),
        outcome: if refused {
            Outcome::Refused
        } else {
            Outcome::Done
        },
        targets: measure.named.values().take(TARGETS_MAX).cloned().collect(),
        payload: json!({
            "document": hex::encode(document.sha256),
            "fields": plan.roots.iter().map(|root| root.name.as_str()).collect::<Vec<_>>(),
            "hidden": hidden,
        }),
    };
    operation
        .services
        .database
        .record(&operation.context, draft)
        .await
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
            action: event_of(field).unwrap_or("mutation.refused").to_owned(),
            permission: format!("{action} refused by {}", refusal.rule()),
            outcome: Outcome::Refused,
            targets: Vec::new(),
            payload: json!({ "reason": "policy" }),
        };
        operation
            .services
            .database
            .record(&operation.context, draft)
            .await?;
    }
    Ok(())
}

/// Records a request that was refused whole for what it is.
pub(super) async fn refused_request(
    operation: &Operation,
    permission: &str,
    code: Code,
) -> Result<(), StoreError> {
    let draft = EventDraft {
        action: "request.refused".to_owned(),
        permission: permission.to_owned(),
        outcome: Outcome::Refused,
        targets: Vec::new(),
        payload: json!({ "reason": code.name() }),
    };
    let database = &operation.services.database;
    database.record(&operation.context, draft).await
}

/// Records that somebody asked what a request would do.
pub(super) async fn dry_run(operation: &Operation, document: &Document) -> Result<(), StoreError> {
    let draft = EventDraft {
        action: "request.measured".to_owned(),
        permission: "dry run".to_owned(),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: json!({ "document": hex::encode(document.sha256) }),
    };
    let database = &operation.services.database;
    database.record(&operation.context, draft).await
}

/// A request that was refused whole because it names what is not here. The row does not tell
/// whether it exists elsewhere, because the tenant reads it.
pub(super) fn unknown_ids(measure: &Measure) -> EventDraft {
    EventDraft {
        action: "request.refused".to_owned(),
        permission: "named ids that are not here".to_owned(),
        outcome: Outcome::Refused,
        targets: measure.named.values().take(TARGETS_MAX).cloned().collect(),
        payload: json!({ "reason": "ids" }),
    }
}

/// Records that somebody listens from now on. What they are told of is in the log or the books.
pub(super) async fn stream_opened(
    operation: &Operation,
    plan: &Plan,
    document: &Document,
) -> Result<(), StoreError> {
    let draft = EventDraft {
        action: "stream.opened".to_owned(),
        permission: permissions(operation, plan),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: json!({
            "document": hex::encode(document.sha256),
            "fields": plan.roots.iter().map(|root| root.name.as_str()).collect::<Vec<_>>(),
        }),
    };
    let database = &operation.services.database;
    database.record(&operation.context, draft).await
}

/// Somebody wanted to listen, or to go on, who may not.
pub(super) async fn stream_refused(operation: &Operation, plan: &Plan) -> Result<(), StoreError> {
    let draft = EventDraft {
        action: "stream.opened".to_owned(),
        permission: permissions(operation, plan),
        outcome: Outcome::Refused,
        targets: Vec::new(),
        payload: json!({ "reason": "policy" }),
    };
    let database = &operation.services.database;
    database.record(&operation.context, draft).await
}

/// Nobody listens any more.
pub(super) fn stream_closed(field: &str, events: u64, why: &str) -> EventDraft {
    EventDraft {
        action: "stream.closed".to_owned(),
        permission: format!("Subscription.{field}"),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: json!({ "events": events, "why": why }),
    }
}

/// The decision of every root field.
fn permissions(operation: &Operation, plan: &Plan) -> String {
    let root = root_type(plan.kind);
    let each = plan.roots.iter().map(|field| {
        let name = &field.name;
        match operation.decisions.get(field.action) {
            Decision::Allow(basis) => format!("{root}.{name} by {}", basis.rules.join(", ")),
            Decision::Deny(refusal) => format!("{root}.{name} refused by {}", refusal.rule()),
            Decision::Row(rule) => format!("{root}.{name} by row of {}", rule.rules().join(", ")),
        }
    });
    each.collect::<Vec<_>>().join("; ")
}
