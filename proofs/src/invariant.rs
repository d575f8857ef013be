//! What is claimed, as `policies/invariants/` has it.

use cedar_policy::{Policy, PolicyId, PolicySet};
use countersign_policies::INVARIANTS;

use crate::ProofError;

/// How an invariant is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Must hold of the forbids alone.
    Ceiling,
    /// Must hold of the whole set.
    Bound,
    /// Must be allowed by the whole set.
    Promise,
}

/// Something that must never be allowed, or always.
#[derive(Debug, Clone)]
pub(crate) struct Invariant {
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) sentence: String,
    pub(crate) meaning: Meaning,
    pub(crate) policy: Policy,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Invariants(pub(crate) Vec<Invariant>);

impl Invariants {
    /// Those that are built in.
    pub fn embedded() -> Result<Self, ProofError> {
        let meanings = [Meaning::Ceiling, Meaning::Bound, Meaning::Promise];
        let mut all = Vec::new();
        for (text, meaning) in INVARIANTS.iter().zip(meanings) {
            all.extend(parse(text, meaning)?);
        }
        Ok(Self(all))
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.0.len()
    }
}

fn parse(text: &str, meaning: Meaning) -> Result<Vec<Invariant>, ProofError> {
    let set: PolicySet = text
        .parse()
        .map_err(|error: cedar_policy::ParseErrors| ProofError::Unreadable(error.to_string()))?;
    let mut found = Vec::new();
    for policy in set.policies() {
        let told = |name: &str| {
            let told = policy.annotation(name).filter(|told| !told.is_empty());
            let missing =
                || ProofError::Unreadable(format!("an invariant has no `@{name}`: {policy}"));
            told.map(str::to_owned).ok_or_else(missing)
        };
        let id = told("id")?;
        found.push(Invariant {
            rule: told("rule")?,
            sentence: told("description")?,
            meaning,
            policy: policy.new_id(PolicyId::new(&id)),
            id,
        });
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}
