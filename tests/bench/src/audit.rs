//! `cargo measure audit`: what the audit log costs. Exports are written and verified by the program as it is
//! released; what a row costs is measured by `pgbench`, which sends the product's own statements with and
//! without the one that appends, so that nothing in the product can be without it.

mod books;
mod cost;
mod exports;

use std::{fmt::Write, path::PathBuf};

use countersign_stand::postgres::{Cluster, ClusterOptions};

use crate::{contenders, report, root, say};

/// What is measured of the audit log.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditSettings {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds, of which medians are taken
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many rows exports have
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    rows: Vec<u64>,
    /// Leave the README as it is
    #[arg(long)]
    dry: bool,
    /// A server that is built already; otherwise one is built in release mode
    #[arg(long)]
    program: Option<PathBuf>,
}

/// Measures, and writes the section of the README.
pub(crate) fn run(settings: &AuditSettings) -> anyhow::Result<()> {
    let program = match &settings.program {
        Some(program) => program.clone(),
        None => contenders::build()?,
    };
    let folder = root().join(".data/bench-audit");
    std::fs::create_dir_all(&folder)?;
    let cluster = Cluster::start(&ClusterOptions {
        data_dir: folder.join("postgres"),
        port: None,
        durable: true,
    })?;
    let books = books::settle(&folder, &cluster, &program)?;
    let mut text = format!(
        "Medians of {} interleaved rounds of {} s.\n\n",
        settings.rounds, settings.seconds
    );
    cost::measure(settings, &cluster, &folder, &mut text)?;
    let _ = writeln!(
        text,
        "\n| rows | export, rows/s | most memory, MiB | verified, rows/s | most memory, MiB |\n\
         |---|---|---|---|---|"
    );
    for rows in &settings.rows {
        let row = exports::measure(&books, &cluster, *rows)?;
        let _ = writeln!(text, "{row}");
    }
    say(&text);
    if settings.dry {
        return Ok(());
    }
    report::keep(&root().join("tests/bench/README.md"), report::AUDIT, &text)
}
