//! Packages of the npm registry, for what is run by Node.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

/// Installs the packages of a folder's lock file, where that was not done since it changed. None of
/// their scripts is run.
pub fn install(folder: &Path) -> anyhow::Result<()> {
    let time = |path: PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    let installed = time(folder.join("node_modules/.package-lock.json"));
    if installed >= time(folder.join("package-lock.json")) && installed.is_some() {
        return Ok(());
    }
    let done = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("Node.js 20 or newer with npm is needed: install it first")?;
    let fault = String::from_utf8_lossy(&done.stderr);
    ensure!(
        done.status.success(),
        "`npm ci` failed in `{}`: {}",
        folder.display(),
        fault.trim()
    );
    Ok(())
}
