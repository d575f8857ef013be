//! `cargo generate`: the files that are derived from the code and committed beside it.

use crate::tools;

/// Writes them. The program has the schema of the policies' actions built in, which it writes itself: it is
/// built again with what it wrote, and writes the rest.
pub(crate) fn write() -> anyhow::Result<()> {
    program(&["--actions"])?;
    program(&[])
}

/// Fails where one of them is not what the code says.
pub(crate) fn check() -> anyhow::Result<()> {
    program(&["--check"])
}

fn program(flags: &[&str]) -> anyhow::Result<()> {
    let own = ["run", "--quiet", "--package", "countersign", "--"];
    tools::cargo(&[&own[..], &["generate"], flags].concat())
}
