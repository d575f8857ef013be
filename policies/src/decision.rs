//! What was decided, and why.

use std::{fmt, sync::Arc};

use countersign_domain::id::TenantId;
use smol_str::SmolStr;

use crate::{
    action::ActionId,
    predicate::Predicate,
    row::{Attribute, Row},
};

/// The permits that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Their ids, sorted.
    pub rules: Vec<SmolStr>,
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

/// What is decided for one slice and one shape of principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiled {
    pub(crate) permits: Vec<Conditional>,
    pub(crate) forbids: Vec<Conditional>,
    /// The conditions of `permits` and of `forbids`, each once, whichever rules they are of: what is decided
    /// of a row depends on nothing else.
    pub(crate) conditions: [Box<[Predicate]>; 2],
    /// `permits` without `forbids`, in one condition.
    pub(crate) predicate: Predicate,
    /// All permits of the slice, met or not.
    pub(crate) missing: Vec<SmolStr>,
    /// Whether a condition is about whoever asks.
    pub(crate) speaks_of_self: bool,
}

/// A decision that depends on the row.
#[derive(Debug, Clone)]
pub struct RowRule {
    pub(crate) action: SmolStr,
    pub(crate) tenant: TenantId,
    pub(crate) compiled: Arc<Compiled>,
}

impl RowRule {
    /// Decides for a row in hand. What can not be evaluated refuses.
    pub fn decide(&self, row: &dyn Row) -> Result<(), Refusal> {
        let compiled = &self.compiled;
        // The compiled conditions take for granted that the row is of the actor's tenant.
        if row.attribute("tenant") != Attribute::Id(self.tenant.uuid()) {
            let fence = vec![SmolStr::new_static(crate::engine::FENCE)];
            return Err(Refusal::new(&self.action, fence, Vec::new()));
        }
        let met = |rule: &&Conditional, unknown| rule.condition.evaluate(row).unwrap_or(unknown);
        let forbids = compiled.forbids.iter().filter(|rule| met(rule, true));
        let forbids: Vec<SmolStr> = forbids.map(|rule| rule.rule.clone()).collect();
        if !forbids.is_empty() {
            return Err(Refusal::new(&self.action, forbids, Vec::new()));
        }
        if compiled.permits.iter().any(|rule| met(&rule, false)) {
            return Ok(());
        }
        Err(Refusal::new(
            &self.action,
            Vec::new(),
            compiled.missing.clone(),
        ))
    }

    /// Whether both are of the same conditions, so that a row that one admits the other admits too. Kinds of
    /// data have rules of their own, of which most ask the same of a row.
    pub fn has_conditions_of(&self, other: &Self) -> bool {
        let is_same = || {
            Arc::ptr_eq(&self.compiled, &other.compiled)
                || self.compiled.conditions == other.compiled.conditions
        };
        self.tenant == other.tenant && is_same()
    }

    /// The condition that a row must meet, given that it is of the actor's tenant.
    pub fn predicate(&self) -> &Predicate {
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
