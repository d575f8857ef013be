//! What is read by one thread and hashed by another: of a large export each takes half of the time.

use std::{
    io::{self, Read},
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{Scope, ScopedJoinHandle},
};

use sha2::{Digest, Sha256};

/// Pieces that may wait to be hashed.
const WAITING_MAX: usize = 4;

/// Passes on what it reads, which is hashed meanwhile.
pub(super) struct Hashed<R> {
    inner: R,
    pieces: SyncSender<Vec<u8>>,
}

/// SHA-256 of what was read, once the reader is gone.
pub(super) type Digesting<'s> = ScopedJoinHandle<'s, [u8; 32]>;

impl<R: Read> Hashed<R> {
    pub(super) fn begin<'s>(scope: &'s Scope<'s, '_>, inner: R) -> (Self, Digesting<'s>) {
        let (pieces, read) = mpsc::sync_channel(WAITING_MAX);
        let digest = scope.spawn(|| digest(read));
        (Self { inner, pieces }, digest)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) {
            let sent = self.pieces.send(piece.to_vec());
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(read)
    }
}

fn digest(read: Receiver<Vec<u8>>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for piece in read {
        digest.update(piece);
    }
    digest.finalize().into()
}
