//! The published corpus of rows, by Cedar itself: every policy of a case, nothing kept, nothing sliced.

use std::{collections::BTreeMap, fs};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    Schema, SchemaFragment, ValidationMode, Validator,
};
use serde_json::{Value, json};

use crate::support::{folder, text};

fn file(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

fn schema() -> Schema {
    let fragments = ["cedar/schema.cedarschema", "corpus/actions.cedarschema"]
        .map(|path| SchemaFragment::from_cedarschema_str(&text(path)).unwrap().0);
    Schema::from_schema_fragments(fragments).unwrap()
}

fn policies(case: &Value) -> PolicySet {
    let fence = text("corpus/fence.cedar");
    let policies = case["policies"].as_array().unwrap().iter();
    let texts = policies.map(|policy| policy.as_str().unwrap());
    let named = texts.chain([fence.as_str()]).enumerate().map(|(n, text)| {
        let id = PolicyId::new(n.to_string());
        Policy::parse(Some(id), text).unwrap()
    });
    PolicySet::from_policies(named).unwrap()
}

fn uid(kind: &str, id: &str) -> Value {
    json!({ "type": format!("Countersign::{kind}"), "id": id })
}

fn named(kind: &str, id: &str) -> Value {
    json!({ "__entity": uid(kind, id) })
}

/// The principal as Cedar knows it.
fn principal(name: &str, principal: &Value) -> (Value, Value) {
    let all = |kind: &str, member: &str| -> Value {
        let names = principal[member].as_array().cloned().unwrap_or_default();
        let names = names.iter().map(|one| named(kind, one.as_str().unwrap()));
        names.collect()
    };
    let tenant = named("Tenant", "north");
    let (kind, attributes, parents) = match principal["role"].as_str() {
        Some(role) => (
            "Human",
            json!({ "tenant": tenant, "capabilities": all("Capability", "capabilities") }),
            vec![uid("Role", role)],
        ),
        None => (
            "Machine",
            json!({ "tenant": tenant, "scopes": all("Scope", "scopes") }),
            vec![],
        ),
    };
    let uid = uid(kind, name);
    let entity = json!({ "uid": uid, "attrs": attributes, "parents": parents });
    (uid, entity)
}

fn resource(kind: &str, name: &str, row: &Value) -> (Value, Value) {
    let tenant = named("Tenant", row["tenant"].as_str().unwrap());
    let mut attributes = json!({ "tenant": tenant, "personal": row["personal"] });
    if let Some(custodian) = row["custodian"].as_str() {
        attributes["custodian"] = named("Human", custodian);
    }
    let uid = uid(kind, name);
    let entity = json!({ "uid": uid, "attrs": attributes, "parents": [] });
    (uid, entity)
}

#[test]
fn cedar_answers_every_case_as_it_was_worked_out() {
    let (schema, rows) = (schema(), file("corpus/rows.json"));
    let context = json!({ "mfa": false, "tenantSuspended": false });
    let (mut cases, mut answers) = (0, BTreeMap::from([(true, 0), (false, 0)]));
    for entry in fs::read_dir(folder().join("corpus/cases")).unwrap() {
        let path = entry.unwrap().path();
        let list: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for case in list.as_array().unwrap() {
            cases += 1;
            let policies = policies(case);
            let validator = Validator::new(schema.clone());
            let valid = validator.validate_with_level(&policies, ValidationMode::Strict, 1);
            let loads = case["loads"] != false;
            assert_eq!(
                valid.validation_passed(),
                loads,
                "{}: {valid:?}",
                case["name"]
            );
            if !loads {
                continue;
            }
            for (who, known) in rows["principals"].as_object().unwrap() {
                let allowed = case["allowed"][who].as_array().unwrap();
                for (name, row) in rows["rows"].as_object().unwrap() {
                    for kind in ["Account", "Transaction", "Statement"] {
                        let (asks, one) = principal(who, known);
                        let (of, other) = resource(kind, name, row);
                        let entities = json!([one, other]);
                        let entities = Entities::from_json_value(entities, Some(&schema)).unwrap();
                        let parse = |uid: Value| EntityUid::from_json(uid).unwrap();
                        let request = Request::new(
                            parse(asks),
                            parse(uid("Action", &format!("{kind}.id"))),
                            parse(of),
                            Context::from_json_value(context.clone(), None).unwrap(),
                            Some(&schema),
                        );
                        let answer = Authorizer::new().is_authorized(
                            &request.unwrap(),
                            &policies,
                            &entities,
                        );
                        let told = format!("{}: {who} {kind} {name} {answer:?}", case["name"]);
                        let expected = allowed.contains(&json!(name));
                        assert_eq!(answer.decision() == Decision::Allow, expected, "{told}");
                        assert_eq!(answer.diagnostics().errors().count(), 0, "{told}");
                        *answers.entry(expected).or_default() += 1;
                    }
                }
            }
        }
    }
    assert!(cases >= 40, "{cases}");
    assert!(answers.values().all(|count| *count > 1_000), "{answers:?}");
}
