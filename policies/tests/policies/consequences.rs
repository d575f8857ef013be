//! What the policies must come to, whoever edits them.

use std::collections::BTreeSet;

use crate::support::{self, AnyRow, ME, OTHER, human, kept, machine};
use countersign_domain::{
    access::{Capability, Role, Scope},
    principal::Principal,
};
use countersign_policies::{Decision, Engine, Refusal, resource};

fn all_scopes() -> BTreeSet<Scope> {
    Scope::ALL.iter().copied().collect()
}

fn all_capabilities() -> BTreeSet<Capability> {
    Capability::ALL.iter().copied().collect()
}

#[test]
fn no_machine_does_what_a_person_must_answer_for() {
    let engine = support::engine();
    let actor = machine(all_scopes());
    let is_named = |refusal: &Refusal| {
        let mut rules = refusal.rules().iter();
        rules.any(|rule| rule == "machine.never-attributed")
    };
    let mut seen = 0;
    for (id, name) in engine
        .actions()
        .filter(|(id, _)| engine.is_in_group(*id, "attributed"))
    {
        let decisions = engine.decide(&actor, &[id]);
        let Decision::Deny(refusal) = decisions.get(id) else {
            panic!("{name}")
        };
        assert!(is_named(refusal), "{name}");
        let refusal = engine
            .permit(&actor, id, &AnyRow::own(engine.resource_of(id)))
            .unwrap_err();
        assert!(is_named(&refusal), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn ceilings_stand_above_every_capability() {
    let engine = support::engine();
    let ceilings = [
        (Role::Auditor, "auditor.never-writes", vec!["write"]),
        (Role::Worker, "worker.never-administers", vec!["admin"]),
        (
            Role::Family,
            "family.never-administration",
            vec!["admin", "read.member", "read.token", "read.audit"],
        ),
    ];
    for (role, ceiling, groups) in ceilings {
        let actor = human(role, all_capabilities());
        for (id, name) in engine.actions() {
            if groups.iter().any(|group| engine.is_in_group(id, group)) {
                let decisions = engine.decide(&actor, &[id]);
                let Decision::Deny(refusal) = decisions.get(id) else {
                    panic!("{role} {name}")
                };
                assert_eq!(refusal.rule(), ceiling, "{role} {name}");
            }
        }
    }
}

#[test]
fn suspended_tenant_is_read_and_not_written() {
    let engine = support::engine();
    let mut actors: Vec<_> = Role::ALL
        .iter()
        .map(|role| human(*role, all_capabilities()))
        .collect();
    actors.push(machine(all_scopes()));
    for mut actor in actors {
        actor.tenant_suspended = true;
        for (id, name) in engine
            .actions()
            .filter(|(id, _)| engine.is_in_group(*id, "write"))
        {
            let refusal = engine.permit(&actor, id, &AnyRow::own(engine.resource_of(id)));
            let refusal = refusal.expect_err(name);
            assert!(
                refusal.rule().contains("tenant.suspended-read-only"),
                "{name} {refusal:?}"
            );
        }
        let read = engine.action("Query.transactions").unwrap();
        assert!(matches!(
            engine.decide(&actor, &[read]).get(read),
            Decision::Allow(_)
        ));
    }
}

#[test]
fn every_mutation_writes_and_nothing_else_does() {
    let engine = support::engine();
    for (id, name) in engine.actions() {
        let is_mutation = name.starts_with("Mutation.");
        assert_eq!(engine.is_in_group(id, "write"), is_mutation, "{name}");
    }
}

#[test]
fn worker_sees_amounts_of_what_is_in_their_care() {
    let engine = support::engine();
    let amount = engine.action("Transaction.amount").unwrap();
    let decisions = engine.decide(&human(Role::Worker, BTreeSet::new()), &[amount]);
    let Decision::Row(rule) = decisions.get(amount) else {
        panic!("{decisions:?}")
    };
    assert!(rule.decide(&kept(Some(ME), false)).is_ok());
    for row in [kept(Some(OTHER), false), kept(None, false)] {
        let refusal = rule.decide(&row).unwrap_err();
        assert!(refusal.rules().is_empty());
        assert!(
            refusal
                .missing()
                .iter()
                .any(|id| id == "human.financial-custodian")
        );
        assert!(refusal.rule().starts_with("no-permit("));
    }
}

#[test]
fn family_sees_the_household_and_nothing_of_the_company() {
    let engine = support::engine();
    let family = human(Role::Family, BTreeSet::new());
    for (id, name) in engine.actions() {
        if support::is_kept(engine.resource_of(id)) && !engine.is_in_group(id, "write") {
            let decisions = engine.decide(&family, &[id]);
            let Decision::Row(rule) = decisions.get(id) else {
                panic!("{name}")
            };
            assert!(rule.decide(&kept(None, true)).is_ok(), "{name}");
            assert!(rule.decide(&kept(None, false)).is_err(), "{name}");
        }
    }
    assert!(engine.read_scope::<resource::ApiToken>(&family).is_err());
}

#[test]
fn household_is_hidden_from_the_company_and_from_machines() {
    let engine = support::engine();
    for (id, name) in engine.actions() {
        if !support::is_kept(engine.resource_of(id)) {
            continue;
        }
        for role in [
            Role::Admin,
            Role::Manager,
            Role::Accountant,
            Role::Worker,
            Role::Auditor,
        ] {
            let actor = human(role, all_capabilities());
            assert!(
                engine.permit(&actor, id, &kept(Some(OTHER), true)).is_err(),
                "{role} {name}"
            );
        }
        let refusal = engine
            .permit(&machine(all_scopes()), id, &kept(None, true))
            .unwrap_err();
        assert_eq!(refusal.rule(), "machine.never-personal", "{name}");
    }
}

#[test]
fn what_was_not_decided_is_refused() {
    let engine = support::engine();
    let owner = human(Role::Owner, BTreeSet::new());
    let asked = engine.action("Account.id").unwrap();
    let other = engine.action("Account.name").unwrap();
    let decisions = engine.decide(&owner, &[asked]);
    assert!(!matches!(decisions.get(asked), Decision::Deny(_)));
    let Decision::Deny(refusal) = decisions.get(other) else {
        panic!("{decisions:?}")
    };
    assert_eq!(refusal.rule(), "undecided");
    assert!(engine.read_scope::<resource::Books>(&owner).is_err());
    assert!(engine.action("Account.secret").is_none());
}

#[test]
fn row_without_its_attributes_is_refused() {
    let engine = support::engine();
    let owner = human(Role::Owner, BTreeSet::new());
    let action = engine.action("Transaction.amount").unwrap();
    let torn = AnyRow {
        is_kept: false,
        ..kept(None, false)
    };
    let refusal = engine.permit(&owner, action, &torn).unwrap_err();
    assert_eq!(refusal.rule(), "policy-error");
    let manager = human(Role::Manager, BTreeSet::new());
    let decisions = engine.decide(&manager, &[action]);
    let Decision::Row(rule) = decisions.get(action) else {
        panic!("{decisions:?}")
    };
    assert!(rule.decide(&kept(None, false)).is_ok());
}

#[test]
fn nothing_is_left_that_the_engine_does_not_understand() {
    let engine = support::engine();
    let ids: Vec<_> = engine.actions().map(|(id, _)| id).collect();
    let mut actors = support::everybody();
    actors.extend(
        Role::ALL
            .iter()
            .map(|role| human(*role, all_capabilities())),
    );
    for actor in actors {
        for (id, decision) in engine.decide(&actor, &ids).iter() {
            let name = engine.action_name(id);
            match decision {
                Decision::Row(rule) => {
                    assert!(!rule.predicate().is_opaque(), "{name}");
                    let resource = engine.resource_of(id);
                    assert!(
                        support::is_kept(resource),
                        "{name} depends on a row of {resource}"
                    );
                }
                Decision::Deny(refusal) => assert_ne!(refusal.rule(), "policy-error", "{name}"),
                Decision::Allow(basis) => assert!(!basis.rules.is_empty(), "{name}"),
            }
        }
    }
}

#[test]
fn no_action_is_refused_to_all_by_oversight() {
    let engine = support::engine();
    let everybody = support::everybody().into_iter().map(|mut actor| {
        if let Principal::Human(human) = &mut actor.principal {
            human.mfa = true;
        }
        actor
    });
    let everybody: Vec<_> = everybody.collect();
    for (id, name) in engine.actions() {
        let may = |actor| !matches!(engine.decide(actor, &[id]).get(id), Decision::Deny(_));
        assert!(everybody.iter().any(may), "nobody may {name}");
    }
}

/// What was decided is not decided again, unless other policies decided it.
#[test]
fn what_may_be_read_is_the_same_by_what_was_decided() {
    let engine = support::engine();
    let actions: Vec<_> = engine.actions().map(|(id, _)| id).collect();
    let schema = countersign_policies::whole_schema();
    let fence_alone = engine.policies().filter(|policy| {
        let id = policy.annotation("id");
        id == Some("fence.tenant")
    });
    let fence_alone: String = fence_alone.map(ToString::to_string).collect();
    let strict = Engine::from_texts(&[&schema], &[&fence_alone]).unwrap();
    for role in Role::ALL.iter().copied() {
        let actor = human(role, BTreeSet::new());
        let own = engine.read_scope::<resource::Transaction>(&actor);
        let own = own.map(|scope| (scope.predicate().clone(), scope.permission().to_owned()));
        for decided in [&engine, &strict] {
            let decisions = decided.decide(&actor, &actions);
            let by = engine.read_scope_by::<resource::Transaction>(&actor, &decisions);
            let by = by.map(|scope| (scope.predicate().clone(), scope.permission().to_owned()));
            assert_eq!(by, own, "{role:?}");
        }
        let decisions = strict.decide(&actor, &actions);
        assert!(
            strict
                .read_scope_by::<resource::Transaction>(&actor, &decisions)
                .is_err()
        );
    }
}
