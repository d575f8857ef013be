//! The superuser's password: made with the cluster, and kept beside its files for whoever started it.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::run;
use crate::process::other_user;

/// A file that `initdb` reads the password from. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct PasswordFile(PathBuf);

impl PasswordFile {
    /// The file's place.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        // Where it is gone already, that is what was wanted.
        let _ = fs::remove_file(&self.0);
    }
}

/// The password of a cluster that was made before.
pub(super) fn kept(file: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(file) {
        Ok(password) => Ok(password),
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "the password of the database's superuser is not in `{}`: databases of earlier \
             releases had none. Start over: the demo by `cargo demo --fresh`, anything else by \
             removing the folder",
            file.display()
        ),
        Err(error) => Err(error).with_context(|| format!("`{}` can not be read", file.display())),
    }
}

/// Makes a password, and keeps it in `file`, which nobody else reads.
pub(super) fn make(file: &Path) -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let password = digits.concat();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    write(file, &password)?;
    Ok(password)
}

/// The password for a moment in a file of the user that PostgreSQL runs as.
pub(super) fn shown(data_dir: &Path, password: &str) -> anyhow::Result<PasswordFile> {
    let file = PasswordFile(data_dir.with_extension("initial"));
    write(&file.0, password)?;
    if let Some(user) = other_user() {
        run(Command::new("chown").arg(user).arg(&file.0))?;
    }
    Ok(file)
}

/// Never through what stands there: the folder may be everybody's.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("`{}` is in the way", path.display()));
        }
        _ => {}
    }
    let file = fs::File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| format!("`{}` can not be made", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}
