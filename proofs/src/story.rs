//! A counterexample, told: who, what, which row, and what the engine says to it.

use cedar_policy::{Authorizer, Decision, Entity, EvalResult, PolicySet, RequestEnv};
use cedar_policy_symcc::{CompiledPolicy, CompiledPolicySet, Env, err::Error};

use crate::{
    Claim, Invariants, ProofError, Solver, Subject,
    examiner::{gave_up, specification},
    invariant::Invariant,
    subject::name,
};

/// The story of a claim that does not hold. It is looked for again, with a model, and what is found is put
/// to the engine's own evaluator, so that no mistake of the compiler is taken for one of the policies.
pub(crate) async fn of(
    subject: &Subject,
    invariants: &Invariants,
    solver: &Solver,
    claim: &Claim,
) -> Result<String, ProofError> {
    let told = |error: Error| gave_up(&claim.to_string(), error);
    let mut solver = solver.start()?;
    let (policies, invariant, environment) = match claim {
        Claim::Ceiling {
            invariant,
            environment,
        } => (subject.ceilings()?, Some(invariant), environment),
        Claim::Bound {
            invariant,
            environment,
        }
        | Claim::Promise {
            invariant,
            environment,
        } => (subject.whole()?, Some(invariant), environment),
        Claim::NeverFails { environment, .. } => (subject.whole()?, None, environment),
        Claim::Alive { .. } | Claim::LoadBearing { .. } | Claim::Denied { .. } => {
            return Ok(String::new());
        }
    };
    let mut environments = subject.environments.iter();
    let Some(environment) = environments.find(|one| name(one) == *environment) else {
        return Ok(String::new());
    };
    let compile = |policies: &PolicySet, environment: &RequestEnv| {
        CompiledPolicySet::compile(policies, environment, &subject.schema).map_err(told)
    };
    let invariant = invariant.and_then(|id| invariants.0.iter().find(|one| one.id == *id));
    let found = match (claim, invariant) {
        (Claim::NeverFails { policy, .. }, _) => {
            let policy = subject
                .policies
                .iter()
                .find(|one| one.id().to_string() == *policy);
            let Some(policy) = policy else {
                return Ok(String::new());
            };
            let compiled = CompiledPolicy::compile(policy, environment, &subject.schema);
            let compiled = compiled.map_err(told)?;
            solver
                .check_never_errors_with_counterexample_opt(&compiled)
                .await
        }
        (_, Some(invariant)) => {
            let own = compile(&policies, environment)?;
            let claimed = compile(&specification(invariant)?, environment)?;
            let (less, more) = match claim {
                Claim::Promise { .. } => (&claimed, &own),
                _ => (&own, &claimed),
            };
            solver
                .check_implies_with_counterexample_opt(less, more)
                .await
        }
        (_, None) => return Ok(String::new()),
    };
    let found = found.map_err(told)?;
    Ok(found.map_or_else(String::new, |env| tell(&env, &policies, invariant)))
}

/// The story of somebody who may by one set what they may not by the other, once the engine's own evaluator has
/// said the same of both.
pub(crate) fn of_both(
    env: &Env,
    before: &PolicySet,
    after: &PolicySet,
    gains: bool,
) -> Result<String, ProofError> {
    let (old, new) = (Verdict::of(env, before), Verdict::of(env, after));
    let scene = scene(env).unwrap_or_default();
    if (old.is_allowed, new.is_allowed) != (!gains, gains) {
        return Err(gave_up(
            &scene,
            "the engine does not say what the solver does",
        ));
    }
    Ok(format!(
        "{scene}. The old set {}; the new one {}.",
        old.words, new.words
    ))
}

fn tell(env: &Env, policies: &PolicySet, invariant: Option<&Invariant>) -> String {
    let Some(scene) = scene(env) else {
        return String::new();
    };
    let Verdict { words, errors, .. } = Verdict::of(env, policies);
    let errors = if errors.is_empty() {
        String::new()
    } else {
        format!(" What fails: {}.", errors.join("; "))
    };
    let rule = invariant.map_or_else(String::new, |invariant| {
        format!(" Rule {}: {}", invariant.rule, invariant.sentence)
    });
    format!("{scene}. The engine {words}.{errors}{rule}")
}

/// Who asks for what of which row.
fn scene(env: &Env) -> Option<String> {
    let request = &env.request;
    let (principal, action) = (request.principal()?, request.action()?);
    let who = env
        .entities
        .get(principal)
        .map_or_else(String::new, |entity| {
            let ancestors = env.entities.ancestors(principal);
            let roles: Vec<String> = ancestors
                .into_iter()
                .flatten()
                .map(|role| role.id().unescaped().to_owned())
                .collect();
            person(entity, roles)
        });
    let what = env.entities.get(request.resource()?);
    let what = what.map_or_else(String::new, |entity| row(entity, principal));
    let facts = request.context().map_or_else(String::new, facts);
    let action = action.id().unescaped();
    Some(format!("{who} asks for {action} of {what}{facts}"))
}

/// What the engine's evaluator says.
struct Verdict {
    is_allowed: bool,
    /// `refuses it, for want of a permit`.
    words: String,
    errors: Vec<String>,
}

impl Verdict {
    fn of(env: &Env, policies: &PolicySet) -> Self {
        let answer = Authorizer::new().is_authorized(&env.request, policies, &env.entities);
        let is_allowed = answer.decision() == Decision::Allow;
        let verb = if is_allowed { "allows" } else { "refuses" };
        let mut rules: Vec<String> = answer
            .diagnostics()
            .reason()
            .map(ToString::to_string)
            .collect();
        rules.sort();
        let by = if rules.is_empty() {
            ", for want of a permit".to_owned()
        } else {
            format!(" by {}", rules.join(", "))
        };
        let errors = answer.diagnostics().errors().map(ToString::to_string);
        Self {
            is_allowed,
            words: format!("{verb} it{by}"),
            errors: errors.collect(),
        }
    }
}

fn names(entity: &Entity, attribute: &str) -> Vec<String> {
    let Some(Ok(EvalResult::Set(set))) = entity.attr(attribute) else {
        return Vec::new();
    };
    let mut names: Vec<String> = set
        .iter()
        .filter_map(|one| match one {
            EvalResult::EntityUid(uid) => Some(uid.id().unescaped().to_owned()),
            _ => None,
        })
        .collect();
    names.sort();
    names
}

fn listed(names: &[String], none: &str) -> String {
    if names.is_empty() {
        none.to_owned()
    } else {
        names.join(" and ")
    }
}

fn tenant(entity: &Entity) -> String {
    match entity.attr("tenant") {
        Some(Ok(EvalResult::EntityUid(uid))) => format!("tenant \"{}\"", uid.id().unescaped()),
        _ => "no tenant".to_owned(),
    }
}

fn person(entity: &Entity, mut roles: Vec<String>) -> String {
    roles.sort();
    let of = tenant(entity);
    if entity.uid().type_name().basename() == "Machine" {
        let scopes = listed(&names(entity, "scopes"), "no scope");
        return format!("A machine of {of} with {scopes}");
    }
    let capabilities = names(entity, "capabilities");
    let granted = if capabilities.is_empty() {
        String::new()
    } else {
        format!(", granted {}", capabilities.join(" and "))
    };
    format!(
        "A person of {of} who is {}{granted},",
        listed(&roles, "of no role")
    )
}

fn row(entity: &Entity, principal: &cedar_policy::EntityUid) -> String {
    let mut told = format!(
        "a row ({}) of {}",
        entity.uid().type_name().basename(),
        tenant(entity)
    );
    if let Some(Ok(EvalResult::Bool(personal))) = entity.attr("personal") {
        told.push_str(if personal {
            ", of the household"
        } else {
            ", of the company"
        });
    }
    match entity.attr("custodian") {
        Some(Ok(EvalResult::EntityUid(uid))) if uid == *principal => {
            told.push_str(", in their own care");
        }
        Some(Ok(EvalResult::EntityUid(_))) => told.push_str(", in somebody else's care"),
        _ => {}
    }
    told
}

fn facts(context: &cedar_policy::Context) -> String {
    let is_set = |name: &str| matches!(context.get(name), Some(EvalResult::Bool(true)));
    let mut told = String::new();
    if is_set("tenantSuspended") {
        told.push_str(", while the tenant is suspended");
    }
    if !is_set("mfa") {
        told.push_str(", without a second factor");
    }
    told
}
