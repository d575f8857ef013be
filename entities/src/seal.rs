//! Sealing of values with AES-256-GCM (NIST SP 800-38D) under a tenant's data key.
//!
//! A sealed value is a format byte, the version of its key, a random 96-bit nonce, and ciphertext with its
//! 128-bit tag. What it is for, whose it is, and the table, column and row that it stands in are
//! authenticated with it, so that a sealed value that was moved does not open.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, Payload},
};
use countersign_domain::id::TenantId;
use zeroize::Zeroizing;

use crate::clock::Ids;

/// The first byte of a sealed value.
const FORMAT: u8 = 2;
const NONCE_BYTES: usize = 12;

/// A value does not open: it is another's, of another key, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unopened;

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// The table.
    pub(crate) table: &'a str,
    /// The column.
    pub(crate) column: &'a str,
    /// The row: its id, or what it is found by.
    pub(crate) row: &'a [u8],
}

impl Place<'_> {
    /// What is authenticated with a value.
    fn about(&self, purpose: &str, version: i32) -> Vec<u8> {
        framed(&[
            b"countersign-seal-v2",
            purpose.as_bytes(),
            self.tenant.uuid().as_bytes(),
            self.table.as_bytes(),
            self.column.as_bytes(),
            self.row,
            &version.to_be_bytes(),
        ])
    }
}

/// Each part with its length before it, so that parts do not run into each other.
pub(crate) fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

/// Seals a value for its place, under that version of the key.
pub(crate) fn seal(
    cipher: &Aes256Gcm,
    version: i32,
    purpose: &str,
    place: &Place<'_>,
    plain: &[u8],
    ids: &dyn Ids,
) -> Result<Vec<u8>, Unopened> {
    let sealed = encrypt(cipher, plain, &place.about(purpose, version), ids)?;
    let mut bytes = Vec::with_capacity(sealed.len().saturating_add(5));
    bytes.push(FORMAT);
    bytes.extend(version.to_be_bytes());
    bytes.extend(sealed);
    Ok(bytes)
}

/// Opens a value that was sealed for the same place.
pub(crate) fn open(
    cipher: &Aes256Gcm,
    purpose: &str,
    place: &Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let (version, rest) = parts(sealed)?;
    decrypt(cipher, rest, &place.about(purpose, version))
}

/// The version of the key that a value says it is sealed under.
pub(crate) fn version(sealed: &[u8]) -> Result<i32, Unopened> {
    Ok(parts(sealed)?.0)
}

fn parts(sealed: &[u8]) -> Result<(i32, &[u8]), Unopened> {
    let (format, rest) = sealed.split_first().ok_or(Unopened)?;
    let (version, rest) = rest.split_first_chunk().ok_or(Unopened)?;
    let version = i32::from_be_bytes(*version);
    if *format == FORMAT && version > 0 {
        Ok((version, rest))
    } else {
        Err(Unopened)
    }
}

/// A fresh nonce, and the ciphertext with its tag.
pub(crate) fn encrypt(
    cipher: &Aes256Gcm,
    plain: &[u8],
    about: &[u8],
    ids: &dyn Ids,
) -> Result<Vec<u8>, Unopened> {
    let random = ids.random32();
    let nonce = random.first_chunk::<NONCE_BYTES>().ok_or(Unopened)?;
    let payload = Payload {
        msg: plain,
        aad: about,
    };
    let sealed = cipher
        .encrypt(&Nonce::from(*nonce), payload)
        .map_err(|_| Unopened)?;
    Ok([nonce.as_slice(), sealed.as_slice()].concat())
}

/// What [`encrypt`] made, in the open.
pub(crate) fn decrypt(
    cipher: &Aes256Gcm,
    sealed: &[u8],
    about: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened)?;
    let payload = Payload {
        msg: ciphertext,
        aad: about,
    };
    cipher
        .decrypt(&Nonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| Unopened)
}

#[cfg(test)]
mod tests;
