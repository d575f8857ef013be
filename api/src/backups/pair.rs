//! Pairs of keys: made here, and kept elsewhere.

use std::{
    fmt,
    fs::File,
    io::{BufReader, Write},
    path::Path,
};

use age::{Identity, IdentityFile, x25519};
use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::ExposeSecret;

use super::{BackupError, NewFile, Recipient};

/// A pair that was just made.
pub struct Pair(x25519::Identity);

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.0.to_public())
    }
}

impl Pair {
    /// Makes one, of the system's random bytes.
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// The public key.
    pub fn recipient(&self) -> Recipient {
        Recipient::new(self.0.to_public())
    }

    /// Writes the secret key to a file of its own, in the form of `age-keygen`.
    pub fn write(&self, path: &Path, now: DateTime<Utc>) -> Result<(), BackupError> {
        let mut file = NewFile::beside(path)?;
        let secret = self.0.to_string();
        let made = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let written = write!(
            file,
            "# created: {made}\n# public key: {}\n{}\n",
            self.recipient(),
            secret.expose_secret()
        );
        written.map_err(BackupError::Write)?;
        file.keep()
    }
}

/// Secret keys that backups are opened with.
pub struct Identities(Vec<Box<dyn Identity + Send + Sync>>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

impl Identities {
    /// Those of a file, as `countersign backup key` and `age-keygen` write it.
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let none = || BackupError::NoIdentity(path.to_path_buf());
        let file = File::open(path).map_err(|why| BackupError::Unreadable {
            path: path.to_path_buf(),
            why,
        })?;
        let read = IdentityFile::from_buffer(BufReader::new(file)).map_err(|_| none())?;
        let identities = read.into_identities().map_err(|_| none())?;
        if identities.is_empty() {
            return Err(none());
        }
        Ok(Self(identities))
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &dyn Identity> {
        self.0.iter().map(|one| &**one as &dyn Identity)
    }
}
