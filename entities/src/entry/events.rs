//! What sign-in leaves in the audit log.
//!
//! A session is good in every tenant of its person, so its opening and its end are rows of each of
//! them; what is no tenant's is a row of the operator's own. Rows are durable before the session
//! changes: what fails in between is recorded and did not happen, never the other way round.
//!
//! One tenant's log that takes no row keeps nobody's session alive in all others: of an end that it does not have,
//! the operator's own log has the row, and whose it is missing in.

use std::time::Duration;

use countersign_domain::{
    audit::{Facts, Outcome},
    id::{SessionId, TenantId, UserId},
};
use countersign_policies::Resolved;
use futures::future::{join_all, try_join_all};

use super::{EndedBy, Entry, Session};
use crate::{
    audit::{Attribution, EventDraft, Unlinked},
    context::RequestFacts,
    error::{Cause, StoreError},
};

/// How long whoever ends a session waits for one tenant's log: much less than a transaction may idle.
const PATIENCE: Duration = Duration::from_secs(3);
/// What permits these: the provider's word, and no policy.
const PERMISSION: &str = "sign-in";

pub(super) fn opened(session: SessionId, mfa: bool) -> EventDraft {
    draft("session.opened", session, Facts::new().flag("mfa", mfa))
}

pub(super) fn tenant_chosen(session: SessionId) -> EventDraft {
    draft("session.tenant_chosen", session, Facts::new())
}

fn ended(session: SessionId, by: EndedBy) -> EventDraft {
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
        let tenants = tenants_of(session, user).await?;
        let rows = tenants
            .into_iter()
            .map(|tenant| self.record_in(tenant, user, draft.clone(), facts));
        try_join_all(rows).await.map(drop)
    }

    /// Records that a session of that person ends: in each of their tenants, or in the operator's own log as well
    /// where one of theirs does not take it.
    pub(super) async fn record_end(
        &self,
        session: &Session,
        user: UserId,
        (id, by): (SessionId, EndedBy),
        facts: &RequestFacts,
    ) -> Result<(), StoreError> {
        let tenants = tenants_of(session, user).await?;
        let mut rows = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            rows.push(self.missing(tenant, user, ended(id, by), facts));
        }
        let missing: Vec<_> = join_all(rows).await.into_iter().flatten().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut event = ended(id, by);
        for (tenant, error) in missing {
            tracing::error!(
                %tenant,
                error = &error as &dyn std::error::Error,
                "a tenant's log does not have the end of a session: the operator's own has it"
            );
            event.targets.push(tenant.into());
        }
        self.record_in(TenantId::OPERATOR, user, event, facts).await
    }

    /// Records it in one tenant; why it is not there, if it is not in time.
    async fn missing(
        &self,
        tenant: TenantId,
        user: UserId,
        draft: EventDraft,
        facts: &RequestFacts,
    ) -> Option<(TenantId, StoreError)> {
        let recorded = self.record_in(tenant, user, draft, facts);
        let recorded = tokio::time::timeout(PATIENCE, recorded).await;
        let held = |_| Err(StoreError::Unavailable(Cause::new("the log is held")));
        Some((tenant, recorded.unwrap_or_else(held).err()?))
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

async fn tenants_of(session: &Session, user: UserId) -> Result<Vec<TenantId>, StoreError> {
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
    Ok(tenants)
}
