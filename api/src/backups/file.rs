//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::BackupError;

/// How many that were cut off may lie about beside one that is written.
const LEFT_MAX: u16 = 1_000;

/// A file that is written under another name beside its own, readable by its owner alone, and is removed again
/// unless it is kept.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    partial: PathBuf,
    wanted: PathBuf,
}

impl NewFile {
    /// Begins one that will be `wanted`, which must not be there.
    pub fn beside(wanted: &Path) -> Result<Self, BackupError> {
        if wanted.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(wanted.to_path_buf()));
        }
        let fails = |why| BackupError::Unwritable {
            path: wanted.to_path_buf(),
            why,
        };
        let Some(name) = wanted.file_name().map(|name| name.display().to_string()) else {
            return Err(fails(ErrorKind::IsADirectory.into()));
        };
        for n in 0..LEFT_MAX {
            let partial = wanted.with_file_name(format!(".{name}.partial-{n}"));
            let mut options = File::options();
            match options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&partial)
            {
                Ok(file) => {
                    let wanted = wanted.to_path_buf();
                    return Ok(Self {
                        file,
                        partial,
                        wanted,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fails(error)),
            }
        }
        Err(fails(ErrorKind::AlreadyExists.into()))
    }

    /// Where it is until then: for whoever is told to stop, and can not drop it.
    pub fn partial(&self) -> PathBuf {
        self.partial.clone()
    }

    /// Gives it its name, once it is on the disk. A file that has the name meanwhile keeps it.
    pub fn keep(self) -> Result<(), BackupError> {
        let kept = self.file.sync_all().and_then(|()| self.settle());
        kept.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => BackupError::Exists(self.wanted.clone()),
            _ => BackupError::Unwritable {
                path: self.wanted.clone(),
                why: error,
            },
        })?;
        let folder = self
            .wanted
            .parent()
            .filter(|folder| *folder != Path::new(""));
        // Not every file system has folders that can be flushed; those that have not need it not.
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        // A link replaces nothing, and a name is there with all of the content or not at all.
        match fs::hard_link(&self.partial, &self.wanted) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                // A file system without links: the name is taken first, and then given.
                File::options()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&self.wanted)?;
                fs::rename(&self.partial, &self.wanted)
            }
            linked => linked,
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.file.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Where it was kept this is its second name, or no name any more.
        let _ = fs::remove_file(&self.partial);
    }
}
