//! `countersign policy prove`: what the policies say of every possible request.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use countersign_policies::{Certificate, DENIED, Engine};
use countersign_proofs::{COMPILER, Failure, Invariants, Proof, Solver, Subject, prove};

use super::{super::output, engine_of};

/// What nobody may do by the policies of a folder, as they were reviewed: a line for each kind of request.
const LIST: &str = "denied.txt";

/// Of which policies, and by whom.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// A solver, by how it is started, such as `/usr/bin/cvc5`; may be given twice: two of different versions must agree
    #[arg(long, required = true)]
    solver: Vec<String>,
    /// Other policies than those that are built in: a folder, or a revision of git
    #[arg(long, value_name = "FOLDER|REV")]
    of: Option<String>,
    /// Write the certificate of the folder's policies beside them, so that they may serve
    #[arg(long, requires = "of")]
    certify: bool,
    /// For whoever works on the product: write the certificate, and the list of what nobody may do, into its repository
    #[arg(long, value_name = "FOLDER", conflicts_with = "of")]
    write: Option<PathBuf>,
}

pub(super) async fn run(arguments: &ProveArgs, now: DateTime<Utc>) -> anyhow::Result<ExitCode> {
    let engine = match &arguments.of {
        Some(source) => engine_of(source)?,
        None => Engine::embedded()?,
    };
    let reviewed = Reviewed::of(arguments)?;
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
        if proof.denied != reviewed.denied {
            reviewed.differ(&proof);
            return Ok(ExitCode::FAILURE);
        }
        let certificate = certificate(&engine, &invariants, &proof, now);
        let json = serde_json::to_string_pretty(&certificate)?;
        let path = Path::new(folder).join("certificate.json");
        fs::write(&path, json + "\n")
            .with_context(|| format!("`{}` can not be written", path.display()))?;
        output::line(&format!("wrote {}", path.display()));
    }
    let is_reviewed = arguments.of.is_some() || proof.denied == reviewed.denied;
    if !is_reviewed {
        reviewed.differ(&proof);
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

/// What a reviewer has found nobody to be allowed.
struct Reviewed {
    denied: BTreeSet<String>,
    /// What to do where the proof finds something else.
    advice: String,
}

impl Reviewed {
    /// The list beside the policies that are to be certified, where they have one; the one that is built in
    /// otherwise.
    fn of(arguments: &ProveArgs) -> anyhow::Result<Self> {
        let built_in = Self {
            denied: lines(DENIED),
            advice: "what nobody may do is not what policies/snapshots/denied.txt says: review the difference, and \
                     run `cargo prove`"
                .to_owned(),
        };
        let (Some(folder), true) = (&arguments.of, arguments.certify) else {
            return Ok(built_in);
        };
        let folder = Path::new(folder);
        ensure!(
            folder.is_dir(),
            "`{}` is no folder, which a certificate could be written into",
            folder.display()
        );
        let own = [folder.join("snapshots/denied.txt"), folder.join(LIST)];
        let advice = format!(
            "what nobody may do is not what was reviewed: review the difference, have `{}` say one line for each, and \
             certify again",
            folder.join(LIST).display()
        );
        let Some(own) = own.iter().find(|path| path.is_file()) else {
            return Ok(Self { advice, ..built_in });
        };
        let text = fs::read_to_string(own);
        let text = text.with_context(|| format!("`{}` can not be read", own.display()))?;
        Ok(Self {
            denied: lines(&text),
            advice,
        })
    }

    fn differ(&self, proof: &Proof) {
        for environment in proof.denied.difference(&self.denied) {
            output::line(&format!("nobody may any more: {environment}"));
        }
        for environment in self.denied.difference(&proof.denied) {
            output::line(&format!("somebody may now: {environment}"));
        }
        output::line(&self.advice);
    }
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(of: &str) -> ProveArgs {
        ProveArgs {
            solver: Vec::new(),
            of: Some(of.to_owned()),
            certify: true,
            write: None,
        }
    }

    #[test]
    fn what_was_reviewed_stands_beside_the_policies_that_are_certified() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let of = |folder: &Path| Reviewed::of(&arguments(&folder.display().to_string()));
        assert_eq!(of(&root.join("policies")).unwrap().denied, lines(DENIED));
        let folder =
            std::env::temp_dir().join(format!("countersign-denied-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(of(&folder).unwrap().denied, lines(DENIED));
        fs::write(folder.join(LIST), "Human Mutation.createRole\n").unwrap();
        let own = of(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(own.denied, lines("Human Mutation.createRole"));
        assert!(own.advice.contains("certify again"));
    }

    /// It is said before the proof is made, which takes its time.
    #[test]
    fn a_revision_is_not_certified() {
        let refused = Reviewed::of(&arguments("HEAD")).err().unwrap().to_string();
        assert!(refused.contains("is no folder"), "{refused}");
    }
}
