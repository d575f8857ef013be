//! Where a cluster's files are, when root starts it.
//!
//! PostgreSQL does not run as root, and the user that it runs as can not reach a folder below
//! root's home. The files are then below `/var/tmp`, and a symbolic link stands where they were
//! wanted: removing the link is starting over.

use std::{
    fs, io,
    path::{Path, PathBuf, absolute},
};

use anyhow::Context;

use crate::process::{other_user, unprivileged};

/// Where files are kept that their owner could not reach where they were wanted.
const ELSEWHERE: &str = "/var/tmp";

/// The folder that files wanted in `data_dir` are really in, not made yet.
pub(super) fn settle(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let wanted = absolute(data_dir)?;
    if other_user().is_none() || is_reachable(&wanted) {
        return Ok(wanted);
    }
    let name = wanted.display().to_string().replace('/', "-");
    let elsewhere = Path::new(ELSEWHERE).join(format!("countersign{name}"));
    if fs::read_link(&wanted).ok().as_deref() != Some(elsewhere.as_path()) {
        link(&wanted, &elsewhere).with_context(|| {
            format!(
                "`{}` can not be put in the place of `{}`, which PostgreSQL's user can not reach",
                elsewhere.display(),
                wanted.display()
            )
        })?;
    }
    Ok(elsewhere)
}

fn link(wanted: &Path, elsewhere: &Path) -> io::Result<()> {
    // Files of a link that was removed.
    if elsewhere.exists() {
        fs::remove_dir_all(elsewhere)?;
    }
    if let Some(parent) = wanted.parent() {
        fs::create_dir_all(parent)?;
    }
    // Only an empty folder gives way.
    if wanted.is_dir() {
        fs::remove_dir(wanted)?;
    }
    std::os::unix::fs::symlink(elsewhere, wanted)
}

/// Whether the user that PostgreSQL runs as can go into the nearest folder that exists. A folder of
/// its own is such a one; missing ones are made for everybody to pass.
fn is_reachable(wanted: &Path) -> bool {
    let nearest = wanted.ancestors().find(|folder| folder.is_dir());
    nearest.is_some_and(|folder| {
        let mut command = unprivileged(Path::new("test"));
        let status = command.arg("-x").arg(folder).status();
        status.is_ok_and(|status| status.success())
    })
}
