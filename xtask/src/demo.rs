//! `cargo demo`.

/// How the demo is run.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Throw the data of earlier runs away first
    #[arg(long)]
    fresh: bool,
}

pub(crate) fn run(_arguments: &DemoArgs) -> anyhow::Result<()> {
    anyhow::bail!("not here yet")
}
