//! `cargo prove`: the proofs of the policies, by two solvers.

use std::process::Command;

use countersign_stand::solvers;

use crate::tools;

#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// Write nothing; fail where the certificate is not of these policies
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(arguments: &ProveArgs) -> anyhow::Result<()> {
    let root = tools::root();
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--package", "countersign", "--"])
        .args(["policy", "prove"])
        .current_dir(&root);
    for solver in solvers::install(&root)? {
        command.args(["--solver", &solver]);
    }
    if !arguments.check {
        command.args(["--write", "."]);
    }
    tools::run(&mut command)
}
