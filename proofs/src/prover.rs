//! Asks the solvers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::future::try_join_all;

use crate::{
    Claim, Invariants, ProofError, Solver, Subject,
    examiner::{Examiner, Verdicts, concerned, examine, gave_up},
    story,
};

/// The compiler, by name and version.
pub const COMPILER: &str = "cedar-policy-symcc 0.8.1";
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
