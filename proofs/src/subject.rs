//! Policies that something is claimed of.

use std::collections::HashSet;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, RequestEnv, Schema};
use countersign_policies::Engine;

use crate::ProofError;

/// Beside the forbids, where these must hold whatever is permitted.
pub(crate) const EVERYTHING: &str = "permit-everything";

/// Policies that something is claimed of.
#[derive(Debug, Clone)]
pub struct Subject {
    pub(crate) schema: Schema,
    pub(crate) policies: Vec<Policy>,
    pub(crate) environments: Vec<RequestEnv>,
}

impl Subject {
    /// The policies that an engine decides by.
    pub fn of(engine: &Engine) -> Self {
        Self::new(engine.schema().clone(), engine.policies().cloned())
    }

    /// Any policies, each under an id of its own.
    pub fn new(schema: Schema, policies: impl IntoIterator<Item = Policy>) -> Self {
        let mut policies: Vec<Policy> = policies.into_iter().collect();
        policies.sort_by_key(|policy| policy.id().to_string());
        let environments = schema.request_envs().collect();
        Self {
            schema,
            policies,
            environments,
        }
    }

    /// The same, for those kinds of request alone that a policy can apply to.
    #[must_use]
    pub fn about(mut self, policy: &Policy) -> Self {
        let concerned = environments(policy, &self.schema);
        self.environments
            .retain(|environment| concerned.contains(&name(environment)));
        self
    }

    /// All of them.
    pub(crate) fn whole(&self) -> Result<PolicySet, ProofError> {
        set(self.policies.iter().cloned())
    }

    /// The forbids, beside a permit for everything.
    pub(crate) fn ceilings(&self) -> Result<PolicySet, ProofError> {
        let forbids = self.policies.iter();
        let forbids = forbids.filter(|policy| policy.effect() == Effect::Forbid);
        set(forbids.cloned().chain([everything()?]))
    }
}

pub(crate) fn set(policies: impl IntoIterator<Item = Policy>) -> Result<PolicySet, ProofError> {
    PolicySet::from_policies(policies).map_err(|error| ProofError::Unreadable(error.to_string()))
}

pub(crate) fn everything() -> Result<Policy, ProofError> {
    let text = "permit (principal, action, resource);";
    Policy::parse(Some(PolicyId::new(EVERYTHING)), text)
        .map_err(|error| ProofError::Unreadable(error.to_string()))
}

pub(crate) fn name(environment: &RequestEnv) -> String {
    let (principal, action) = (environment.principal(), environment.action());
    format!("{} {}", principal.basename(), action.id().unescaped())
}

pub(crate) fn environments(policy: &Policy, schema: &Schema) -> HashSet<String> {
    policy
        .get_valid_request_envs(schema)
        .map(|environment| name(&environment))
        .collect()
}
