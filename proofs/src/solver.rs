//! Solvers: programs that speak SMT-LIB on their standard input and output.

use std::process::Stdio;

use cedar_policy_symcc::{CedarSymCompiler, solver::LocalSolver};
use tokio::process::Command;

use crate::ProofError;

/// A question that takes longer than this, in milliseconds, is not answered, which is no proof.
const QUESTION_MS: u32 = 60_000;

/// A solver that runs here.
#[derive(Debug, Clone)]
pub struct Solver {
    words: Vec<String>,
    name: String,
}

impl Solver {
    /// The solver that a command starts: `cvc5`, or a program and its first arguments, apart by spaces.
    /// Asks it for its version.
    pub fn find(command: &str) -> Result<Self, ProofError> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let mut solver = Self {
            words,
            name: String::new(),
        };
        let asked = solver
            .command()
            .into_std()
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let answer = asked.map_err(|source| solver.lost(source))?;
        let text = String::from_utf8_lossy(&answer.stdout);
        // "This is cvc5 version 1.3.1 [...]", or "cvc5 1.3.1".
        let version = text
            .split_whitespace()
            .find(|word| word.starts_with(|sign: char| sign.is_ascii_digit()));
        let unnamed = || std::io::Error::other("it does not say which version it is");
        let version = version.ok_or_else(|| solver.lost(unnamed()))?;
        solver.name = format!("cvc5 {version}");
        Ok(solver)
    }

    /// What it calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn start(&self) -> Result<CedarSymCompiler<LocalSolver>, ProofError> {
        let mut command = self.command();
        command
            .args(["--lang", "smt"])
            .arg(format!("--tlimit-per={QUESTION_MS}"))
            .kill_on_drop(true);
        let started = LocalSolver::from_command(&mut command)
            .map_err(|error| self.lost(std::io::Error::other(error)))?;
        CedarSymCompiler::new(started).map_err(|error| self.lost(std::io::Error::other(error)))
    }

    fn command(&self) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words);
        command
    }

    fn lost(&self, source: std::io::Error) -> ProofError {
        ProofError::Solver {
            command: self.words.join(" "),
            source,
        }
    }
}
