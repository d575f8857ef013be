//! Sealing of small secrets with AES-256-GCM (NIST SP 800-38D) under the key-encryption key.
//!
//! A sealed value is a version byte, a random 96-bit nonce, and ciphertext with its 128-bit tag.
//! What the value is, and whose, is authenticated with it, so that a sealed value moved to another
//! row does not open.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{clock::Ids, error::StoreError};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// The key that every tenant's keys are sealed under. The database never holds it.
pub struct KeyEncryptionKey(SecretBox<[u8; 32]>);

/// The key is not 32 bytes in standard Base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the key-encryption key is not 32 bytes in standard base64")]
pub struct KeyError;

impl KeyEncryptionKey {
    /// The key of those bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The key as configuration gives it: 32 bytes in standard Base64 (RFC 4648, section 4).
    pub fn from_base64(text: &SecretString) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.expose_secret().trim());
        let bytes = Zeroizing::new(bytes.map_err(|_| KeyError)?);
        <[u8; 32]>::try_from(bytes.as_slice())
            .map(Self::new)
            .map_err(|_| KeyError)
    }

    /// A key for another purpose, by HMAC-SHA-256 (RFC 2104) of the purpose's name.
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let mut block = Zeroizing::new([0; 64]);
        let key = self.0.expose_secret();
        block
            .iter_mut()
            .zip(key)
            .for_each(|(slot, byte)| *slot = *byte);
        let mut mac = Hmac::<Sha256>::new(&(*block).into());
        mac.update(purpose);
        mac.finalize().into_bytes().into()
    }

    /// Seals `plain`, bound to `about`.
    pub(crate) fn seal(
        &self,
        plain: &[u8],
        about: &About<'_>,
        ids: &dyn Ids,
    ) -> Result<Vec<u8>, StoreError> {
        let random = ids.random32();
        let (nonce, _) = random
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(StoreError::Sealed)?;
        let payload = Payload {
            msg: plain,
            aad: &about.bytes(),
        };
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| StoreError::Sealed)?;
        let mut bytes = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        bytes.push(VERSION);
        bytes.extend(nonce);
        bytes.extend(sealed);
        Ok(bytes)
    }

    /// Opens what was sealed with the same `about`.
    pub(crate) fn open(
        &self,
        sealed: &[u8],
        about: &About<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (version, rest) = sealed.split_first().ok_or(StoreError::Sealed)?;
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(StoreError::Sealed)?;
        if *version != VERSION {
            return Err(StoreError::Sealed);
        }
        let payload = Payload {
            msg: ciphertext,
            aad: &about.bytes(),
        };
        self.cipher()
            .decrypt(&Nonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| StoreError::Sealed)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.0.expose_secret().into())
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey")
    }
}

/// What a sealed value is: authenticated, not hidden.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The kind of secret.
    pub(crate) purpose: &'a str,
    /// Whose it is: the id of a tenant or session, the hash of a state.
    pub(crate) owner: &'a [u8],
    /// Which of several that replace each other.
    pub(crate) version: i32,
}

impl About<'_> {
    /// Each part with its length before it, so that parts do not run into each other.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [
            b"countersign-seal-v1".as_slice(),
            self.purpose.as_bytes(),
            self.owner,
            &self.version.to_be_bytes(),
        ] {
            bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemIds;

    const ABOUT: About<'static> = About {
        purpose: "audit",
        owner: b"tenant",
        version: 1,
    };

    #[test]
    fn sealed_value_opens_only_as_what_it_is() -> Result<(), StoreError> {
        let key = KeyEncryptionKey::new([1; 32]);
        let sealed = key.seal(b"secret", &ABOUT, &SystemIds)?;
        assert_eq!(key.open(&sealed, &ABOUT)?.as_slice(), b"secret");
        for about in [
            About {
                purpose: "audi",
                ..ABOUT
            },
            About {
                owner: b"other",
                ..ABOUT
            },
            About {
                version: 2,
                ..ABOUT
            },
        ] {
            assert!(key.open(&sealed, &about).is_err(), "{about:?}");
        }
        assert!(
            KeyEncryptionKey::new([2; 32])
                .open(&sealed, &ABOUT)
                .is_err()
        );
        Ok(())
    }

    #[test]
    fn each_changed_byte_is_noticed() -> Result<(), StoreError> {
        let key = KeyEncryptionKey::new([1; 32]);
        let sealed = key.seal(b"secret", &ABOUT, &SystemIds)?;
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(key.open(&changed, &ABOUT).is_err(), "byte {i}");
            assert!(key.open(&sealed[..i], &ABOUT).is_err(), "cut at {i}");
        }
        Ok(())
    }

    #[test]
    fn one_value_is_sealed_differently_each_time() -> Result<(), StoreError> {
        let key = KeyEncryptionKey::new([1; 32]);
        let seal = || key.seal(b"secret", &ABOUT, &SystemIds);
        assert_ne!(seal()?, seal()?);
        Ok(())
    }

    #[test]
    fn key_has_32_bytes() {
        let parse = |text: String| KeyEncryptionKey::from_base64(&text.into()).is_ok();
        assert!(parse(STANDARD.encode([7; 32])));
        assert!(!parse(STANDARD.encode([7; 31])) && !parse("not base64".into()));
    }
}
