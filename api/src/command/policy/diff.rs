//! `countersign policy diff`: what a change of the policies comes to.

use anyhow::Context;
use countersign_proofs::{Comparison, Difference, ProofError, Solver, Subject, compare};

use super::{super::output, engine_of};

/// The solver that is asked where none is named and this one is installed.
const INSTALLED: &str = "cvc5";

/// Everybody and every kind of row that is enumerated, in words; then, by solvers, every possible request.
pub(super) async fn run(old: &str, new: &str, named: &[String]) -> anyhow::Result<()> {
    let (before, after) = (engine_of(old)?, engine_of(new)?);
    let differences = before.effects().differences(&after.effects());
    for difference in &differences {
        output::line(&difference.to_string());
    }
    let solvers = solvers(named)?;
    if solvers.is_empty() {
        if differences.is_empty() {
            output::line(
                "nobody gains or loses anything that the shapes of principals and rows show",
            );
        }
        output::line(
            "no solver was asked: several capabilities or scopes together are not looked at. Name one by --solver, or \
             install cvc5",
        );
        return Ok(());
    }
    let (before, after) = (Subject::of(&before), Subject::of(&after));
    // Compiling is work for a processor: it does not belong on this thread.
    let compared = tokio::task::spawn_blocking(move || compare(&before, &after, &solvers)).await;
    tell(&compared.context("the comparison was cut off")??);
    Ok(())
}

fn solvers(named: &[String]) -> Result<Vec<Solver>, ProofError> {
    if named.is_empty() {
        return Ok(Solver::find(INSTALLED).into_iter().collect());
    }
    named.iter().map(|command| Solver::find(command)).collect()
}

fn tell(comparison: &Comparison) {
    for difference in &comparison.differences {
        output::line(&story(difference));
    }
    let by = comparison.solvers.join(" and ");
    let (environments, questions) = (comparison.environments, comparison.questions);
    let said = if comparison.differences.is_empty() {
        "nobody gains or loses anything"
    } else {
        "nobody gains or loses anything else"
    };
    output::line(&format!(
        "{said}: proved by {by} for every request of {environments} kinds, in {questions} questions"
    ));
}

fn story(difference: &Difference) -> String {
    let verb = if difference.gains { "gains" } else { "loses" };
    let mut environments = difference.environments.iter();
    let first = environments.next().map_or("", String::as_str);
    let others: Vec<&str> = environments.map(String::as_str).collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(" (and {})", others.join(", "))
    };
    format!("{first} {verb}{others}: {}", difference.story)
}
