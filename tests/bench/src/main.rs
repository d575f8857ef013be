//! `cargo measure`: the benchmark. It seeds 1,000,000 transactions in 50 tenants once, starts this
//! server with everything on and its peers, checks that they give the same answers, drives each of
//! them from a separate process, interleaved, and writes the ratios into `tests/bench/README.md`.
//! Everything is on loopback, bounded, and stopped by process id.

mod answers;
mod audit;
mod contenders;
mod cpu;
mod drive;
mod floor;
mod queries;
mod report;
mod seed;
mod session;
mod shares;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use countersign_stand::postgres::Cluster;

use self::{contenders::Contender, queries::Query, session::Session};

#[derive(Debug, Parser)]
#[command(name = "measure")]
struct Cli {
    #[command(subcommand)]
    command: Option<Part>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Drive one server as the standard input says; the benchmark starts this itself
    #[command(hide = true)]
    Drive,
    /// What the audit log costs: mutations and reads with and without their row, exports, verification
    Audit(audit::AuditSettings),
}

/// What is measured.
#[derive(Debug, clap::Args)]
struct Settings {
    #[command(flatten)]
    session: Session,
    /// Connections
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64])]
    connections: Vec<usize>,
    /// Only these queries
    #[arg(long, value_delimiter = ',', default_value = "Q1,Q2,Q3,M1")]
    queries: Vec<Query>,
    /// Only these contenders
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "countersign,postgraphile,mercurius,yoga,pgbench"
    )]
    contenders: Vec<Contender>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Part::Drive) => drive::run(),
        Some(Part::Audit(settings)) => audit::run(&settings),
        None => run(&cli.settings),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> anyhow::Result<()> {
    let program = settings.session.program()?;
    let folder = root().join(".data/bench");
    let cluster = session::durable(&folder)?;
    let seeded = seed::settle(&folder, &cluster, &program)?;
    let running = contenders::start(settings, &folder, &cluster, &program, &seeded)?;
    answers::compare(settings, &running)?;
    let measured = report::measure(settings, &cluster, &running)?;
    let shares = shares::text(settings, &running)?;
    let text = report::text(settings, &measured) + &shares;
    settings.session.tell(report::MEASURED, &text)
}

/// The repository.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

fn say(text: &str) {
    // Nobody listens where this fails.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Sends statements to the cluster as its superuser.
fn psql(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<String> {
    let output = cluster
        .admin("psql")?
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
        .args(["--set", "ON_ERROR_STOP=1"])
        .args(arguments)
        .output()
        .context("`psql` is needed beside PostgreSQL")?;
    anyhow::ensure!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}
