//! Key encryption: what the keys of tenants are wrapped under. The database never holds it.

use std::{fmt, sync::Arc};

use countersign_domain::id::TenantId;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretBox};
use thiserror::Error;

use super::local::KeyEncryptionKey;

/// A key in the open: 32 bytes that can not be printed and are wiped when dropped.
#[expect(
    missing_debug_implementations,
    reason = "a key that can not be printed is not printed by accident"
)]
pub struct PlainKey(SecretBox<[u8; 32]>);

impl PlainKey {
    /// The key of those bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The key of a slice, where it has 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }
}

impl ExposeSecret<[u8; 32]> for PlainKey {
    fn expose_secret(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

/// What a wrapped key is: authenticated with it, so that it does not unwrap as another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyIdentity {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for: `audit`, `data`, `index`.
    pub purpose: &'static str,
    /// Which of several that replace each other.
    pub version: i32,
}

impl KeyIdentity {
    /// The identity as names and values, for keepers that authenticate such.
    pub fn pairs(&self) -> [(&'static str, String); 3] {
        [
            ("tenant", self.tenant.to_string()),
            ("purpose", self.purpose.to_owned()),
            ("version", self.version.to_string()),
        ]
    }

    /// The identity as bytes, for keepers that authenticate those.
    pub fn bytes(&self) -> Vec<u8> {
        crate::seal::framed(&[
            b"countersign-seal-v1",
            self.purpose.as_bytes(),
            self.tenant.uuid().as_bytes(),
            &self.version.to_be_bytes(),
        ])
    }
}

/// A key as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The version of the key-encryption key that it is wrapped under, as that key's keeper names it.
    /// None where it was wrapped before names were kept.
    pub kek: Option<String>,
    /// What unwraps to the key.
    pub bytes: Vec<u8>,
}

/// Why a key was not wrapped or unwrapped. Nothing is half done then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KekError {
    /// The keeper does not answer in time, or says that it is unwell.
    #[error("`{kek}` does not answer: {cause}")]
    Unreachable {
        /// The key-encryption key.
        kek: String,
        /// What was seen.
        cause: String,
    },
    /// The keeper asks to be asked less.
    #[error("`{kek}` is asked too often: raise its quota, or wait")]
    Throttled {
        /// The key-encryption key.
        kek: String,
    },
    /// The keeper does not let this installation use the key.
    #[error(
        "`{kek}` refuses: {cause}; check the rights of this installation's identity on the key"
    )]
    Denied {
        /// The key-encryption key.
        kek: String,
        /// What it said.
        cause: String,
    },
    /// Nobody is there to ask as.
    #[error("`{kek}` is not asked: {cause}")]
    Unasked {
        /// The key-encryption key.
        kek: String,
        /// What is missing, and what to do.
        cause: String,
    },
    /// It is wrapped under another key, as another's, or it was changed.
    #[error(
        "`{kek}` does not unwrap it: it is wrapped under another key, for another tenant, or was changed"
    )]
    Mismatch {
        /// The key-encryption key.
        kek: String,
    },
    /// The answer is none.
    #[error("`{kek}` answers what is no answer: {cause}")]
    Garbled {
        /// The key-encryption key.
        kek: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No key-encryption key of that name is configured.
    #[error(
        "a key is wrapped under `{0}`, which the configuration does not name: give that key-encryption key in \
         `keys.previous`, or in `keys.before` where a keeper has it; what a backup brought back is wrapped under \
         the one of its day"
    )]
    Unknown(String),
}

impl KekError {
    /// Whether trying again later may help.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Throttled { .. })
    }
}

/// Wraps and unwraps keys, wherever the key-encryption key is kept.
pub trait KeyEncryption: fmt::Debug + Send + Sync {
    /// The name of the key-encryption key. The name of a version of it is the same, or has `:v` or
    /// `/cryptoKeyVersions/` and the version's number behind it.
    fn name(&self) -> &str;

    /// Wraps a key as what it is.
    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>>;

    /// Unwraps what was wrapped as the same.
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<PlainKey, KekError>>;
}

/// The key-encryption key that wraps, and those before it, which still unwrap.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: Arc<dyn KeyEncryption>,
    previous: Vec<Arc<dyn KeyEncryption>>,
}

impl KeyRing {
    /// The ring of those keys.
    pub fn new(current: Arc<dyn KeyEncryption>, previous: Vec<Arc<dyn KeyEncryption>>) -> Self {
        Self { current, previous }
    }

    /// The name of the key that wraps.
    pub fn name(&self) -> &str {
        self.current.name()
    }

    /// Wraps a key under the current key-encryption key.
    pub async fn wrap(&self, key: &PlainKey, of: &KeyIdentity) -> Result<WrappedKey, KekError> {
        self.current.wrap(key, of).await
    }

    /// Unwraps a key by the key-encryption key that it names. Keys of several keepers may have one name,
    /// as where an installation moves from one Vault to another: each that may be meant is tried, and all
    /// where none is named.
    ///
    /// A keeper that could not tell makes its error the answer, before those that say that it is not theirs.
    pub async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        of: &KeyIdentity,
    ) -> Result<PlainKey, KekError> {
        let is_mismatch = |error: &KekError| matches!(error, KekError::Mismatch { .. });
        let mut failed: Option<KekError> = None;
        for kek in self.meant_by(wrapped) {
            match kek.unwrap(wrapped, of).await {
                Ok(key) => return Ok(key),
                Err(error) if is_mismatch(&error) => failed = failed.or(Some(error)),
                Err(error) if failed.as_ref().is_none_or(is_mismatch) => failed = Some(error),
                Err(_) => {}
            }
        }
        let unknown = || KekError::Unknown(wrapped.kek.clone().unwrap_or_default());
        Err(failed.unwrap_or_else(unknown))
    }

    /// Whether a key is wrapped under the key that wraps. Its keeper is asked where the name does not tell.
    pub async fn is_current(
        &self,
        wrapped: &WrappedKey,
        of: &KeyIdentity,
    ) -> Result<bool, KekError> {
        let is_meant = |kek: &Arc<dyn KeyEncryption>| {
            let name = wrapped.kek.as_deref();
            name.is_some_and(|name| is_version(name, kek.name()))
        };
        if !is_meant(&self.current) || !self.previous.iter().any(is_meant) {
            return Ok(is_meant(&self.current));
        }
        match self.current.unwrap(wrapped, of).await {
            Ok(_) => Ok(true),
            Err(KekError::Mismatch { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn meant_by(&self, wrapped: &WrappedKey) -> impl Iterator<Item = &Arc<dyn KeyEncryption>> {
        let name = wrapped.kek.clone();
        let all = std::iter::once(&self.current).chain(&self.previous);
        all.filter(move |kek| {
            let name = name.as_deref();
            name.is_none_or(|name| is_version(name, kek.name()))
        })
    }
}

/// What stands between the name of a key and the number of its version, by keeper.
const BEFORE_VERSIONS: [&str; 2] = [":v", "/cryptoKeyVersions/"];

/// Whether `version` is the key of that name, or a version of it.
fn is_version(version: &str, name: &str) -> bool {
    let Some(rest) = version.strip_prefix(name) else {
        return false;
    };
    let mut numbers = BEFORE_VERSIONS
        .iter()
        .filter_map(|before| rest.strip_prefix(before));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    rest.is_empty() || numbers.any(is_number)
}

impl From<KeyEncryptionKey> for KeyRing {
    fn from(key: KeyEncryptionKey) -> Self {
        Self::new(Arc::new(key), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn version_of_a_key_is_none_of_a_key_whose_name_begins_alike() {
        for (version, name) in [
            ("local:0badc0de", "local:0badc0de"),
            ("vault:transit/a:v12", "vault:transit/a"),
            ("google-kms:k/cryptoKeyVersions/3", "google-kms:k"),
        ] {
            assert!(is_version(version, name), "{version} of {name}");
        }
        for (version, name) in [
            ("vault:transit/a/b:v1", "vault:transit/a"),
            ("vault:transit/ab:v1", "vault:transit/a"),
            ("vault:transit/a:v", "vault:transit/a"),
            ("vault:transit/a:v1/b:v1", "vault:transit/a"),
            ("google-kms:k/cryptoKeyVersions/3/4", "google-kms:k"),
        ] {
            assert!(!is_version(version, name), "{version} of {name}");
        }
    }
}
