//! What the operator's own log has of the policies that serve.

use countersign_domain::{
    audit::{Facts, Outcome},
    id::TenantId,
};
use countersign_policies::Resolved;

use super::Operator;
use crate::{
    audit::{Attribution, EventDraft},
    error::StoreError,
};

/// By whose word policies change.
#[derive(Debug, Clone, Copy)]
pub enum ToldBy<'a> {
    /// The signal SIGHUP, which has no name.
    Signal,
    /// `countersign policy reload`, by the name of whoever ran it.
    Command(&'a str),
}

impl ToldBy<'_> {
    fn attribution(self) -> Attribution {
        match self {
            Self::Signal => Attribution::operator("SIGHUP"),
            Self::Command(name) => Attribution::operator_named("policy reload", name),
        }
    }
}

impl Operator {
    /// Records that other policies are about to serve, by whose word; each is named by its SHA-256. Returns
    /// when the row is durable.
    pub async fn record_new_policies(
        &self,
        by: ToldBy<'_>,
        from: &[u8; 32],
        to: &[u8; 32],
        certified: bool,
    ) -> Result<(), StoreError> {
        let changed = Facts::new().sha256("from", from).sha256("to", to);
        let changed = changed.flag("certified", certified);
        self.record_policies(by, Outcome::Done, changed).await
    }

    /// Records that others were to serve, and do not.
    pub async fn record_refused_policies(
        &self,
        by: ToldBy<'_>,
        from: &[u8; 32],
        why: &'static str,
    ) -> Result<(), StoreError> {
        let refused = Facts::new().sha256("from", from).word("reason", why);
        self.record_policies(by, Outcome::Refused, refused).await
    }

    async fn record_policies(
        &self,
        by: ToldBy<'_>,
        outcome: Outcome,
        told: Facts,
    ) -> Result<(), StoreError> {
        let draft = EventDraft {
            action: "policies.changed",
            permission: Resolved::beside_policies("operator"),
            outcome,
            targets: Vec::new(),
            payload: told.into(),
        };
        let row = self.row(TenantId::OPERATOR, by.attribution(), draft);
        self.0.recorder.record(row).await
    }
}
