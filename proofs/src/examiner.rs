//! What one solver says of every claim.

use std::collections::{BTreeMap, HashSet};

use cedar_policy::{Effect, Policy, PolicySet, RequestEnv};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, solver::LocalSolver,
};

use crate::{
    Claim, Invariants, ProofError, Solver, Subject,
    invariant::{Invariant, Meaning},
    subject::{environments, everything, name, set},
};

/// Whether each claim holds.
pub(crate) type Verdicts = BTreeMap<Claim, bool>;

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
pub(crate) async fn examine(
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
pub(crate) type Concerned<'a> = Vec<(&'a Invariant, HashSet<String>)>;

pub(crate) fn concerned<'a>(invariants: &'a Invariants, subject: &Subject) -> Concerned<'a> {
    let all = invariants.0.iter();
    all.map(|invariant| (invariant, environments(&invariant.policy, &subject.schema)))
        .collect()
}

pub(crate) struct Examiner<'a> {
    subject: &'a Subject,
    solver: CedarSymCompiler<LocalSolver>,
    whole: PolicySet,
    ceilings: PolicySet,
    pub(crate) verdicts: Verdicts,
}

impl<'a> Examiner<'a> {
    pub(crate) fn new(subject: &'a Subject, solver: &Solver) -> Result<Self, ProofError> {
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
    pub(crate) async fn hold_all(
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
