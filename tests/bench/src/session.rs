//! What every part of the benchmark begins and ends with: the server's program, a durable PostgreSQL, the
//! section of the README.

use std::path::{Path, PathBuf};

use countersign_stand::postgres::{Cluster, ClusterOptions};

use crate::{contenders, report, root, say};

/// How it is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Session {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Rounds, of which medians are taken
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Leave the README as it is
    #[arg(long)]
    dry: bool,
    /// A server that is built already; otherwise one is built in release mode
    #[arg(long)]
    program: Option<PathBuf>,
}

impl Session {
    /// The server's program, built where none is given.
    pub(crate) fn program(&self) -> anyhow::Result<PathBuf> {
        match &self.program {
            Some(program) => Ok(program.clone()),
            None => contenders::build(),
        }
    }

    /// Tells what was measured, and puts it between its marks in the README.
    pub(crate) fn tell(&self, marks: [&str; 2], text: &str) -> anyhow::Result<()> {
        say(text);
        if self.dry {
            return Ok(());
        }
        report::keep(&root().join("tests/bench/README.md"), marks, text)
    }
}

/// A PostgreSQL that survives a crash, as one that serves does, with its files in the folder.
pub(crate) fn durable(folder: &Path) -> anyhow::Result<Cluster> {
    std::fs::create_dir_all(folder)?;
    Cluster::start(&ClusterOptions {
        data_dir: folder.join("postgres"),
        port: None,
        durable: true,
    })
}
