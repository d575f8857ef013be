//! Mutants: every policy deleted, and every condition of each negated, in turn. Whoever reviews a change
//! rests on the cases and the matrix, so each mutant must be caught by one of them, or by the loader.

use std::collections::BTreeMap;

use cedar_policy::Policy;
use countersign_policies::Engine;
use serde_json::Value;

use crate::{
    cases,
    support::{self, Oracle, policies, text},
};

/// What catches a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Caught {
    Loader,
    Case,
    Matrix,
}

struct Mutant {
    name: String,
    policies: Vec<Policy>,
}

/// The policy with its n-th condition turned round; `None` where it has no such condition.
fn negated(policy: &Policy, n: usize) -> Option<Policy> {
    let mut json = policy.to_json().unwrap();
    let condition = json["conditions"].get_mut(n)?;
    condition["kind"] = match condition["kind"].as_str() {
        Some("when") => "unless".into(),
        _ => "when".into(),
    };
    Some(Policy::from_json(Some(policy.id().clone()), json).unwrap())
}

fn mutants() -> Vec<Mutant> {
    let all = policies();
    let mut mutants = Vec::new();
    for (at, policy) in all.iter().enumerate() {
        let mut without = all.clone();
        without.remove(at);
        mutants.push(Mutant {
            name: format!("without {}", policy.id()),
            policies: without,
        });
        for (n, changed) in (0..).map_while(|n| Some((n, negated(policy, n)?))) {
            let mut with = all.clone();
            with[at] = changed;
            mutants.push(Mutant {
                name: format!("{} with its condition {} negated", policy.id(), n + 1),
                policies: with,
            });
        }
    }
    mutants
}

/// A set as the loader reads it.
fn written(policies: &[Policy]) -> String {
    let texts = policies.iter().map(|policy| {
        let annotations = policy.annotations();
        let annotations: BTreeMap<_, _> = annotations.collect();
        let text = policy.to_cedar().unwrap();
        // Some versions write the annotations, and some leave them to the caller.
        if text.trim_start().starts_with('@') {
            return text;
        }
        let annotations = annotations
            .iter()
            .map(|(name, value)| format!("@{name}({})\n", Value::String((*value).to_owned())));
        annotations.collect::<String>() + &text
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn caught(mutant: &Mutant, matrix: &str) -> Option<Caught> {
    let schemas = ["cedar/schema.cedarschema", "cedar/actions.cedarschema"].map(text);
    let schemas = schemas.each_ref().map(String::as_str);
    let Ok(engine) = Engine::from_texts(&schemas, &[&written(&mutant.policies)]) else {
        return Some(Caught::Loader);
    };
    let oracle = Oracle::of(mutant.policies.clone());
    if cases::wrong(&engine, &oracle).is_some() {
        return Some(Caught::Case);
    }
    (engine.role_matrix() != matrix).then_some(Caught::Matrix)
}

#[test]
fn every_mutant_is_caught() {
    let matrix = support::engine().role_matrix();
    let whole = Mutant {
        name: "the policies as they are".to_owned(),
        policies: policies(),
    };
    assert_eq!(caught(&whole, &matrix), None, "{}", whole.name);
    let mut counts: BTreeMap<Caught, usize> = BTreeMap::new();
    let mut survivors = Vec::new();
    let mutants = mutants();
    for mutant in &mutants {
        match caught(mutant, &matrix) {
            Some(by) => *counts.entry(by).or_default() += 1,
            None => survivors.push(mutant.name.as_str()),
        }
    }
    println!(
        "{} mutants: {counts:?}, survivors: {survivors:?}",
        mutants.len()
    );
    assert!(mutants.len() > 40, "{}", mutants.len());
    assert!(survivors.is_empty(), "nothing catches {survivors:#?}");
}
