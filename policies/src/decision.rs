//! What was decided, and why.

use std::{fmt, sync::Arc};

use countersign_domain::id::TenantId;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    action::ActionId,
    predicate::Predicate,
    row::{Attribute, Row},
};

/// The permits that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Their ids, sorted.
    pub rules: Arc<[SmolStr]>,
}

/// A refusal, with the rules that made it.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    action: SmolStr,
    rules: Vec<SmolStr>,
    missing: Vec<SmolStr>,
}

impl Refusal {
    pub(crate) fn new(action: &str, rules: Vec<SmolStr>, missing: Vec<SmolStr>) -> Self {
        Self {
            action: action.into(),
            rules,
            missing,
        }
    }

    /// The action that was refused: `Transaction.amount`.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The ceilings that refused; empty where no permit was met.
    pub fn rules(&self) -> &[SmolStr] {
        &self.rules
    }

    /// The permits that would have let it through, had one of them been met.
    pub fn missing(&self) -> &[SmolStr] {
        &self.missing
    }

    /// Whether nothing was decided: the policies could not be evaluated.
    pub(crate) fn is_alarm(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule == crate::engine::ERROR_RULE)
    }

    /// One text that names what refused: the ceilings, or the permits that were not met.
    pub fn rule(&self) -> String {
        if self.rules.is_empty() {
            format!("no-permit({})", self.missing.join(", "))
        } else {
            self.rules.join(", ")
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({} by {})", self.action, self.rule())
    }
}

/// One policy's condition on the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conditional {
    pub(crate) rule: SmolStr,
    pub(crate) condition: Predicate,
}

/// What rules ask of a row, whichever rules they are: whether it is admitted depends on nothing else.
/// Whoever asks stands in it as [`SELF`](crate::predicate::SELF).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Conditions {
    /// Of permits, each once.
    pub(crate) permits: Box<[Predicate]>,
    /// Of ceilings, each once.
    pub(crate) forbids: Box<[Predicate]>,
}

impl Conditions {
    /// What can not be evaluated does not permit, and forbids.
    fn admit(&self, row: &dyn Row, who: Uuid) -> bool {
        let met = |condition: &Predicate, unknown| condition.evaluate(row, who).unwrap_or(unknown);
        self.permits.iter().any(|condition| met(condition, false))
            && !self.forbids.iter().any(|condition| met(condition, true))
    }
}

/// What is decided for one slice and one shape of principal. Whoever asks stands in it as
/// [`SELF`](crate::predicate::SELF).
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) permits: Vec<Conditional>,
    pub(crate) forbids: Vec<Conditional>,
    /// The conditions of both. Those that are equal are the same one in what an engine keeps.
    pub(crate) conditions: Arc<Conditions>,
    /// The permits that hold on any row.
    pub(crate) basis: Basis,
    /// `permits` without `forbids`, in one condition.
    pub(crate) predicate: Predicate,
    /// All permits of the slice, met or not.
    pub(crate) missing: Vec<SmolStr>,
}

/// A decision that depends on the row.
#[derive(Debug, Clone)]
pub struct RowRule {
    pub(crate) action: SmolStr,
    pub(crate) tenant: TenantId,
    /// Whoever asks.
    pub(crate) who: Uuid,
    pub(crate) compiled: Arc<Compiled>,
}

impl RowRule {
    /// Whether the row in hand is admitted. What can not be evaluated refuses.
    pub fn admits(&self, row: &dyn Row) -> bool {
        self.is_of_tenant(row) && self.compiled.conditions.admit(row, self.who)
    }

    /// The same, and why not.
    pub fn decide(&self, row: &dyn Row) -> Result<(), Refusal> {
        if self.admits(row) {
            Ok(())
        } else {
            Err(self.refusal(row))
        }
    }

    /// Why a row in hand that is not admitted is not.
    pub fn refusal(&self, row: &dyn Row) -> Refusal {
        if !self.is_of_tenant(row) {
            let fence = vec![SmolStr::new_static(crate::engine::FENCE)];
            return Refusal::new(&self.action, fence, Vec::new());
        }
        let met = |rule: &&Conditional| rule.condition.evaluate(row, self.who).unwrap_or(true);
        let forbids = self.compiled.forbids.iter().filter(met);
        let forbids: Vec<SmolStr> = forbids.map(|rule| rule.rule.clone()).collect();
        let missing = if forbids.is_empty() {
            self.compiled.missing.clone()
        } else {
            Vec::new()
        };
        Refusal::new(&self.action, forbids, missing)
    }

    /// The compiled conditions take that for granted.
    fn is_of_tenant(&self, row: &dyn Row) -> bool {
        row.attribute("tenant") == Attribute::Id(self.tenant.uuid())
    }

    pub(crate) fn conditions(&self) -> &Conditions {
        &self.compiled.conditions
    }

    /// Whether both decide for the same one, in the same tenant: with the same conditions, a row is
    /// admitted by both or by neither.
    pub(crate) fn is_of_the_same_actor(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.who == other.who
    }

    /// The condition that a row must meet, given that it is of the actor's tenant.
    pub fn predicate(&self) -> Predicate {
        self.compiled.predicate.bind(self.who)
    }

    /// The same, in which whoever asks stands as [`SELF`](crate::predicate::SELF).
    pub(crate) fn predicate_of_anybody(&self) -> &Predicate {
        &self.compiled.predicate
    }

    /// The policies that look at the row, sorted.
    pub fn rules(&self) -> Vec<SmolStr> {
        let all = self.compiled.permits.iter().chain(&self.compiled.forbids);
        let mut rules: Vec<SmolStr> = all.map(|rule| rule.rule.clone()).collect();
        rules.sort();
        rules.dedup();
        rules
    }
}

/// A decision about one action.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Permitted, on every row of the tenant.
    Allow(Basis),
    /// Refused, on every row.
    Deny(Refusal),
    /// Decided row by row.
    Row(RowRule),
}

/// The decisions of one operation. What was not decided is refused.
#[derive(Debug, Clone)]
pub struct Decisions {
    /// Sorted by action: a few dozen, looked up for every field of every row.
    by_action: Arc<[(ActionId, Decision)]>,
    pub(crate) undecided: Arc<Decision>,
    /// SHA-256 of the policies that decided.
    pub(crate) policies: [u8; 32],
}

impl Decisions {
    pub(crate) fn new(mut by_action: Vec<(ActionId, Decision)>, policies: [u8; 32]) -> Self {
        by_action.sort_unstable_by_key(|(action, _)| *action);
        let undecided = Refusal::new("undecided", vec![SmolStr::new_static("undecided")], vec![]);
        Self {
            by_action: by_action.into(),
            undecided: Arc::new(Decision::Deny(undecided)),
            policies,
        }
    }

    /// The decision about an action.
    pub fn get(&self, action: ActionId) -> &Decision {
        self.find(action).unwrap_or(&self.undecided)
    }

    /// The same, where it was decided.
    pub(crate) fn find(&self, action: ActionId) -> Option<&Decision> {
        let found = self.by_action.binary_search_by_key(&action, |(id, _)| *id);
        let (_, decision) = self.by_action.get(found.ok()?)?;
        Some(decision)
    }

    /// Every decision that was made.
    pub fn iter(&self) -> impl Iterator<Item = (ActionId, &Decision)> {
        self.by_action
            .iter()
            .map(|(action, decision)| (*action, decision))
    }
}
