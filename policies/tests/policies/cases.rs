//! The cases of `cases/`: one decision each, with the policies that must make it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{self, AnyRow, FOREIGN, ME, OTHER, OWN, Oracle};
use countersign_domain::principal::{Actor, Principal};
use countersign_policies::{Decision, Engine};
use serde::Deserialize;

/// A case, as reviewers write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    description: String,
    principal: Who,
    action: String,
    #[serde(default)]
    resource: What,
    #[serde(default)]
    context: Facts,
    decision: Verdict,
    /// The policies that decide: every permit that holds, or every forbid. None for a refusal for
    /// want of a permit.
    rules: BTreeSet<String>,
    /// How many policies may fail to evaluate. Never any.
    errors: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "kind")]
enum Who {
    Human {
        role: String,
        #[serde(default)]
        capabilities: Vec<String>,
        #[serde(default)]
        mfa: bool,
    },
    Machine {
        scopes: Vec<String>,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct What {
    tenant: Whose,
    custodian: Option<Custodian>,
    personal: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Whose {
    #[default]
    Own,
    Foreign,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Custodian {
    Themselves,
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Facts {
    tenant_suspended: bool,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Deny,
}

impl Case {
    fn actor(&self) -> Actor {
        let mut actor = match &self.principal {
            Who::Human {
                role,
                capabilities,
                mfa,
            } => {
                let capabilities = capabilities
                    .iter()
                    .map(|name| name.parse().unwrap())
                    .collect();
                let mut actor = support::human(role.parse().unwrap(), capabilities);
                if let Principal::Human(human) = &mut actor.principal {
                    human.mfa = *mfa;
                }
                actor
            }
            Who::Machine { scopes } => {
                support::machine(scopes.iter().map(|name| name.parse().unwrap()).collect())
            }
        };
        actor.tenant_suspended = self.context.tenant_suspended;
        actor
    }

    fn row(&self, resource: &str) -> AnyRow {
        AnyRow {
            tenant: match self.resource.tenant {
                Whose::Own => OWN,
                Whose::Foreign => FOREIGN,
            },
            custodian: self
                .resource
                .custodian
                .as_ref()
                .map(|custodian| match custodian {
                    Custodian::Themselves => ME,
                    Custodian::Other => OTHER,
                }),
            personal: self.resource.personal,
            is_kept: support::is_kept(resource),
        }
    }
}

fn cases() -> Vec<(PathBuf, Case)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&support::folder().join("cases"), &mut files);
    files.sort();
    let parse = |path: PathBuf| {
        let case = serde_json::from_str(&fs::read_to_string(&path).unwrap());
        let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    files.into_iter().map(parse).collect()
}

#[test]
fn every_case_is_decided_for_its_reason() {
    assert_eq!(wrong(&support::engine(), &Oracle::new()), None);
}

/// The first case that is decided otherwise, or for another reason, by Cedar or by the engine.
pub(crate) fn wrong(engine: &Engine, oracle: &Oracle) -> Option<String> {
    cases().into_iter().find_map(|(path, case)| {
        let fault = fault(engine, oracle, &case)?;
        Some(format!("{}: {}: {fault}", path.display(), case.description))
    })
}

fn fault(engine: &Engine, oracle: &Oracle, case: &Case) -> Option<String> {
    let Some(id) = engine.action(&case.action) else {
        return Some("no such action".to_owned());
    };
    let (actor, row) = (case.actor(), case.row(engine.resource_of(id)));
    let answer = oracle.ask(&actor, &case.action, &row);
    let is_allowed = case.decision == Verdict::Allow;
    let expected = (is_allowed, &case.rules, case.errors);
    if (answer.allowed, &answer.rules, answer.errors) != expected {
        return Some(format!("Cedar says {answer:?}"));
    }
    let permitted = match engine.permit(&actor, id, &row) {
        Ok(_) => is_allowed,
        Err(refusal) => {
            let rules: BTreeSet<_> = refusal.rules().iter().map(ToString::to_string).collect();
            !is_allowed && rules == case.rules
        }
    };
    if !permitted {
        return Some("the engine permits otherwise".to_owned());
    }
    let of_own_tenant = row.tenant == OWN;
    let decided = match engine.decide(&actor, &[id]).get(id) {
        Decision::Row(rule) => rule.decide(&row).is_ok() == is_allowed,
        Decision::Deny(_) => !is_allowed,
        Decision::Allow(_) => is_allowed == of_own_tenant,
    };
    (!decided).then(|| "the engine decides otherwise".to_owned())
}

#[test]
fn every_policy_has_a_case() {
    let cases = cases();
    let decided: BTreeSet<String> = cases
        .into_iter()
        .flat_map(|(_, case)| case.rules.into_iter())
        .collect();
    let rules = Oracle::new().rules();
    let untried: Vec<_> = rules.difference(&decided).collect();
    assert!(untried.is_empty(), "policies without a case: {untried:?}");
}
