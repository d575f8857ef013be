//! That a proof proves: whatever is taken from the policies, or added to them, is found out.

use std::{fs, path::Path, sync::LazyLock};

use cedar_policy::{Effect, Policy, PolicyId};
use countersign_policies::Engine;
use countersign_proofs::{COMPILER, Invariants, ProofError, Solver, Subject, prove, refute};
use countersign_stand::solvers;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn solvers() -> Vec<Solver> {
    // Tests that run beside each other would install over each other.
    static INSTALLED: LazyLock<Vec<String>> = LazyLock::new(|| solvers::install(root()).unwrap());
    INSTALLED
        .iter()
        .map(|command| Solver::find(command).unwrap())
        .collect()
}

pub(crate) fn policies(engine: &Engine) -> Vec<Policy> {
    engine.policies().cloned().collect()
}

/// The story of what does not hold any more, where a policy came, went or was changed.
fn story(engine: &Engine, changed: Vec<Policy>, about: &Policy) -> Option<String> {
    let invariants = Invariants::embedded().unwrap();
    let one = solvers().remove(0);
    let subject = Subject::new(engine.schema().clone(), changed).about(about);
    let failure = refute(&subject, &invariants, &one).unwrap();
    failure.map(|failure| format!("{}: {}", failure.claim, failure.story))
}

fn with_condition(policy: &Policy, kind: &str, body: &Value) -> Policy {
    let mut json = policy.to_json().unwrap();
    let conditions = json["conditions"].as_array_mut().unwrap();
    conditions.push(json!({ "kind": kind, "body": body }));
    Policy::from_json(Some(policy.id().clone()), json).unwrap()
}

/// Every way to weaken a forbid that is tried: not there; only with, or only without, a second factor; not
/// for the tenant that is somebody's own.
fn weakened(policy: &Policy) -> Vec<(&'static str, Option<Policy>)> {
    let mfa = json!({ ".": { "left": { "Var": "context" }, "attr": "mfa" } });
    let of = |who: &str| json!({ ".": { "left": { "Var": who }, "attr": "tenant" } });
    let own = json!({ "==": { "left": of("principal"), "right": of("resource") } });
    let mut ways = vec![
        ("deleted", None),
        (
            "with a second factor only",
            Some(with_condition(policy, "when", &mfa)),
        ),
    ];
    // What asks for one forbids nothing with one to begin with.
    if policy.id().to_string() != "export.second-factor" {
        ways.push((
            "without a second factor only",
            Some(with_condition(policy, "unless", &mfa)),
        ));
    }
    // The fence forbids nothing of the own tenant to begin with.
    if policy.id().to_string() != "fence.tenant" {
        ways.push((
            "not in the own tenant",
            Some(with_condition(policy, "unless", &own)),
        ));
    }
    ways
}

#[test]
fn no_forbid_can_be_deleted_or_weakened() {
    let engine = Engine::embedded().unwrap();
    let mut tried = 0;
    for (at, policy) in policies(&engine).iter().enumerate() {
        if policy.effect() != Effect::Forbid {
            continue;
        }
        for (how, weaker) in weakened(policy) {
            let mut changed = policies(&engine);
            match weaker {
                Some(weaker) => changed[at] = weaker,
                None => _ = changed.remove(at),
            }
            let told = story(&engine, changed, policy);
            let told = told.unwrap_or_else(|| panic!("{} {how}: nobody notices", policy.id()));
            assert!(
                told.contains("The engine allows it"),
                "{} {how}: {told}",
                policy.id()
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 11 * 4 - 2);
}

#[test]
fn a_permit_that_reaches_too_far_is_told_as_a_story() {
    let engine = Engine::embedded().unwrap();
    let text = "permit (principal is Countersign::Human, \
                action in Countersign::Action::\"read.audit\", resource) \
                when { principal in Countersign::Role::\"worker\" };";
    let more = Policy::parse(Some(PolicyId::new("too.far")), text).unwrap();
    let mut changed = policies(&engine);
    changed.push(more.clone());
    let told = story(&engine, changed, &more).unwrap();
    for part in [
        "only.audit",
        "who is worker",
        "by too.far",
        "Rule 18: Owner, admin and auditor",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // And one that is missing breaks a promise.
    let mut fewer = policies(&engine);
    let at = fewer
        .iter()
        .position(|policy| policy.id().to_string() == "human.member");
    let missing = fewer.remove(at.unwrap());
    let told = story(&engine, fewer, &missing).unwrap();
    assert!(
        told.contains("The engine refuses it, for want of a permit"),
        "{told}"
    );
}

#[test]
fn solvers_prove_nothing_alone_or_where_they_do_not_agree() {
    let engine = Engine::embedded().unwrap();
    let invariants = Invariants::embedded().unwrap();
    let one = solvers().remove(0);
    let alone = prove(
        &Subject::of(&engine),
        &invariants,
        &[one.clone(), one.clone()],
    );
    assert!(matches!(alone, Err(ProofError::Alone(_))), "{alone:?}");
    // One that calls everything unsatisfiable proves everything.
    let liar = std::env::temp_dir().join(format!("countersign-liar-{}.sh", std::process::id()));
    let script = "case \"$*\" in *--version*) echo cvc5 9.9.9; exit;; esac\n\
                  while read -r line; do [ \"$line\" = '(check-sat)' ] && echo unsat; done\n";
    fs::write(&liar, script).unwrap();
    let other = Solver::find(&format!("sh {}", liar.display())).unwrap();
    let mut weakened = policies(&engine);
    let at = weakened
        .iter()
        .position(|policy| policy.id().to_string() == "worker.never-administers");
    let missing = weakened.remove(at.unwrap());
    let weakened = Subject::new(engine.schema().clone(), weakened).about(&missing);
    let disagreed = prove(&weakened, &invariants, &[one, other]);
    fs::remove_file(&liar).unwrap();
    let is_told = matches!(disagreed, Err(ProofError::Disagreement { .. }));
    assert!(is_told, "{disagreed:?}");
    let absent = Solver::find("no-such-solver");
    assert!(absent.unwrap_err().to_string().contains("install cvc5"));
}

#[test]
fn the_compiler_is_the_one_that_is_locked() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let (name, version) = COMPILER.split_once(' ').unwrap();
    let entry = format!("name = \"{name}\"\nversion = \"{version}\"");
    assert!(lock.contains(&entry));
}
