//! What passes from a reader to a writer, a piece at a time.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::BackupError;

/// How much is in memory at a time.
const PIECE: usize = 64 * 1024;

/// What a file is, once it was read or written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// How many they are.
    pub bytes: u64,
}

/// Hashes and counts whatever passes.
pub(super) struct Hashing<I> {
    inner: I,
    sha256: Sha256,
    bytes: u64,
}

impl<I> Hashing<I> {
    pub(super) fn new(inner: I) -> Self {
        Self {
            inner,
            sha256: Sha256::new(),
            bytes: 0,
        }
    }

    pub(super) fn digest(self) -> Digest {
        Digest {
            sha256: self.sha256.finalize().into(),
            bytes: self.bytes,
        }
    }

    fn passed(&mut self, piece: Option<&[u8]>) {
        let piece = piece.unwrap_or_default();
        self.sha256.update(piece);
        let more = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(more);
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(piece)?;
        self.passed(piece.get(..taken));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let given = self.inner.read(piece)?;
        self.passed(piece.get(..given));
        Ok(given)
    }
}

/// Passes everything on to its end, and says how many bytes. The two sides fail in words of their own.
pub(super) fn pass(
    from: &mut (impl Read + ?Sized),
    to: &mut impl Write,
) -> Result<u64, BackupError> {
    let mut piece = vec![0; PIECE];
    let mut passed = 0_u64;
    loop {
        let given = match from.read(&mut piece) {
            Ok(0) => return Ok(passed),
            Ok(given) => given,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(BackupError::Read(error)),
        };
        let given = piece.get(..given).unwrap_or_default();
        to.write_all(given).map_err(BackupError::Write)?;
        let more = u64::try_from(given.len()).unwrap_or(u64::MAX);
        passed = passed.saturating_add(more);
    }
}
