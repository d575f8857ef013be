//! Two sets of policies are compared for every possible request: what no shape shows is found, and another way to
//! say the same is proved to be the same.

use std::fs;

use cedar_policy::{Policy, PolicyId};
use countersign_policies::Engine;
use countersign_proofs::{ProofError, Solver, Subject, compare};

use super::claims::{policies, solvers};

fn one() -> Vec<Solver> {
    vec![solvers().remove(0)]
}

fn with(engine: &Engine, text: &str) -> Subject {
    let more = Policy::parse(Some(PolicyId::new("more")), text).unwrap();
    let all = policies(engine).into_iter().chain([more]);
    Subject::new(engine.schema().clone(), all)
}

fn changed(engine: &Engine, id: &str, from: &str, to: &str) -> Subject {
    let mut all = policies(engine);
    let policy = all
        .iter_mut()
        .find(|policy| policy.id().to_string() == id)
        .unwrap();
    let text = policy.to_string();
    assert!(text.contains(from), "{from} in {text}");
    *policy = Policy::parse(Some(PolicyId::new(id)), text.replace(from, to)).unwrap();
    Subject::new(engine.schema().clone(), all)
}

#[test]
fn another_way_to_say_the_same_is_proved_to_be_the_same() {
    let engine = Engine::embedded().unwrap();
    let own = Subject::of(&engine);
    let same = compare(&own, &own, &one()).unwrap();
    assert_eq!((same.questions, same.differences), (0, vec![]));
    let other = changed(
        &engine,
        "machine.never-personal",
        "resource has personal && resource.personal",
        "!(!(resource has personal) || !(resource.personal && true))",
    );
    let both = solvers();
    let compared = compare(&own, &other, &both).unwrap();
    assert!(compared.questions > 0, "{compared:?}");
    assert_eq!(compared.differences, []);
    assert_eq!(compared.solvers.len(), 2);
    assert!(compared.environments > 200, "{}", compared.environments);
    // A permit that reaches nothing which others do not.
    let redundant = with(
        &engine,
        "permit (principal is Countersign::Human, action in Countersign::Action::\"read.audit\", resource) \
         when { principal in Countersign::Role::\"owner\" && context.mfa };",
    );
    let compared = compare(&own, &redundant, &one()).unwrap();
    assert!(compared.questions > 0);
    assert_eq!(compared.differences, []);
}

#[test]
fn what_no_shape_shows_is_found_and_told_as_a_story() {
    let engine = Engine::embedded().unwrap();
    let text = "permit (principal is Countersign::Human, action in Countersign::Action::\"read.audit\", resource) \
         when { principal in Countersign::Role::\"worker\" && principal.capabilities.containsAll(\
         [Countersign::Capability::\"read.pii\", Countersign::Capability::\"write.basic\"]) };";
    // Two capabilities together: nobody who is enumerated has them.
    let mut texts: Vec<String> = policies(&engine).iter().map(ToString::to_string).collect();
    texts.push(format!(
        "@id(\"more\") @rule(\"1\") @control(\"AUT-1\") @description(\"A test.\") {text}"
    ));
    let files = [
        include_str!("../../../policies/cedar/schema.cedarschema"),
        include_str!("../../../policies/cedar/actions.cedarschema"),
    ];
    let wider = Engine::from_texts(&files, &[&texts.join("\n")]).unwrap();
    assert_eq!(engine.effects().differences(&wider.effects()), []);
    let (before, after) = (Subject::of(&engine), Subject::of(&wider));
    let gained = compare(&before, &after, &one()).unwrap().differences;
    let lost = compare(&after, &before, &one()).unwrap().differences;
    for (found, gains, said) in [
        (
            gained,
            true,
            "The old set refuses it, for want of a permit; the new one allows it by more.",
        ),
        (
            lost,
            false,
            "The old set allows it by more; the new one refuses it, for want of a permit.",
        ),
    ] {
        assert!(!found.is_empty());
        let mut environments = Vec::new();
        for difference in &found {
            assert_eq!(difference.gains, gains);
            for part in ["who is worker", "read.pii", "write.basic", said] {
                assert!(
                    difference.story.contains(part),
                    "{part}: {}",
                    difference.story
                );
            }
            environments.extend(difference.environments.clone());
        }
        assert!(environments.contains(&"Human AuditEntry.seq".to_owned()));
        let reads = |name: &String| {
            let (_, action) = name.split_once(' ').unwrap();
            engine.is_in_group(engine.action(action).unwrap(), "read.audit")
        };
        assert!(environments.iter().all(reads), "{environments:?}");
    }
}

#[test]
fn solvers_that_do_not_agree_are_not_believed() {
    let engine = Engine::embedded().unwrap();
    let own = Subject::of(&engine);
    let wider = with(
        &engine,
        "permit (principal is Countersign::Machine, action == Countersign::Action::\"Query.auditEntries\", resource);",
    );
    let liar = std::env::temp_dir().join(format!("countersign-lies-{}.sh", std::process::id()));
    let script = "case \"$*\" in *--version*) echo cvc5 9.9.9; exit;; esac\n\
                  while read -r line; do [ \"$line\" = '(check-sat)' ] && echo unsat; done\n";
    fs::write(&liar, script).unwrap();
    let other = Solver::find(&format!("sh {}", liar.display())).unwrap();
    let both = [solvers().remove(0), other];
    let disagreed = compare(&own, &wider, &both);
    fs::remove_file(&liar).unwrap();
    let is_told = matches!(disagreed, Err(ProofError::Disagreement { .. }));
    assert!(is_told, "{disagreed:?}");
    assert!(matches!(
        compare(&own, &wider, &[]),
        Err(ProofError::Alone(_))
    ));
}
