//! A filesystem of a few megabytes, to be filled.
//!
//! It is mounted in a namespace of its own, which a process holds: others reach it through that
//! process's root, and it is gone with the process. A namespace of users is enough, so that no privilege
//! is needed where the system gives such namespaces to everybody; root does without.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::process::{Process, group_of, other_user};

/// What is written at once to fill it: a page of the filesystem's.
const PIECE: [u8; 4096] = [0; 4096];
/// How long the holding process sleeps, should nobody end it.
const LIFE: &str = "600";

/// The filesystem; gone when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    /// Dropped with it.
    _holder: Process,
}

impl SmallDisk {
    /// Mounts one of that many mebibytes on `folder`, which is made. Only [`Self::path`] leads to it.
    pub fn mount(folder: &Path, mebibytes: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let log = folder.with_extension("log");
        let mut unshare = Command::new("unshare");
        // Its root opens to whoever the holding process runs as, which is who PostgreSQL runs as.
        let other = other_user();
        if other.is_none() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let become_user = other.map(|user| {
            let group = group_of(user);
            format!("setpriv --reuid={user} --regid={group} --clear-groups --")
        });
        let mount = format!(
            "mount -t tmpfs -o size={mebibytes}m,mode=1777 tmpfs '{0}' && : > '{0}/mounted' \
             && exec {1} sleep {LIFE}",
            folder.display(),
            become_user.unwrap_or_default()
        );
        unshare.args(["--mount", "sh", "-c", &mount]);
        let mut holder = Process::spawn(&mut unshare, &log, "KILL")?;
        let inside = folder.strip_prefix("/").context("the folder is absolute")?;
        let root = PathBuf::from(format!("/proc/{}/root", holder.id()));
        let path = root.join(inside);
        if is_mounted(&path, &mut holder) {
            return Ok(Self {
                path,
                _holder: holder,
            });
        }
        bail!(
            "this system mounts nothing for us: {}",
            fs::read_to_string(&log).unwrap_or_default().trim()
        )
    }

    /// Where it is, for this process and those of PostgreSQL's user.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves no room for a page more.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.filling())?;
        loop {
            match file.write_all(&PIECE) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives back the room that [`Self::fill`] took.
    pub fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filling())?)
    }

    fn filling(&self) -> PathBuf {
        self.path.join("filling")
    }
}

fn is_mounted(path: &Path, holder: &mut Process) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while holder.is_running() && Instant::now() < deadline {
        if path.join("mounted").exists() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}
