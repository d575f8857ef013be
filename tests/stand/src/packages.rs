//! Packages of other languages' registries, for what is run by Node.js and Python.

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

/// Installs the packages of a folder's `requirements.txt`, by their hashes, into an environment of
/// its own, where that was not done since it changed. Returns its interpreter.
pub fn install_python(folder: &Path) -> anyhow::Result<PathBuf> {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let requirements = folder.join("requirements.txt");
    let (environment, marker) = (folder.join(".venv"), folder.join(".venv/installed"));
    let interpreter = environment.join("bin/python");
    if time(&marker).is_some() && time(&marker) >= time(&requirements) {
        return Ok(interpreter);
    }
    python(
        Path::new("python3"),
        &[Path::new("-m"), Path::new("venv"), &environment],
    )?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--requirement",
    ];
    let arguments = install
        .iter()
        .map(Path::new)
        .chain([requirements.as_path()]);
    python(&interpreter, &arguments.collect::<Vec<_>>())?;
    fs::write(&marker, "")?;
    Ok(interpreter)
}

fn python(program: &Path, arguments: &[&Path]) -> anyhow::Result<()> {
    let done = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("Python 3.10 or newer with `venv` is needed: install it first")?;
    // Debian's Python says on its standard output which package it lacks.
    let told = [&done.stdout[..], &done.stderr].concat();
    ensure!(
        done.status.success(),
        "packages of Python: {}",
        String::from_utf8_lossy(&told).trim()
    );
    Ok(())
}
