//! What sign-in leaves in the audit log.
//!
//! A session is good in every tenant of its person, so its opening and its end are rows of each of
//! them; what is no tenant's is a row of the operator's own. Rows are durable before the session
//! changes: what fails in between is recorded and did not happen, never the other way round.

use countersign_domain::{
    audit::{Facts, Outcome},
    id::{SessionId, TenantId, UserId},
};
use countersign_policies::Resolved;
use futures::future::try_join_all;

use super::{EndedBy, Entry, Session};
use crate::{
    audit::{Attribution, EventDraft, Unlinked},
    context::RequestFacts,
    error::StoreError,
};

/// What permits these: the provider's word, and no policy.
const PERMISSION: &str = "sign-in";

pub(super) fn opened(session: SessionId, mfa: bool) -> EventDraft {
    draft("session.opened", session, Facts::new().flag("mfa", mfa))
}

pub(super) fn tenant_chosen(session: SessionId) -> EventDraft {
    draft("session.tenant_chosen", session, Facts::new())
}

pub(super) fn ended(session: SessionId, by: EndedBy) -> EventDraft {
    draft("session.ended", session, Facts::new().word("by", by.name()))
}

fn draft(action: &'static str, session: SessionId, facts: Facts) -> EventDraft {
    EventDraft {
        action,
        permission: Resolved::beside_policies(PERMISSION),
        outcome: Outcome::Done,
        targets: vec![session.into()],
        payload: facts.into(),
    }
}

impl Entry {
    /// Records what a person did in each of their tenants.
    pub(super) async fn record(
        &self,
        session: &Session,
        user: UserId,
        draft: EventDraft,
        facts: &RequestFacts,
    ) -> Result<(), StoreError> {
        let rows = session
            .rows(
                "SELECT tenant_id FROM countersign.memberships WHERE user_id = $1",
                [user.uuid().into()],
            )
            .await?;
        let mut tenants = rows
            .iter()
            .map(|row| Ok(TenantId::new(row.try_get("", "tenant_id")?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if tenants.is_empty() {
            tenants.push(TenantId::OPERATOR);
        }
        let rows = tenants
            .into_iter()
            .map(|tenant| self.record_in(tenant, user, draft.clone(), facts));
        try_join_all(rows).await.map(drop)
    }

    /// Records what a person did in one tenant.
    pub(super) async fn record_in(
        &self,
        tenant: TenantId,
        user: UserId,
        draft: EventDraft,
        facts: &RequestFacts,
    ) -> Result<(), StoreError> {
        let by = Attribution::human(user);
        let row = Unlinked::new(tenant, self.0.ids.uuid(), by, facts, draft);
        self.0.recorder.record(row).await
    }
}
