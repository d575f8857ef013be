//! Backups: encrypted with another key set than what is sealed in the database, rotated quarterly (VLT-4).
//!
//! This machine has public keys only, so that whoever has it, its configuration and its database reads no
//! backup. The form of the files is that of age (`age-encryption.org/v1`): where the server is gone, any
//! program of that form opens them with the secret key. What is encrypted never touches a disk before it is.

mod address;
mod dump;
mod file;
mod opening;
mod pair;
mod passage;
mod quarter;
mod recipient;
mod sealing;

pub use self::dump::Dump;
pub use self::file::NewFile;
pub use self::opening::{Inspected, open, outside};
pub use self::pair::{Identities, Pair};
pub use self::passage::Digest;
pub use self::quarter::{ADVICE, KeyFault, current, fresh, outlook};
pub use self::recipient::{NoRecipient, Recipient};
pub use self::sealing::seal;

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a backup was not made, or does not open.
#[derive(Debug, Error)]
pub enum BackupError {
    /// What is to be written is there.
    #[error("`{}` is there already: name a file that is not, or remove it", .0.display())]
    Exists(PathBuf),
    /// It can not be written.
    #[error("`{}` can not be written: {why}", path.display())]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// It can not be opened.
    #[error("`{}` can not be read: {why}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// What it is written to does not take it.
    #[error("what was encrypted or decrypted can not be written: {0}")]
    Write(io::Error),
    /// What it is made of can not be read.
    #[error("it can not be read: {0}")]
    Read(io::Error),
    /// `pg_dump` does not start.
    #[error(
        "`{}` can not be run: {why}. Install PostgreSQL's client programs, or name theirs in \
         `backups.pg_dump`",
        program.display()
    )]
    NoProgram {
        /// What was to be run.
        program: PathBuf,
        /// Why it was not.
        why: io::Error,
    },
    /// What makes a backup otherwise does not start.
    #[error("`{}` can not be run: {why}", program.display())]
    NotRun {
        /// What was to be run.
        program: PathBuf,
        /// Why it was not.
        why: io::Error,
    },
    /// What was run gave up, and nothing is kept of what it wrote.
    #[error("`{program}` ended with {status}, and nothing of it is kept: {said}")]
    Dump {
        /// What was run.
        program: String,
        /// How it ended.
        status: String,
        /// What it said, and what to do about it.
        said: String,
    },
    /// Nothing came.
    #[error(
        "there is nothing to encrypt: what makes the backup failed, or writes elsewhere. Nothing is recorded"
    )]
    Empty,
    /// The owner's address has a part that `pg_dump` is not told.
    #[error("`database.owner_url` has a part that can not be given to `pg_dump`: {0}")]
    Address(&'static str),
    /// It is of another form.
    #[error("it is no file of age: it does not begin with `age-encryption.org/v1`")]
    NotAge,
    /// It is of age, in Base64.
    #[error("it is armored: `age --decrypt` opens it, and takes the armor off")]
    Armored,
    /// No key fits.
    #[error(
        "no key that was given opens it: it was encrypted to another one, or its header is damaged"
    )]
    WrongKey,
    /// It was changed.
    #[error("it is damaged: it is not what was written when it was encrypted")]
    Damaged,
    /// Its end is missing.
    #[error("it is cut off: its end is missing")]
    CutOff,
    /// What was given as secret keys is none.
    #[error(
        "`{}` has no secret key of a backup: give a file that `countersign backup key` or \
         `age-keygen` wrote",
        .0.display()
    )]
    NoIdentity(PathBuf),
}
