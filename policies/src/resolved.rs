//! The permission that was resolved, as the audit log keeps it (AUD-1).

use crate::{
    action::ActionId,
    decision::{Decision, Decisions, Refusal},
};

/// Which action was decided, by which rules, of which set of policies. Only what decides makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    text: String,
    policies: Option<[u8; 32]>,
}

impl Resolved {
    pub(crate) const fn new(text: String, policies: [u8; 32]) -> Self {
        Self {
            text,
            policies: Some(policies),
        }
    }

    /// What no policy decides about: sign-in, the entrance, a limit, the operator's command.
    pub fn beside_policies(what: &'static str) -> Self {
        Self {
            text: what.to_owned(),
            policies: None,
        }
    }

    /// The action and the rules that decided.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the policies that decided.
    pub const fn policies(&self) -> Option<[u8; 32]> {
        self.policies
    }

    /// Both.
    pub fn into_parts(self) -> (String, Option<[u8; 32]>) {
        (self.text, self.policies)
    }
}

impl Decisions {
    /// What was decided about actions, each under the name that it is asked for by.
    pub fn resolved<'a>(&self, actions: impl IntoIterator<Item = (&'a str, ActionId)>) -> Resolved {
        let each = actions
            .into_iter()
            .map(|(name, action)| match self.get(action) {
                Decision::Allow(basis) => format!("{name} by {}", basis.rules.join(", ")),
                Decision::Deny(refusal) => format!("{name} refused by {}", refusal.rule()),
                Decision::Row(rule) => format!("{name} by row of {}", rule.rules().join(", ")),
            });
        let text = each.collect::<Vec<_>>().join("; ");
        Resolved::new(text, self.policies)
    }

    /// That one of them was refused.
    pub fn refused(&self, refusal: &Refusal) -> Resolved {
        Resolved::new(refused(refusal), self.policies)
    }
}

pub(crate) fn refused(refusal: &Refusal) -> String {
    format!("{} refused by {}", refusal.action(), refusal.rule())
}
