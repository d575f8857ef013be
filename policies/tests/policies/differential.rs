//! The engine against Cedar: whatever it keeps, slices or folds, it must say what Cedar says.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use crate::support::{self, Answer, AnyRow, FOREIGN, ME, OTHER, OWN, Oracle};
use countersign_domain::{
    access::{Capability, Role, Scope},
    principal::{Actor, Principal},
};
use countersign_policies::{ActionId, Decision, Engine, Permit, Refusal, SELF};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};

/// Each of them decides some actions, so that there are thousands of decisions.
const CASES: u32 = 120;
const ACTIONS_PER_CASE: usize = 40;

fn actors() -> impl Strategy<Value = Actor> {
    let humans = (
        select(Role::ALL),
        vec(select(Capability::ALL), 0..4),
        any::<bool>(),
    )
        .prop_map(|(role, capabilities, mfa)| {
            let mut actor = support::human(role, capabilities.into_iter().collect());
            if let Principal::Human(human) = &mut actor.principal {
                human.mfa = mfa;
            }
            actor
        });
    let machines = vec(select(Scope::ALL), 0..6)
        .prop_map(|scopes| support::machine(scopes.into_iter().collect()));
    (
        prop_oneof![3 => humans, 1 => machines],
        prop::bool::weighted(0.2),
    )
        .prop_map(|(mut actor, suspended)| {
            actor.tenant_suspended = suspended;
            actor
        })
}

fn rows() -> impl Strategy<Value = AnyRow> {
    let tenant = prop_oneof![4 => Just(OWN), 1 => Just(FOREIGN)];
    (
        tenant,
        select(vec![None, Some(ME), Some(OTHER)]),
        any::<bool>(),
    )
        .prop_map(|(tenant, custodian, personal)| AnyRow {
            tenant,
            custodian,
            personal,
            is_kept: false,
        })
}

/// Says the same as Cedar by every way that the engine has.
fn compare(engine: &Engine, oracle: &Oracle, actor: &Actor, id: ActionId, row: &AnyRow) {
    let name = engine.action_name(id);
    assert_eq!(engine.resource_of(id), oracle.resource_of(name));
    let row = AnyRow {
        is_kept: support::is_kept(engine.resource_of(id)),
        ..*row
    };
    let answer = oracle.ask(actor, name, &row);
    let told = format!("{name} {actor:?} {row:?} {answer:?}");
    assert_eq!(answer.errors, 0, "{told}");

    let permitted = engine.permit(actor, id, &row);
    compare_permit(&permitted, name, &answer, &told);
    // Of what policies see nothing but whose it is, the same is said as of the books.
    if row.tenant == OWN && !row.is_kept {
        let of_books = engine.permit_books(actor, id);
        compare_permit(&of_books, name, &answer, &told);
        let texts =
            [permitted, of_books].map(|said| said.map(|p| p.permission().text().to_owned()));
        assert_eq!(texts[0], texts[1], "{told}");
    }
    compare_decision(engine, actor, id, &row, answer, &told);
}

/// The whole set of policies, as mutations ask.
fn compare_permit(said: &Result<Permit, Refusal>, name: &str, answer: &Answer, told: &str) {
    match said {
        Ok(permit) => {
            assert!(answer.allowed, "{told}");
            assert_eq!(permit.action(), name);
            assert!(
                answer
                    .rules
                    .iter()
                    .all(|rule| permit.permission().text().contains(rule)),
                "{told}"
            );
        }
        Err(refusal) => {
            assert!(!answer.allowed, "{told}: {refusal:?}");
            let rules: BTreeSet<String> = refusal.rules().iter().map(ToString::to_string).collect();
            assert_eq!(rules, answer.rules, "{told}");
        }
    }
}

/// Partial evaluation, kept by shape. It takes the tenant for granted, or compares it itself.
fn compare_decision(
    engine: &Engine,
    actor: &Actor,
    id: ActionId,
    row: &AnyRow,
    answer: Answer,
    told: &str,
) {
    let decisions = engine.decide(actor, &[id]);
    let own = row.tenant == OWN;
    match decisions.get(id) {
        Decision::Allow(basis) => {
            assert_eq!(answer.allowed, own, "{told}");
            if own {
                assert!(
                    basis
                        .rules
                        .iter()
                        .all(|rule| answer.rules.contains(rule.as_str()))
                );
            }
        }
        Decision::Deny(refusal) => {
            assert!(!answer.allowed, "{told}");
            // Before any row, a row's own ceilings are not known yet.
            if own {
                let rules: BTreeSet<_> = refusal.rules().iter().map(ToString::to_string).collect();
                assert!(rules.is_subset(&answer.rules), "{told}");
            }
        }
        Decision::Row(rule) => {
            let decided = rule.decide(row);
            assert_eq!(decided.is_ok(), answer.allowed, "{told}: {decided:?}");
            if own {
                assert_eq!(
                    rule.predicate().evaluate(row, SELF),
                    Some(answer.allowed),
                    "{told}"
                );
                let rules = decided.err().map(|refusal| refusal.rules().to_vec());
                let rules: BTreeSet<_> = rules
                    .unwrap_or_default()
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let forbade = if answer.allowed {
                    BTreeSet::new()
                } else {
                    answer.rules
                };
                assert_eq!(rules, forbade, "{told}");
            }
        }
    }
}

#[test]
fn engine_says_what_cedar_says() {
    let engine = support::engine();
    let oracle = Oracle::new();
    let actions: Vec<ActionId> = engine.actions().map(|(id, _)| id).collect();
    let allowed = Rc::new(RefCell::new(0_u32));
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..Default::default()
    };
    let chosen = vec((select(actions), rows()), ACTIONS_PER_CASE);
    TestRunner::new(config)
        .run(&(actors(), chosen), |(actor, chosen)| {
            for (id, row) in chosen {
                compare(&engine, &oracle, &actor, id, &row);
                let row = AnyRow {
                    is_kept: support::is_kept(engine.resource_of(id)),
                    ..row
                };
                *allowed.borrow_mut() += u32::from(engine.permit(&actor, id, &row).is_ok());
            }
            Ok(())
        })
        .unwrap();
    // A comparison in which everything is refused compares nothing.
    assert!(
        *allowed.borrow() > CASES,
        "only {} were allowed",
        allowed.borrow()
    );
}

#[test]
fn a_scope_holds_what_cedar_lets_read() {
    use countersign_policies::resource::{Account, Statement, Transaction};
    let engine = support::engine();
    let oracle = Oracle::new();
    for actor in support::everybody() {
        let predicates = [
            (
                "Account.id",
                engine
                    .read_scope::<Account>(&actor)
                    .map(|s| s.predicate().clone()),
            ),
            (
                "Statement.id",
                engine
                    .read_scope::<Statement>(&actor)
                    .map(|s| s.predicate().clone()),
            ),
            (
                "Transaction.id",
                engine
                    .read_scope::<Transaction>(&actor)
                    .map(|s| s.predicate().clone()),
            ),
        ];
        for (name, predicate) in predicates {
            for tenant in [OWN, FOREIGN] {
                for custodian in [None, Some(ME), Some(OTHER)] {
                    for personal in [false, true] {
                        let row = AnyRow {
                            tenant,
                            custodian,
                            personal,
                            is_kept: true,
                        };
                        let answer = oracle.ask(&actor, name, &row);
                        let held = predicate
                            .as_ref()
                            .is_ok_and(|p| p.evaluate(&row, SELF) == Some(true));
                        assert_eq!(held, answer.allowed, "{name} {actor:?} {row:?}");
                    }
                }
            }
        }
    }
}
