//! The certificate of a proof: what was proved, and of which policies.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Engine, error::PolicyError, load::digest};

/// What is claimed of the policies: ceilings, bounds and promises, in this order.
pub const INVARIANTS: [&str; 3] = [
    include_str!("../invariants/ceilings.cedar"),
    include_str!("../invariants/bounds.cedar"),
    include_str!("../invariants/promises.cedar"),
];

/// What nobody may do, whatever the row: a kind of principal and an action on each line. Reviewed, so that
/// nothing is proved of policies that refuse more than they should.
pub const DENIED: &str = include_str!("../snapshots/denied.txt");

/// The last proof, as `countersign policy prove` writes it.
const LAST: &str = include_str!("../certificate.json");

/// Says that every claim was proved of certain policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// SHA-256 of schema and policies: [`Engine::version`].
    pub policies: String,
    /// SHA-256 of what is claimed of them.
    pub invariants: String,
    /// How many invariants that is.
    pub invariant_count: usize,
    /// For how many kinds of request: a kind of principal, an action, and its type of resource.
    pub environments: usize,
    /// How many claims were proved, by their kind.
    pub claims: BTreeMap<String, usize>,
    /// The compiler that turned them into questions.
    pub compiler: String,
    /// The solvers that answered, and agreed.
    pub solvers: Vec<String>,
    /// When.
    pub proved_at: DateTime<Utc>,
}

impl Certificate {
    /// The one that is built in.
    pub fn embedded() -> Result<Self, PolicyError> {
        Self::parse(LAST)
    }

    /// One as it is written.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        serde_json::from_str(json).map_err(|error| PolicyError::Certificate(error.to_string()))
    }

    /// SHA-256 of the invariants that are built in, in lower-case hexadecimal.
    pub fn invariants_version() -> String {
        digest(INVARIANTS)
    }

    /// Whether it is of these policies, and of everything that is claimed of them today.
    pub fn covers(&self, engine: &Engine) -> bool {
        self.policies == engine.version() && self.invariants == Self::invariants_version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_of_the_policies_that_are_built_in() {
        let engine = Engine::embedded().unwrap();
        let certificate = Certificate::embedded().unwrap();
        assert!(certificate.covers(&engine), "run `cargo prove`");
        let schemas = crate::load::SCHEMAS;
        let changed = crate::load::POLICIES.map(|text| text.replace("\"auditor\"", "\"worker\""));
        let texts: Vec<&str> = changed.iter().map(String::as_str).collect();
        let other = Engine::from_texts(&schemas, &texts).unwrap();
        assert!(!certificate.covers(&other));
        let other = Certificate {
            invariants: digest(["permit (principal, action, resource);"]),
            ..certificate
        };
        assert!(!other.covers(&engine));
    }
}
