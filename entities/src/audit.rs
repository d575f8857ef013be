//! The audit writer: links events to their tenant's chain (AUD-1, AUD-3).
//!
//! A mutation's event is linked in the mutation's own transaction. Reads and refusals go by group
//! commit (`recorder`). Both append by the same function of the database (`chain`).

mod chain;
mod recorder;
mod signer;
pub(crate) mod tree;
mod turns;
mod watch;

use countersign_domain::{
    audit::{self, DecidedFor, Event, Facts, Outcome, Payload},
    id::{AnyId, AuditEntryId, TenantId, UserId},
    principal::{Actor, MachineCredential},
};
use countersign_policies::Resolved;
use uuid::Uuid;

pub(crate) use self::{
    chain::{append, append_held, fixed},
    recorder::Recorder,
    signer::{found as found_signer, signer, verifier},
};
pub use self::{
    signer::{NoteSigner, verified_note},
    watch::AuditWatch,
};
use crate::context::{RequestContext, RequestFacts};

/// What a use case says of itself; the rest of the row comes from the request's context. None of its
/// parts can hold a text that somebody wrote, an amount or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// What was done, noun and past verb: `statement.imported`, `books.read`.
    pub action: &'static str,
    /// The permission that was resolved, with the rules that decided.
    pub permission: Resolved,
    /// How it ended.
    pub outcome: Outcome,
    /// The ids that it was done to.
    pub targets: Vec<AnyId>,
    /// What else is told, and of a change, what was before and what is after.
    pub payload: Payload,
}

/// A row without its place in its tenant's chain.
#[derive(Debug, Clone)]
pub(crate) struct Unlinked {
    pub(crate) tenant: TenantId,
    pub(crate) event: Event,
}

/// Whom a row is attributed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribution {
    kind: &'static str,
    id: String,
}

impl Attribution {
    pub(crate) fn actor(actor: &Actor) -> Self {
        Self {
            kind: actor.kind(),
            id: actor.id(),
        }
    }

    pub(crate) fn human(user: UserId) -> Self {
        Self {
            kind: "human",
            id: user.to_string(),
        }
    }

    pub(crate) fn machine(credential: MachineCredential) -> Self {
        Self {
            kind: "machine",
            id: credential.id(),
        }
    }

    /// The operator's command line, by the name of the command.
    pub(crate) fn operator(command: &'static str) -> Self {
        Self {
            kind: "operator",
            id: command.to_owned(),
        }
    }

    /// The same, with the name of whoever ran it.
    pub(crate) fn operator_named(command: &str, name: &str) -> Self {
        Self {
            kind: "operator",
            id: format!("{command}: {name}"),
        }
    }

    /// Somebody whom nobody knows.
    pub(crate) fn stranger() -> Self {
        Self {
            kind: "stranger",
            id: "unknown".to_owned(),
        }
    }
}

impl Unlinked {
    pub(crate) fn new(
        tenant: TenantId,
        id: Uuid,
        by: Attribution,
        facts: &RequestFacts,
        draft: EventDraft,
    ) -> Self {
        let (permission, policies) = draft.permission.into_parts();
        Self {
            tenant,
            event: Event {
                id: AuditEntryId::new(id),
                actor_kind: by.kind.to_owned(),
                actor_id: by.id,
                action: draft.action.to_owned(),
                permission,
                policies,
                outcome: draft.outcome,
                targets: draft.targets.iter().map(ToString::to_string).collect(),
                request: facts.request,
                source: facts.source.map(audit::network),
                payload: draft.payload.into_text(),
                occurred_at: facts.at,
            },
        }
    }

    /// A row of a request: where policies decided, it tells for whom and about what, so that it can be
    /// decided again.
    pub(crate) fn of_request(context: &RequestContext, mut draft: EventDraft, id: Uuid) -> Self {
        if let Some(asked) = context.asked()
            && draft.permission.policies().is_some()
        {
            let decided_for = DecidedFor::of(context.actor());
            let decided = Facts::new().decided(&decided_for, asked);
            draft.payload = draft.payload.with(decided);
        }
        Self::new(
            context.tenant(),
            id,
            Attribution::actor(context.actor()),
            context.facts(),
            draft,
        )
    }
}
