//! Asks the solvers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, solver::LocalSolver,
};
use countersign_policies::Engine;
use futures::future::try_join_all;

use crate::{
    Claim, Invariants, ProofError, Solver,
    invariant::{Invariant, Meaning},
    story,
};

/// The compiler, by name and version.
pub const COMPILER: &str = "cedar-policy-symcc 0.8.1";
/// Beside the forbids, where these must hold whatever is permitted.
pub(crate) const EVERYTHING: &str = "permit-everything";

/// Policies that something is claimed of.
#[derive(Debug, Clone)]
pub struct Subject {
    pub(crate) schema: Schema,
    pub(crate) policies: Vec<Policy>,
    pub(crate) environments: Vec<RequestEnv>,
}

impl Subject {
    /// The policies that an engine decides by.
    pub fn of(engine: &Engine) -> Self {
        Self::new(engine.schema().clone(), engine.policies().cloned())
    }

    /// Any policies, each under an id of its own.
    pub fn new(schema: Schema, policies: impl IntoIterator<Item = Policy>) -> Self {
        let mut policies: Vec<Policy> = policies.into_iter().collect();
        policies.sort_by_key(|policy| policy.id().to_string());
        let environments = schema.request_envs().collect();
        Self {
            schema,
            policies,
            environments,
        }
    }

    /// The same, for those kinds of request alone that a policy can apply to.
    #[must_use]
    pub fn about(mut self, policy: &Policy) -> Self {
        let concerned = environments(policy, &self.schema);
        self.environments
            .retain(|environment| concerned.contains(&name(environment)));
        self
    }

    /// All of them.
    pub(crate) fn whole(&self) -> Result<PolicySet, ProofError> {
        set(self.policies.iter().cloned())
    }

    /// The forbids, beside a permit for everything.
    pub(crate) fn ceilings(&self) -> Result<PolicySet, ProofError> {
        let forbids = self.policies.iter();
        let forbids = forbids.filter(|policy| policy.effect() == Effect::Forbid);
        set(forbids.cloned().chain([everything()?]))
    }
}

fn set(policies: impl IntoIterator<Item = Policy>) -> Result<PolicySet, ProofError> {
    PolicySet::from_policies(policies).map_err(|error| ProofError::Unreadable(error.to_string()))
}

fn everything() -> Result<Policy, ProofError> {
    let text = "permit (principal, action, resource);";
    Policy::parse(Some(PolicyId::new(EVERYTHING)), text)
        .map_err(|error| ProofError::Unreadable(error.to_string()))
}

/// A claim that does not hold.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The first claim of its kind.
    pub claim: Claim,
    /// Who, what, which row; empty where there is nothing to tell.
    pub story: String,
    /// In how many more environments the same fails.
    pub others: usize,
}

/// What the solvers say.
#[derive(Debug, Clone)]
pub struct Proof {
    /// How many environments there are.
    pub environments: usize,
    /// How many claims of each kind were looked at, by each solver.
    pub claims: BTreeMap<&'static str, usize>,
    /// What does not hold.
    pub failures: Vec<Failure>,
    /// What nobody may do.
    pub denied: BTreeSet<String>,
    /// Which solvers agree.
    pub solvers: Vec<String>,
}

/// Puts every claim to every solver, at the same time. Two versions at least. Blocks until they have
/// answered, on a runtime of its own: not to be called on a thread of another one.
pub fn prove(
    subject: &Subject,
    invariants: &Invariants,
    solvers: &[Solver],
) -> Result<Proof, ProofError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| gave_up("all claims", error))?;
    runtime.block_on(ask(subject, invariants, solvers))
}

async fn ask(
    subject: &Subject,
    invariants: &Invariants,
    solvers: &[Solver],
) -> Result<Proof, ProofError> {
    let names: Vec<String> = solvers
        .iter()
        .map(|solver| solver.name().to_owned())
        .collect();
    let (Some(first), Some(first_solver), true) = (
        names.first(),
        solvers.first(),
        names.iter().collect::<HashSet<_>>().len() > 1,
    ) else {
        return Err(ProofError::Alone(names.join(", ")));
    };
    let examined = solvers.iter().map(|solver| {
        let (subject, invariants, solver) = (subject.clone(), invariants.clone(), solver.clone());
        let task = tokio::spawn(async move { examine(&subject, &invariants, &solver).await });
        async {
            task.await
                .unwrap_or_else(|error| Err(gave_up("all claims", error)))
        }
    });
    let mut examined = try_join_all(examined).await?.into_iter();
    let verdicts = examined.next().unwrap_or_default();
    for (name, other) in names.iter().skip(1).zip(examined) {
        agree((first, &verdicts), (name, &other))?;
    }
    let mut claims = BTreeMap::new();
    let mut denied = BTreeSet::new();
    let mut failed: Vec<Claim> = Vec::new();
    for (claim, holds) in verdicts {
        let count: &mut usize = claims.entry(claim.kind()).or_default();
        *count = count.saturating_add(1);
        match (claim, holds) {
            (Claim::Denied { environment }, true) => _ = denied.insert(environment),
            (Claim::Denied { .. }, false) | (_, true) => {}
            (claim, false) => failed.push(claim),
        }
    }
    Ok(Proof {
        environments: subject.environments.len(),
        claims,
        failures: tell(subject, invariants, first_solver, failed).await?,
        denied,
        solvers: names,
    })
}

/// The first invariant that does not hold, with its story, by one solver: to try out a change. No proof.
pub fn refute(
    subject: &Subject,
    invariants: &Invariants,
    solver: &Solver,
) -> Result<Option<Failure>, ProofError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| gave_up("all claims", error))?;
    runtime.block_on(async {
        let mut examiner = Examiner::new(subject, solver)?;
        let concerned = concerned(invariants, subject);
        for environment in &subject.environments {
            examiner.hold_all(environment, &concerned).await?;
            let failed = examiner.verdicts.iter().find(|(_, holds)| !**holds);
            if let Some((claim, _)) = failed {
                let failed = vec![claim.clone()];
                return Ok(tell(subject, invariants, solver, failed).await?.pop());
            }
        }
        Ok(None)
    })
}

type Verdicts = BTreeMap<Claim, bool>;

fn agree(one: (&str, &Verdicts), other: (&str, &Verdicts)) -> Result<(), ProofError> {
    let claims: BTreeSet<&Claim> = one.1.keys().chain(other.1.keys()).collect();
    for claim in claims {
        let holds = |verdicts: &Verdicts| verdicts.get(claim).copied().unwrap_or_default();
        let (by_one, by_other) = (holds(one.1), holds(other.1));
        if by_one != by_other {
            return Err(ProofError::Disagreement {
                claim: claim.to_string(),
                one: by_one,
                by_one: one.0.to_owned(),
                other: by_other,
                by_other: other.0.to_owned(),
            });
        }
    }
    Ok(())
}

/// One failure for each invariant and kind of claim, with its story.
async fn tell(
    subject: &Subject,
    invariants: &Invariants,
    solver: &Solver,
    failed: Vec<Claim>,
) -> Result<Vec<Failure>, ProofError> {
    let mut failures: Vec<Failure> = Vec::new();
    for claim in failed {
        let same = |told: &&mut Failure| match (&told.claim, &claim) {
            (Claim::Ceiling { invariant: a, .. }, Claim::Ceiling { invariant: b, .. })
            | (Claim::Bound { invariant: a, .. }, Claim::Bound { invariant: b, .. })
            | (Claim::Promise { invariant: a, .. }, Claim::Promise { invariant: b, .. })
            | (Claim::NeverFails { policy: a, .. }, Claim::NeverFails { policy: b, .. }) => a == b,
            _ => false,
        };
        if let Some(told) = failures.iter_mut().find(same) {
            told.others = told.others.saturating_add(1);
            continue;
        }
        failures.push(Failure {
            story: story::of(subject, invariants, solver, &claim).await?,
            claim,
            others: 0,
        });
    }
    Ok(failures)
}

pub(crate) fn name(environment: &RequestEnv) -> String {
    let (principal, action) = (environment.principal(), environment.action());
    format!("{} {}", principal.basename(), action.id().unescaped())
}

pub(crate) fn gave_up(claim: &str, cause: impl std::fmt::Display) -> ProofError {
    ProofError::GaveUp {
        claim: claim.to_owned(),
        cause: cause.to_string(),
    }
}

/// What is claimed, as policies that must allow at least as much as the subject, or at most.
pub(crate) fn specification(invariant: &Invariant) -> Result<PolicySet, ProofError> {
    match invariant.meaning {
        Meaning::Ceiling | Meaning::Bound => set([everything()?, invariant.policy.clone()]),
        Meaning::Promise => set([invariant.policy.clone()]),
    }
}

/// What a solver says of every claim.
async fn examine(
    subject: &Subject,
    invariants: &Invariants,
    solver: &Solver,
) -> Result<Verdicts, ProofError> {
    let mut examiner = Examiner::new(subject, solver)?;
    for policy in &subject.policies {
        let policy = policy.id().to_string();
        for claim in [
            Claim::Alive {
                policy: policy.clone(),
            },
            Claim::LoadBearing { policy },
        ] {
            examiner.verdicts.insert(claim, false);
        }
    }
    let concerned = concerned(invariants, subject);
    let policies: Vec<(&Policy, HashSet<String>)> = subject
        .policies
        .iter()
        .map(|policy| (policy, environments(policy, &subject.schema)))
        .collect();
    for environment in &subject.environments {
        examiner.examine(environment, &concerned, &policies).await?;
    }
    Ok(examiner.verdicts)
}

/// Invariants, each with the environments that it speaks of.
type Concerned<'a> = Vec<(&'a Invariant, HashSet<String>)>;

fn concerned<'a>(invariants: &'a Invariants, subject: &Subject) -> Concerned<'a> {
    let all = invariants.0.iter();
    all.map(|invariant| (invariant, environments(&invariant.policy, &subject.schema)))
        .collect()
}

fn environments(policy: &Policy, schema: &Schema) -> HashSet<String> {
    policy
        .get_valid_request_envs(schema)
        .map(|environment| name(&environment))
        .collect()
}

struct Examiner<'a> {
    subject: &'a Subject,
    solver: CedarSymCompiler<LocalSolver>,
    whole: PolicySet,
    ceilings: PolicySet,
    verdicts: Verdicts,
}

impl<'a> Examiner<'a> {
    fn new(subject: &'a Subject, solver: &Solver) -> Result<Self, ProofError> {
        Ok(Self {
            subject,
            solver: solver.start()?,
            whole: subject.whole()?,
            ceilings: subject.ceilings()?,
            verdicts: Verdicts::new(),
        })
    }

    async fn examine(
        &mut self,
        environment: &RequestEnv,
        invariants: &Concerned<'_>,
        policies: &[(&Policy, HashSet<String>)],
    ) -> Result<(), ProofError> {
        let (whole, ceilings) = self.hold_all(environment, invariants).await?;
        let name = name(environment);
        let denied = self.solver.check_always_denies_opt(&whole).await;
        let claim = Claim::Denied {
            environment: name.clone(),
        };
        self.verdict(claim, denied)?;
        for (policy, _) in policies.iter().filter(|(_, all)| all.contains(&name)) {
            self.weigh(policy, environment, &whole, &ceilings).await?;
        }
        Ok(())
    }

    /// What is claimed of an environment. Returns the whole set and its ceilings, compiled for it.
    async fn hold_all(
        &mut self,
        environment: &RequestEnv,
        invariants: &Concerned<'_>,
    ) -> Result<(CompiledPolicySet, CompiledPolicySet), ProofError> {
        let name = name(environment);
        let whole = self.compile(&self.whole, environment)?;
        let ceilings = self.compile(&self.ceilings, environment)?;
        for (invariant, _) in invariants.iter().filter(|(_, all)| all.contains(&name)) {
            self.hold(invariant, environment, &whole, &ceilings).await?;
        }
        Ok((whole, ceilings))
    }

    async fn hold(
        &mut self,
        invariant: &Invariant,
        environment: &RequestEnv,
        whole: &CompiledPolicySet,
        ceilings: &CompiledPolicySet,
    ) -> Result<(), ProofError> {
        let claimed = self.compile(&specification(invariant)?, environment)?;
        let (id, environment) = (invariant.id.clone(), name(environment));
        let (claim, less, more) = match invariant.meaning {
            Meaning::Ceiling => (
                Claim::Ceiling {
                    invariant: id,
                    environment,
                },
                ceilings,
                &claimed,
            ),
            Meaning::Bound => (
                Claim::Bound {
                    invariant: id,
                    environment,
                },
                whole,
                &claimed,
            ),
            Meaning::Promise => (
                Claim::Promise {
                    invariant: id,
                    environment,
                },
                &claimed,
                whole,
            ),
        };
        let holds = self.solver.check_implies_opt(less, more).await;
        self.verdict(claim, holds)
    }

    /// Whether a policy can fail, applies to anything, and changes anything: a permit among all, a
    /// forbid among the forbids, which stand above permits that are not there yet.
    async fn weigh(
        &mut self,
        policy: &Policy,
        environment: &RequestEnv,
        whole: &CompiledPolicySet,
        ceilings: &CompiledPolicySet,
    ) -> Result<(), ProofError> {
        let id = policy.id().to_string();
        let compiled = CompiledPolicy::compile(policy, environment, &self.subject.schema)
            .map_err(|error| gave_up(&id, error))?;
        let claim = Claim::NeverFails {
            policy: id.clone(),
            environment: name(environment),
        };
        let holds = self.solver.check_never_errors_opt(&compiled).await;
        self.verdict(claim, holds)?;
        let alive = Claim::Alive { policy: id.clone() };
        if self.verdicts.get(&alive) == Some(&false) {
            let idle = self.solver.check_never_matches_opt(&compiled).await;
            self.verdict(alive, idle.map(|idle| !idle))?;
        }
        let bears = Claim::LoadBearing { policy: id };
        if self.verdicts.get(&bears) == Some(&false) {
            let (all, with) = match policy.effect() {
                Effect::Permit => (&self.whole, whole),
                Effect::Forbid => (&self.ceilings, ceilings),
            };
            let others = all.policies().filter(|other| other.id() != policy.id());
            let without = self.compile(&set(others.cloned())?, environment)?;
            let same = self.solver.check_equivalent_opt(with, &without).await;
            self.verdict(bears, same.map(|same| !same))?;
        }
        Ok(())
    }

    fn compile(
        &self,
        policies: &PolicySet,
        environment: &RequestEnv,
    ) -> Result<CompiledPolicySet, ProofError> {
        CompiledPolicySet::compile(policies, environment, &self.subject.schema)
            .map_err(|error| gave_up(&name(environment), error))
    }

    fn verdict(
        &mut self,
        claim: Claim,
        holds: Result<bool, cedar_policy_symcc::err::Error>,
    ) -> Result<(), ProofError> {
        let holds = holds.map_err(|error| gave_up(&claim.to_string(), error))?;
        self.verdicts.insert(claim, holds);
        Ok(())
    }
}
