//! What the policies say of every possible request, proved.
//!
//! For each environment (a kind of principal, an action, its type of resource) Cedar's symbolic compiler
//! turns policies and a claim into a question of satisfiability, which a solver answers for all principals,
//! rows and contexts of that environment at once. Two solvers must say the same. What is claimed stands in
//! `policies/invariants/`, in Cedar, to be read beside the policies.
//!
//! The compiler is sound and complete (it is proved so in Lean). It speaks of the policies alone: how actors
//! and rows are brought into Cedar's form is for the differential tests of the policies.

mod claim;
mod comparison;
mod examiner;
mod invariant;
mod prover;
mod solver;
mod story;
mod subject;

use thiserror::Error;

pub use claim::Claim;
pub use comparison::{Comparison, Difference, compare};
pub use invariant::Invariants;
pub use prover::{COMPILER, Failure, Proof, prove, refute};
pub use solver::Solver;
pub use subject::Subject;

/// Why there is no proof, and no refutation either.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The policies or the invariants can not be read.
    #[error("the policies or the invariants can not be read: {0}")]
    Unreadable(String),
    /// A solver does not run.
    #[error(
        "the solver `{command}` does not run: install cvc5 1.3.1 or newer and name it by `--solver`, \
         or run `cargo prove`, which installs two of them"
    )]
    Solver {
        /// How it was started.
        command: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Fewer than two versions of a solver.
    #[error("two solvers of different versions must agree; these were named: {0}")]
    Alone(String),
    /// The compiler or a solver gave up.
    #[error("{claim}: {cause}")]
    GaveUp {
        /// What was asked.
        claim: String,
        /// What was answered.
        cause: String,
    },
    /// Two solvers say different things, so that neither is to be believed.
    #[error(
        "the solvers do not agree: {claim} is {one} for `{by_one}` and {other} for `{by_other}`"
    )]
    Disagreement {
        /// What was asked.
        claim: String,
        /// The verdict of one.
        one: bool,
        /// Which one.
        by_one: String,
        /// The verdict of the other.
        other: bool,
        /// Which other.
        by_other: String,
    },
}
