//! A key-encryption key from a file or the environment: for development, and for platforms whose secrets
//! are as well kept as a key service's.

use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{FutureExt, future::BoxFuture};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use super::kek::{KekError, KeyEncryption, KeyIdentity, PlainKey, WrappedKey};
use crate::{clock::Ids, clock::SystemIds, seal};

/// The first byte of what it wraps.
const FORMAT: u8 = 1;
/// Bytes of the key's fingerprint in its name.
const FINGERPRINT: usize = 8;

/// A key-encryption key that this process holds.
pub struct KeyEncryptionKey {
    key: PlainKey,
    name: String,
}

/// The key is not 32 bytes in standard Base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the key-encryption key is not 32 bytes in standard base64")]
pub struct KeyError;

impl KeyEncryptionKey {
    /// The key of those bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let name = format!("local:{}", fingerprint(&bytes));
        let key = PlainKey::new(bytes);
        Self { key, name }
    }

    /// The key as configuration gives it: 32 bytes in standard Base64 (RFC 4648, section 4).
    pub fn from_base64(text: &SecretString) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.expose_secret().trim());
        let bytes = Zeroizing::new(bytes.map_err(|_| KeyError)?);
        <[u8; 32]>::try_from(bytes.as_slice())
            .map(Self::new)
            .map_err(|_| KeyError)
    }

    /// Wraps bytes, bound to `about`.
    pub(crate) fn seal(&self, plain: &[u8], about: &[u8], ids: &dyn Ids) -> Option<Vec<u8>> {
        let sealed = seal::encrypt(&self.cipher(), plain, about, ids).ok()?;
        let mut bytes = Vec::with_capacity(sealed.len().saturating_add(1));
        bytes.push(FORMAT);
        bytes.extend(sealed);
        Some(bytes)
    }

    fn open(&self, sealed: &[u8], about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (format, rest) = sealed.split_first()?;
        if *format != FORMAT {
            return None;
        }
        seal::decrypt(&self.cipher(), rest, about).ok()
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.key.expose_secret().into())
    }
}

/// Tells keys apart without telling anything of them: the start of an HMAC-SHA-256 (RFC 2104) under the
/// key.
fn fingerprint(key: &[u8; 32]) -> String {
    let mut block = Zeroizing::new([0; 64]);
    block
        .iter_mut()
        .zip(key)
        .for_each(|(slot, byte)| *slot = *byte);
    let mut mac = Hmac::<Sha256>::new(&(*block).into());
    mac.update(b"countersign key-encryption key");
    let mac: [u8; 32] = mac.finalize().into_bytes().into();
    hex::encode(
        mac.first_chunk::<FINGERPRINT>()
            .unwrap_or(&[0; FINGERPRINT]),
    )
}

impl KeyEncryption for KeyEncryptionKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        let sealed = self.seal(key.expose_secret(), &of.bytes(), &SystemIds);
        let wrapped = sealed.map(|bytes| WrappedKey {
            kek: Some(self.name.clone()),
            bytes,
        });
        let failed = || KekError::Garbled {
            kek: self.name.clone(),
            cause: "the key does not wrap".to_owned(),
        };
        async move { wrapped.ok_or_else(failed) }.boxed()
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<PlainKey, KekError>> {
        let opened = self.open(&wrapped.bytes, &of.bytes());
        let key = opened.and_then(|bytes| PlainKey::from_slice(&bytes));
        let mismatch = || KekError::Mismatch {
            kek: self.name.clone(),
        };
        async move { key.ok_or_else(mismatch) }.boxed()
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::id::TenantId;
    use uuid::Uuid;

    use super::*;
    use crate::keys::kek::KeyRing;

    const OF: KeyIdentity = KeyIdentity {
        tenant: TenantId::new(Uuid::nil()),
        purpose: "audit",
        version: 1,
    };

    #[tokio::test]
    async fn wrapped_key_unwraps_as_what_it_is_alone() {
        let kek = KeyEncryptionKey::new([1; 32]);
        let wrapped = kek.wrap(&PlainKey::new([7; 32]), &OF).await.unwrap();
        let opened = kek
            .unwrap(&wrapped, &OF)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(opened.expose_secret(), &[7; 32]);
        let other = TenantId::new(Uuid::max());
        for of in [
            KeyIdentity {
                purpose: "data",
                ..OF
            },
            KeyIdentity {
                tenant: other,
                ..OF
            },
            KeyIdentity { version: 2, ..OF },
        ] {
            assert!(kek.unwrap(&wrapped, &of).await.is_err(), "{of:?}");
        }
        for i in 0..wrapped.bytes.len() {
            let mut changed = wrapped.clone();
            changed.bytes[i] ^= 1;
            assert!(kek.unwrap(&changed, &OF).await.is_err(), "byte {i}");
            changed.bytes.truncate(i);
            assert!(kek.unwrap(&changed, &OF).await.is_err(), "cut at {i}");
        }
    }

    #[tokio::test]
    async fn ring_finds_the_key_that_wrapped_and_names_the_one_that_is_missing() {
        let old = KeyEncryptionKey::new([1; 32]);
        let wrapped = old.wrap(&PlainKey::new([7; 32]), &OF).await.unwrap();
        let without = KeyRing::from(KeyEncryptionKey::new([2; 32]));
        let Err(KekError::Unknown(name)) = without.unwrap(&wrapped, &OF).await else {
            panic!("unwrapped");
        };
        assert_eq!(Some(name), wrapped.kek);
        let new = std::sync::Arc::new(KeyEncryptionKey::new([2; 32]));
        let with = KeyRing::new(new, vec![std::sync::Arc::new(old)]);
        assert!(with.unwrap(&wrapped, &OF).await.is_ok());
        let unnamed = WrappedKey {
            kek: None,
            ..wrapped
        };
        assert!(with.unwrap(&unnamed, &OF).await.is_ok());
        assert!(without.unwrap(&unnamed, &OF).await.is_err());
    }

    #[test]
    fn key_has_32_bytes() {
        let parse = |text: String| KeyEncryptionKey::from_base64(&text.into()).is_ok();
        assert!(parse(STANDARD.encode([7; 32])));
        assert!(!parse(STANDARD.encode([7; 31])) && !parse("not base64".into()));
    }
}
