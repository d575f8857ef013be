//! Encrypting, while it is read.

use std::{
    io::{self, Read, Write},
    iter,
};

use age::Encryptor;

use super::{
    BackupError, Inspected, Recipient,
    passage::{Hashing, pass},
};

/// Encrypts all that `from` has to `key` alone, and says what was written.
pub fn seal(
    key: &Recipient,
    from: &mut (impl Read + ?Sized),
    to: impl Write,
) -> Result<Inspected, BackupError> {
    let to_key = iter::once(key.age() as &dyn age::Recipient);
    let failed = |error| BackupError::Write(io::Error::other(error));
    let encryptor = Encryptor::with_recipients(to_key).map_err(failed)?;
    let output = encryptor.wrap_output(Hashing::new(to));
    let mut output = output.map_err(BackupError::Write)?;
    let inside = pass(from, &mut output)?;
    // Without its last piece a file is one that was cut off.
    let mut written = output.finish().map_err(BackupError::Write)?;
    written.flush().map_err(BackupError::Write)?;
    Ok(Inspected {
        outside: written.digest(),
        inside,
    })
}
