//! Decrypting, and telling what is wrong with a file that does not open.

use std::io::{self, BufRead, BufReader, Read, Write};

use age::{DecryptError, Decryptor};

use super::{
    BackupError, Identities,
    passage::{Digest, Hashing, pass},
};

/// What files of age begin with.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// The same in Base64.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// A file that was written or that opened, to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// The file.
    pub outside: Digest,
    /// How many bytes were encrypted in it.
    pub inside: u64,
}

/// Decrypts all of it. Every piece is verified before it is passed on, and at its end that it is the end: what
/// was passed on before an error is a part of what was encrypted, and must not be taken for all of it.
pub fn open(
    from: impl Read,
    identities: &Identities,
    to: &mut impl Write,
) -> Result<Inspected, BackupError> {
    let mut file = BufReader::new(Hashing::new(from));
    let decryptor = decryptor(&mut file)?;
    let opened = decryptor.decrypt(identities.each());
    let mut opened = opened.map_err(|error| fault(&error))?;
    let inside = pass(&mut opened, to).map_err(|error| match error {
        BackupError::Read(error) => cut(error),
        other => other,
    })?;
    drop(opened);
    to.flush().map_err(BackupError::Write)?;
    Ok(Inspected {
        outside: file.into_inner().digest(),
        inside,
    })
}

/// What can be told of a file without a key: that it begins as one of age, and what it is.
pub fn outside(from: impl Read) -> Result<Digest, BackupError> {
    let mut file = BufReader::new(Hashing::new(from));
    drop(decryptor(&mut file)?);
    pass(&mut file, &mut io::sink())?;
    Ok(file.into_inner().digest())
}

/// What decrypts a file, once its header was read.
fn decryptor<R: BufRead>(mut file: R) -> Result<Decryptor<R>, BackupError> {
    let begins = file.fill_buf().map_err(BackupError::Read)?;
    if begins.starts_with(ARMOR) {
        return Err(BackupError::Armored);
    }
    if !begins.starts_with(MAGIC) {
        return Err(BackupError::NotAge);
    }
    Decryptor::new_buffered(file).map_err(|error| fault(&error))
}

fn fault(error: &DecryptError) -> BackupError {
    match error {
        DecryptError::Io(error) => cut(io::Error::new(error.kind(), error.to_string())),
        DecryptError::NoMatchingKeys => BackupError::WrongKey,
        // A header that is none as well: it began as one.
        _ => BackupError::Damaged,
    }
}

/// What an error of reading says of the file.
fn cut(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::CutOff,
        io::ErrorKind::InvalidData => BackupError::Damaged,
        _ => BackupError::Read(error),
    }
}
