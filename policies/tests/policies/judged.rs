//! What is kept of an answer holds for whom it was given, and for what was asked.

use std::collections::BTreeSet;

use crate::support::{self, FOREIGN, ME, OTHER, human, kept};
use countersign_domain::{
    access::Role,
    id::{TenantId, UserId},
    principal::{Actor, Principal},
};
use countersign_policies::{Decision, Judged};

/// Two of one shape: the one whom the other tests are about, and somebody else.
fn workers() -> [Actor; 2] {
    let mine = human(Role::Worker, BTreeSet::new());
    let mut theirs = mine.clone();
    if let Principal::Human(human) = &mut theirs.principal {
        human.user = UserId::new(OTHER);
    }
    [mine, theirs]
}

#[test]
fn one_shape_does_not_lend_its_ids_to_another() {
    let engine = support::engine();
    let amount = engine.action("Transaction.amount").unwrap();
    let [mine, theirs] = workers();
    for (actor, id) in [(&mine, ME), (&theirs, OTHER), (&mine, ME)] {
        let decisions = engine.decide(actor, &[amount]);
        let Decision::Row(rule) = decisions.get(amount) else {
            panic!("{decisions:?}")
        };
        for custodian in [ME, OTHER] {
            assert_eq!(
                rule.decide(&kept(Some(custodian), false)).is_ok(),
                custodian == id
            );
        }
    }
}

/// What a row was asked for one is asked again for somebody else, and for the same one in another tenant.
#[test]
fn what_a_rule_said_to_one_is_not_said_to_another() {
    let engine = support::engine();
    let amount = engine.action("Transaction.amount").unwrap();
    let [mine, theirs] = workers();
    let mut elsewhere = mine.clone();
    elsewhere.tenant = TenantId::new(FOREIGN);
    let decisions = [mine, theirs, elsewhere].map(|actor| engine.decide(&actor, &[amount]));
    let [mine, theirs, elsewhere] = decisions.each_ref().map(|decisions| {
        let Decision::Row(rule) = decisions.get(amount) else {
            panic!("{decisions:?}")
        };
        rule
    });
    let row = kept(Some(ME), false);
    let mut judged = Judged::default();
    assert!(judged.admits(mine, || mine.admits(&row)));
    assert!(judged.admits(mine, || panic!("it was asked already")));
    assert!(!judged.admits(theirs, || theirs.admits(&row)));
    assert!(!judged.admits(elsewhere, || elsewhere.admits(&row)));
}

/// There is a place for the answer to each different condition, of whomever and on whatever type of row.
#[test]
fn no_row_is_asked_the_same_twice() {
    let engine = support::engine();
    let actions: Vec<_> = engine.actions().map(|(id, _)| id).collect();
    let row = kept(Some(ME), true);
    for actor in support::everybody() {
        let decisions = engine.decide(&actor, &actions);
        let resources: BTreeSet<_> = actions.iter().map(|id| engine.resource_of(*id)).collect();
        for resource in resources {
            let rules = decisions
                .iter()
                .filter_map(|(id, decision)| match decision {
                    Decision::Row(rule) if engine.resource_of(id) == resource => Some(rule),
                    _ => None,
                });
            let rules: Vec<_> = rules.collect();
            let mut judged = Judged::default();
            for rule in &rules {
                judged.admits(rule, || rule.admits(&row));
            }
            for rule in &rules {
                judged.admits(rule, || panic!("a row of {resource} was asked twice"));
            }
        }
    }
}

/// Who is remembered to be admitted by one rule is not asked of again by another that asks the same.
#[test]
fn rules_of_the_same_conditions_admit_the_same_rows() {
    let engine = support::engine();
    let rows = [None, Some(ME), Some(OTHER)]
        .into_iter()
        .flat_map(|custodian| [false, true].map(|personal| kept(custodian, personal)));
    let rows: Vec<_> = rows.collect();
    let actions: Vec<_> = engine.actions().map(|(id, _)| id).collect();
    let (mut same, mut others) = (0, 0);
    for role in Role::ALL.iter().copied() {
        let decisions = engine.decide(&human(role, BTreeSet::new()), &actions);
        let of_rows = decisions
            .iter()
            .filter_map(|(id, decision)| match decision {
                Decision::Row(rule) => Some((id, rule)),
                _ => None,
            });
        let of_rows: Vec<_> = of_rows.collect();
        for (a, one) in &of_rows {
            for (b, other) in &of_rows {
                for row in &rows {
                    let mut judged = Judged::default();
                    let of_one = judged.admits(one, || one.admits(row));
                    let mut is_asked = false;
                    let of_other = judged.admits(other, || {
                        is_asked = true;
                        other.admits(row)
                    });
                    let answer = other.decide(row).is_ok();
                    assert_eq!(of_other, answer, "{role:?} {a:?} {b:?}");
                    same += usize::from(!is_asked && one.rules() != other.rules());
                    others += usize::from(of_one != of_other);
                }
            }
        }
    }
    assert!(same > 0, "no two kinds of data ask the same of a row");
    assert!(others > 0, "all ask the same of a row");
}
