//! The cases of `cases/`: one decision each, with the policies that must make it, in the form that Cedar's
//! own program runs (`cedar run-tests`). Cedar and the engine must both decide so.

use std::{collections::BTreeSet, fs, sync::LazyLock};

use crate::support::{self, AnyRow, Oracle};
use cedar_policy::{Context, Entities, EntityUid, Request};
use countersign_domain::{
    id::{TenantId, UserId},
    principal::{Actor, Principal},
};
use countersign_policies::{Decision, Engine};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A case, as `cedar run-tests` has it. That program looks for the reasons that are named; here there may
/// be no others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Asked,
    entities: String,
    decision: Verdict,
    /// The policies that decide: every permit that holds, or every forbid. None for a refusal for
    /// want of a permit.
    reason: BTreeSet<String>,
    /// How many policies may fail to evaluate. Never any.
    num_errors: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    principal: String,
    action: String,
    resource: String,
    context: Facts,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Facts {
    mfa: bool,
    tenant_suspended: bool,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Deny,
}

struct Cases {
    /// Where each comes from, and the case.
    all: Vec<(String, Case)>,
    entities: Value,
}

static CASES: LazyLock<Cases> = LazyLock::new(|| {
    let mut all = Vec::new();
    for entry in fs::read_dir(support::folder().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        if file == "entities.json" {
            continue;
        }
        let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        all.extend(cases.into_iter().map(|case| (file.clone(), case)));
    }
    all.sort_by(|(a, one), (b, other)| (a, &one.name).cmp(&(b, &other.name)));
    Cases {
        all,
        entities: serde_json::from_str(&support::text("cases/entities.json")).unwrap(),
    }
});

/// The engine's ids are UUIDs, those of the cases are words.
fn uuid(word: &str) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(word).into();
    let (half, _) = digest.split_first_chunk::<16>().unwrap();
    Uuid::from_bytes(*half)
}

impl Cases {
    fn entity(&self, uid: &EntityUid) -> &Value {
        let (kind, id) = (uid.type_name().to_string(), uid.id().unescaped().to_owned());
        let mut all = self.entities.as_array().unwrap().iter();
        all.find(|entity| entity["uid"]["type"] == kind && entity["uid"]["id"] == id)
            .unwrap_or_else(|| panic!("{uid} is not in entities.json"))
    }

    /// The principal, as the engine knows it.
    fn actor(&self, uid: &EntityUid, facts: Facts) -> Actor {
        let entity = self.entity(uid);
        let names = |attribute: &str| -> Vec<&str> {
            let set = entity["attrs"][attribute].as_array().unwrap().iter();
            set.map(|one| one["__entity"]["id"].as_str().unwrap())
                .collect()
        };
        let mut actor = if uid.type_name().basename() == "Human" {
            let role = entity["parents"][0]["id"].as_str().unwrap();
            let granted = names("capabilities");
            let granted = granted.iter().map(|name| name.parse().unwrap());
            support::human(role.parse().unwrap(), granted.collect())
        } else {
            let scopes = names("scopes");
            support::machine(scopes.iter().map(|name| name.parse().unwrap()).collect())
        };
        if let Principal::Human(human) = &mut actor.principal {
            human.mfa = facts.mfa;
            human.user = UserId::new(uuid(uid.id().unescaped()));
        }
        let tenant = &entity["attrs"]["tenant"]["__entity"]["id"];
        actor.tenant = TenantId::new(uuid(tenant.as_str().unwrap()));
        actor.tenant_suspended = facts.tenant_suspended;
        actor
    }

    /// The row, as the engine knows it.
    fn row(&self, uid: &EntityUid) -> AnyRow {
        let attributes = &self.entity(uid)["attrs"];
        let id = |name: &str| attributes[name]["__entity"]["id"].as_str().map(uuid);
        AnyRow {
            tenant: id("tenant").unwrap(),
            custodian: id("custodian"),
            personal: attributes["personal"].as_bool().unwrap_or_default(),
            is_kept: support::is_kept(uid.type_name().basename()),
        }
    }

    fn fault(&self, engine: &Engine, oracle: &Oracle, case: &Case) -> Option<String> {
        let asked = &case.request;
        let parse = |uid: &str| -> EntityUid { uid.parse().unwrap() };
        let (principal, action) = (parse(&asked.principal), parse(&asked.action));
        let resource = parse(&asked.resource);
        let id = engine.action(action.id().unescaped());
        let Some(id) = id else {
            return Some("no such action".to_owned());
        };
        let facts = asked.context;
        let context = serde_json::json!({
            "mfa": facts.mfa, "tenantSuspended": facts.tenant_suspended
        });
        let schema = oracle.schema();
        let request = Request::new(
            principal.clone(),
            action,
            resource.clone(),
            Context::from_json_value(context, None).unwrap(),
            Some(schema),
        );
        assert_eq!(case.entities, "entities.json");
        let entities = Entities::from_json_value(self.entities.clone(), Some(schema)).unwrap();
        let answer = oracle.answer(&request.unwrap(), &entities);
        let is_allowed = case.decision == Verdict::Allow;
        let expected = (is_allowed, &case.reason, case.num_errors);
        if (answer.allowed, &answer.rules, answer.errors) != expected {
            return Some(format!("Cedar says {answer:?}"));
        }
        let (actor, row) = (self.actor(&principal, facts), self.row(&resource));
        let permitted = match engine.permit(&actor, id, &row) {
            Ok(_) => is_allowed,
            Err(refusal) => {
                let rules: BTreeSet<_> = refusal.rules().iter().map(ToString::to_string).collect();
                !is_allowed && rules == case.reason
            }
        };
        if !permitted {
            return Some("the engine permits otherwise".to_owned());
        }
        let of_own_tenant = row.tenant == actor.tenant.uuid();
        let decided = match engine.decide(&actor, &[id]).get(id) {
            Decision::Row(rule) => rule.decide(&row).is_ok() == is_allowed,
            Decision::Deny(_) => !is_allowed,
            Decision::Allow(_) => is_allowed == of_own_tenant,
        };
        (!decided).then(|| "the engine decides otherwise".to_owned())
    }
}

#[test]
fn every_case_is_decided_for_its_reason() {
    assert!(CASES.all.len() > 70);
    assert_eq!(wrong(&support::engine(), &Oracle::new()), None);
}

/// The first case that is decided otherwise, or for another reason, by Cedar or by the engine.
pub(crate) fn wrong(engine: &Engine, oracle: &Oracle) -> Option<String> {
    CASES.all.iter().find_map(|(file, case)| {
        let fault = CASES.fault(engine, oracle, case)?;
        Some(format!("{file}: {}: {fault}", case.name))
    })
}

#[test]
fn every_policy_has_a_case() {
    let decided: BTreeSet<String> = CASES
        .all
        .iter()
        .flat_map(|(_, case)| case.reason.iter().cloned())
        .collect();
    let rules = Oracle::new().rules();
    let untried: Vec<_> = rules.difference(&decided).collect();
    assert!(untried.is_empty(), "policies without a case: {untried:?}");
}
