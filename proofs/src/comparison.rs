//! Two sets of policies, compared for every possible request.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cedar_policy::{Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, solver::LocalSolver};

use crate::{
    ProofError, Solver, Subject,
    examiner::gave_up,
    story,
    subject::{environments, name, set},
};

/// Kinds of request that are decided otherwise, all by the same policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What each is: `Human Transaction.amount`. There is one at least.
    pub environments: Vec<String>,
    /// Whether more is allowed, and not less.
    pub gains: bool,
    /// Somebody who shows it on a row, for the first of them: who, what, which row, and what either set says.
    pub story: String,
}

/// What the solvers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How many kinds of request there are in either.
    pub environments: usize,
    /// How many questions were asked of each solver. Where the same policies apply nothing is asked.
    pub questions: usize,
    /// What is decided otherwise. Where there is nothing, the two are proved to decide everything alike.
    pub differences: Vec<Difference>,
    /// Which solvers say so.
    pub solvers: Vec<String>,
}

/// One of the two sets, with the kinds of request that each of its policies can apply to.
struct Set<'a> {
    schema: &'a Schema,
    environments: BTreeMap<String, &'a RequestEnv>,
    policies: Vec<(&'a Policy, HashSet<String>)>,
}

impl<'a> Set<'a> {
    fn of(subject: &'a Subject) -> Self {
        let all = subject.environments.iter();
        let policies = subject.policies.iter();
        Self {
            schema: &subject.schema,
            environments: all.map(|one| (name(one), one)).collect(),
            policies: policies
                .map(|policy| (policy, environments(policy, &subject.schema)))
                .collect(),
        }
    }

    /// The policies that can apply to a kind of request.
    fn applying(&self, name: &str) -> impl Iterator<Item = &'a Policy> {
        let all = self.policies.iter();
        all.filter(move |(_, kinds)| kinds.contains(name))
            .map(|(policy, _)| *policy)
    }

    /// What they say, in the order of the words.
    fn texts(&self, name: &str) -> Vec<String> {
        let mut texts: Vec<String> = self.applying(name).map(said).collect();
        texts.sort();
        texts
    }
}

/// What makes two kinds of request one question: the types, and what of either set can apply.
type Question = (String, String, Vec<String>, Vec<String>);

/// Compares two sets, by every solver named; they must agree. Blocks until they have answered, on a runtime of its
/// own: not to be called on a thread of another one.
pub fn compare(old: &Subject, new: &Subject, solvers: &[Solver]) -> Result<Comparison, ProofError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| gave_up("the comparison", error))?;
    runtime.block_on(ask(old, new, solvers))
}

async fn ask(old: &Subject, new: &Subject, solvers: &[Solver]) -> Result<Comparison, ProofError> {
    if solvers.is_empty() {
        return Err(ProofError::Alone("none".to_owned()));
    }
    let mut started = Vec::new();
    for solver in solvers {
        started.push((solver.name().to_owned(), solver.start()?));
    }
    let (old, new) = (Set::of(old), Set::of(new));
    let names: BTreeSet<&String> = old
        .environments
        .keys()
        .chain(new.environments.keys())
        .collect();
    let mut alike: BTreeMap<Question, Vec<&String>> = BTreeMap::new();
    for name in &names {
        if let Some(question) = question(&old, &new, name) {
            alike.entry(question).or_default().push(name);
        }
    }
    let questions = alike.len().saturating_mul(2);
    let mut differences = Vec::new();
    for of_one in alike.into_values() {
        let Some(first) = of_one.first() else {
            continue;
        };
        for gains in [true, false] {
            if let Some(story) = differs(&old, &new, first, gains, &mut started).await? {
                differences.push(Difference {
                    environments: of_one.iter().map(ToString::to_string).collect(),
                    gains,
                    story,
                });
            }
        }
    }
    Ok(Comparison {
        environments: names.len(),
        questions,
        differences,
        solvers: started.into_iter().map(|(name, _)| name).collect(),
    })
}

/// What is to be asked of a kind of request; nothing where both say the same in the same words.
fn question(old: &Set<'_>, new: &Set<'_>, name: &str) -> Option<Question> {
    let (before, after) = (old.environments.get(name), new.environments.get(name));
    let environment = after.or(before)?;
    let texts = (old.texts(name), new.texts(name));
    let is_same = texts.0 == texts.1 && before.is_some() == after.is_some();
    (!is_same).then(|| {
        (
            environment.principal().to_string(),
            environment.resource().to_string(),
            texts.0,
            texts.1,
        )
    })
}

/// What a policy says, without its annotations and its id; to tell two apart, and never to read them.
fn said(policy: &Policy) -> String {
    let json = policy.to_json().map(|mut json| {
        if let Some(fields) = json.as_object_mut() {
            fields.remove("annotations");
        }
        json.to_string()
    });
    json.unwrap_or_else(|_| policy.to_string())
}

/// Somebody who gains, or loses, by the word of every solver; confirmed by the evaluator that serves requests.
async fn differs(
    old: &Set<'_>,
    new: &Set<'_>,
    asked: &str,
    gains: bool,
    solvers: &mut [(String, CedarSymCompiler<LocalSolver>)],
) -> Result<Option<String>, ProofError> {
    let (before, after) = (old.environments.get(asked), new.environments.get(asked));
    let (environment, schema) = match (before, after) {
        (_, Some(environment)) => (environment, new.schema),
        (Some(environment), None) => (environment, old.schema),
        (None, None) => return Ok(None),
    };
    let applying = |set_of: &Set<'_>| set(set_of.applying(asked).cloned());
    let (before, after) = (applying(old)?, applying(new)?);
    let compiled = |policies| compile(policies, environment, schema);
    let (less, more) = if gains {
        (compiled(&after)?, compiled(&before)?)
    } else {
        (compiled(&before)?, compiled(&after)?)
    };
    let mut found: Option<(String, bool, Option<String>)> = None;
    for (solver, compiler) in solvers {
        let witness = compiler
            .check_implies_with_counterexample_opt(&less, &more)
            .await
            .map_err(|error| gave_up(asked, error))?;
        let told = match &witness {
            Some(witness) => Some(story::of_both(witness, &before, &after, gains)?),
            None => None,
        };
        match &found {
            None => found = Some((solver.clone(), witness.is_none(), told)),
            Some((first, holds, _)) if *holds != witness.is_none() => {
                return Err(ProofError::Disagreement {
                    claim: format!("{asked} is decided alike"),
                    one: *holds,
                    by_one: first.clone(),
                    other: witness.is_none(),
                    by_other: solver.clone(),
                });
            }
            Some(_) => {}
        }
    }
    Ok(found.and_then(|(_, _, told)| told))
}

fn compile(
    policies: &PolicySet,
    environment: &RequestEnv,
    schema: &Schema,
) -> Result<CompiledPolicySet, ProofError> {
    CompiledPolicySet::compile(policies, environment, schema)
        .map_err(|error| gave_up(&name(environment), error))
}
