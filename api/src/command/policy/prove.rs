//! `countersign policy prove`: what the policies say of every possible request.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use countersign_policies::{Certificate, DENIED, Engine};
use countersign_proofs::{COMPILER, Failure, Invariants, Proof, Solver, Subject, prove};

use super::{super::output, engine_of};

/// Of which policies, and by whom.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// How a solver is started, such as `/usr/bin/cvc5`; two of different versions must agree
    #[arg(long, required = true)]
    solver: Vec<String>,
    /// Other policies than those that are built in: a folder, or a revision of git
    #[arg(long)]
    of: Option<String>,
    /// Write the certificate of the folder's policies beside them, so that they may serve
    #[arg(long, requires = "of")]
    certify: bool,
    /// Write the certificate, and the list of what nobody may do, into this repository
    #[arg(long, conflicts_with = "of")]
    write: Option<PathBuf>,
}

pub(super) async fn run(arguments: &ProveArgs, now: DateTime<Utc>) -> anyhow::Result<ExitCode> {
    let engine = match &arguments.of {
        Some(source) => engine_of(source)?,
        None => Engine::embedded()?,
    };
    let invariants = Invariants::embedded()?;
    let solvers: Vec<Solver> = arguments
        .solver
        .iter()
        .map(|command| Solver::find(command))
        .collect::<Result<_, _>>()?;
    let (subject, claimed) = (Subject::of(&engine), invariants.clone());
    let begun = Instant::now();
    // Compiling is work for a processor: it does not belong on this thread.
    let proved = tokio::task::spawn_blocking(move || prove(&subject, &claimed, &solvers));
    let proof = proved.await.context("the proof was cut off")??;
    tell(&proof, &invariants, begun);
    let holds = proof.failures.is_empty();
    if let (Some(root), true) = (&arguments.write, holds) {
        let certificate = certificate(&engine, &invariants, &proof, now);
        let json = serde_json::to_string_pretty(&certificate)?;
        fs::write(root.join("policies/certificate.json"), json + "\n")?;
        fs::write(root.join("policies/snapshots/denied.txt"), list(&proof))?;
        output::line("wrote policies/certificate.json and policies/snapshots/denied.txt");
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(folder), true, true) = (&arguments.of, arguments.certify, holds) {
        if proof.denied != reviewed() {
            differ(&proof);
            return Ok(ExitCode::FAILURE);
        }
        let certificate = certificate(&engine, &invariants, &proof, now);
        let json = serde_json::to_string_pretty(&certificate)?;
        let path = Path::new(folder).join("certificate.json");
        fs::write(&path, json + "\n")
            .with_context(|| format!("`{}` can not be written", path.display()))?;
        output::line(&format!("wrote {}", path.display()));
    }
    let is_reviewed = arguments.of.is_some() || proof.denied == reviewed();
    if !is_reviewed {
        differ(&proof);
    }
    let is_certified = arguments.of.is_some() || Certificate::embedded()?.covers(&engine);
    if !is_certified {
        output::line("policies/certificate.json is not of these policies: run `cargo prove`");
    }
    Ok(if holds && is_reviewed && is_certified {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn reviewed() -> BTreeSet<String> {
    DENIED.lines().map(str::to_owned).collect()
}

fn list(proof: &Proof) -> String {
    let lines = proof.denied.iter().map(|line| format!("{line}\n"));
    lines.collect()
}

fn tell(proof: &Proof, invariants: &Invariants, begun: Instant) {
    for failure in &proof.failures {
        tell_failure(failure);
    }
    let claims: usize = proof.claims.values().sum();
    let kinds = proof.claims.iter().map(|(kind, n)| format!("{kind} {n}"));
    output::line(&format!(
        "{} invariants, {} environments, {claims} claims ({}), {} do not hold; {} agree; {} ms",
        invariants.count(),
        proof.environments,
        kinds.collect::<Vec<_>>().join(", "),
        proof.failures.len(),
        proof.solvers.join(" and "),
        begun.elapsed().as_millis(),
    ));
}

fn tell_failure(failure: &Failure) {
    let others = match failure.others {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    output::line(&format!("does not hold: {}{others}", failure.claim));
    if !failure.story.is_empty() {
        output::line(&format!("  {}", failure.story));
    }
}

fn differ(proof: &Proof) {
    let reviewed = reviewed();
    for environment in proof.denied.difference(&reviewed) {
        output::line(&format!("nobody may any more: {environment}"));
    }
    for environment in reviewed.difference(&proof.denied) {
        output::line(&format!("somebody may now: {environment}"));
    }
    output::line(
        "what nobody may do is not what policies/snapshots/denied.txt says: review the difference, \
         and run `cargo prove`",
    );
}

fn certificate(
    engine: &Engine,
    invariants: &Invariants,
    proof: &Proof,
    proved_at: DateTime<Utc>,
) -> Certificate {
    let claims = proof.claims.iter();
    Certificate {
        policies: engine.version().to_owned(),
        invariants: Certificate::invariants_version(),
        invariant_count: invariants.count(),
        environments: proof.environments,
        claims: claims.map(|(kind, n)| ((*kind).to_owned(), *n)).collect(),
        compiler: COMPILER.to_owned(),
        solvers: proof.solvers.clone(),
        proved_at,
    }
}
