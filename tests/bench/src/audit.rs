//! `cargo measure audit`: what the audit log costs. Exports are written and verified by the program as it is
//! released. What a row costs a mutation is measured by `pgbench`, which sends the product's own statements with
//! and without the one that appends, so that nothing in the product can be without it; what it costs a
//! read, by the storage floor, which leaves recording to whoever answers.

mod books;
mod cost;
mod exports;
mod reads;

use std::fmt::Write;

use crate::{
    report, root,
    session::{self, Session},
};

/// What is measured of the audit log.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditSettings {
    #[command(flatten)]
    session: Session,
    /// How many rows exports have
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    rows: Vec<u64>,
}

/// Measures, and writes the section of the README.
pub(crate) fn run(settings: &AuditSettings) -> anyhow::Result<()> {
    let session = &settings.session;
    let program = session.program()?;
    let folder = root().join(".data/bench-audit");
    let cluster = session::durable(&folder)?;
    let books = books::settle(&folder, &cluster, &program)?;
    let mut text = format!(
        "Medians of {} interleaved rounds of {} s.\n\n",
        session.rounds, session.seconds
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
    session.tell(report::AUDIT, &text)
}
