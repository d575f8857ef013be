//! The gate of a field: nothing is read through it that was not decided.

use std::borrow::Cow;

use countersign_domain::id::TenantId;
use countersign_policies::{Decision, Judged, Refusal, Row, RowRule, row::TenantOnly};
use uuid::Uuid;

use super::{
    super::{operation::Operation, value::AnyValue},
    Field, Source,
};

/// Shows a value as the row that policies see.
pub(super) type Shows = fn(&AnyValue, TenantId, &mut dyn FnMut(&dyn Row));

/// Why a field is closed.
#[derive(Clone, Copy)]
pub(in crate::graphql) enum Closed<'a> {
    /// On every row.
    Always(&'a Refusal),
    /// On the row in hand.
    Here(&'a RowRule),
}

impl Field {
    /// Why the field is closed, where it is: by what was decided before the operation ran, and by the row
    /// where it depends on that. `judged` is what was found of this very row.
    pub(in crate::graphql) fn gate<'a>(
        &self,
        operation: &'a Operation,
        parent: &AnyValue,
        judged: &mut Judged<'a>,
    ) -> Result<(), Closed<'a>> {
        self.gate_by(self.decision(operation), operation, parent, judged)
    }

    /// What was decided of it.
    pub(in crate::graphql) fn decision<'a>(&self, operation: &'a Operation) -> &'a Decision {
        operation.decisions.get(self.action)
    }

    /// The same as [`Self::gate`], for whoever has looked up the decision.
    pub(in crate::graphql) fn gate_by<'a>(
        &self,
        decision: &'a Decision,
        operation: &Operation,
        parent: &AnyValue,
        judged: &mut Judged<'a>,
    ) -> Result<(), Closed<'a>> {
        match decision {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(refusal) => Err(Closed::Always(refusal)),
            // A mutation has no row yet: its use case loads it and asks for the permit, without
            // which it can not write.
            Decision::Row(_) if self.is_root => Ok(()),
            Decision::Row(rule) => {
                let admits = || self.asked(parent, operation, |row| rule.admits(row)) == Some(true);
                if judged.admits(rule, admits) {
                    Ok(())
                } else {
                    Err(Closed::Here(rule))
                }
            }
        }
    }

    /// The refusal that closed it.
    pub(in crate::graphql) fn refusal<'a>(
        &self,
        closed: Closed<'a>,
        operation: &Operation,
        parent: &AnyValue,
    ) -> Cow<'a, Refusal> {
        match closed {
            Closed::Always(refusal) => Cow::Borrowed(refusal),
            Closed::Here(rule) => {
                let refusal = self.asked(parent, operation, |row| rule.refusal(row));
                Cow::Owned(refusal.unwrap_or_else(|| rule.refusal(&NO_ROW)))
            }
        }
    }

    /// What is said of the row.
    fn asked<T>(
        &self,
        parent: &AnyValue,
        operation: &Operation,
        ask: impl Fn(&dyn Row) -> T,
    ) -> Option<T> {
        let mut said = None;
        (self.shows)(parent, operation.tenant(), &mut |row| said = Some(ask(row)));
        said
    }
}

pub(super) fn shows<T: Source>(value: &AnyValue, tenant: TenantId, look: &mut dyn FnMut(&dyn Row)) {
    match value.downcast_ref::<T>() {
        Some(source) => source.with_row(tenant, look),
        None => look(&NO_ROW),
    }
}

/// A value of another type is a row of no tenant, which the fence refuses.
const NO_ROW: TenantOnly = TenantOnly::books(TenantId::new(Uuid::nil()));
