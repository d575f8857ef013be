//! Programs of others, and what to do where one is missing.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, bail, ensure};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A path as a person at the root would type it.
pub(crate) fn short(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A line to the person at the terminal.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
    let _ = io::stdout().flush();
}

/// Runs cargo at the root.
pub(crate) fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run(Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root()))
}

/// Runs a program with its output shown.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{name}` can not be run: is it installed?"))?;
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(())
}

/// Runs a program, shows its output, and gives back the lines of its standard output.
pub(crate) fn run_and_read(command: &mut Command) -> anyhow::Result<Vec<String>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = Vec::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            say(&line);
            lines.push(line);
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(lines)
}

fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|a| a.to_string_lossy().into_owned());
    let name = command.get_program().to_string_lossy().into_owned();
    std::iter::once(name)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a program is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs npm in a folder of the repository.
pub(crate) fn npm(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    ensure!(
        is_installed("npm"),
        "Node.js 20 or newer with npm is needed: install it first"
    );
    run(Command::new("npm").args(arguments).current_dir(folder))
}

/// Installs a folder's packages as its lock file has them, where that was not done before.
pub(crate) fn npm_ci(folder: &Path) -> anyhow::Result<()> {
    let done = folder.join("node_modules/.package-lock.json");
    if newest(&[done]) >= newest(&[folder.join("package-lock.json")]) {
        return Ok(());
    }
    npm(folder, &["ci", "--no-audit", "--no-fund"])
}

/// When the newest of some files was written; the start of time where none is there.
pub(crate) fn newest(files: &[PathBuf]) -> SystemTime {
    let times = files
        .iter()
        .filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// A package of Debian, and whether this machine has what is wanted of it.
pub(crate) type Package = (&'static str, fn() -> bool);

/// The names of packages that this machine has not.
fn missing(wanted: &[Package]) -> Vec<&'static str> {
    let missing = wanted.iter().filter(|(_, is_there)| !is_there());
    missing.map(|(package, _)| *package).collect()
}

/// Whether a program ends well, which is asked where a file's being there says too little.
pub(crate) fn ends_well(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.output().is_ok_and(|output| output.status.success())
}

/// Installs Debian packages that are missing, where this machine lets us.
pub(crate) fn packages(wanted: &[Package]) -> anyhow::Result<()> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| o.stdout.trim_ascii() == b"0");
    if !is_root || !is_installed("apt-get") {
        bail!(
            "these are missing: {}. Install them (on Debian by apt-get) and run again",
            missing.join(", ")
        );
    }
    let quiet = |arguments: &[&str]| {
        run(Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments)
            .stdout(Stdio::null()))
    };
    quiet(&["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(missing);
    quiet(&install)
}

/// A program of the package registry, installed below `.data/tools` where it is not there in that version.
pub(crate) fn cargo_installed(
    package: &str,
    program: &str,
    version: &str,
    more: &[&str],
) -> anyhow::Result<PathBuf> {
    let folder = root().join(".data/tools");
    let found = folder.join("bin").join(program);
    let is_current = Command::new(&found)
        .arg("--version")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(version));
    if !is_current {
        let folder = folder.to_string_lossy();
        let mut install = vec!["install", package, "--locked", "--version", version];
        install.extend(["--root", &folder]);
        install.extend(more);
        cargo(&install)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_is_missing_where_what_is_wanted_of_it_does_not_work() {
        let wanted: [Package; 3] = [
            ("there", || ends_well("sh", &["-c", "exit 0"])),
            ("half-there", || ends_well("sh", &["-c", "exit 1"])),
            ("nowhere", || ends_well("no-such-program", &[])),
        ];
        assert_eq!(missing(&wanted), ["half-there", "nowhere"]);
    }
}
