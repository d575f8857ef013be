//! The key-encryption key, wherever it is kept: in the configuration, or by a key service, which wraps and
//! unwraps the keys of tenants and never gives its own away.
//!
//! | file | feature | keeper |
//! |---|---|---|
//! | `aws.rs` | `aws-kms` | AWS Key Management Service |
//! | `google.rs` | `google-kms` | Google Cloud Key Management Service |
//! | `vault.rs` | `vault-transit` | the transit engine of HashiCorp Vault, or of OpenBao |

#[cfg(feature = "aws-kms")]
pub mod aws;
#[cfg(feature = "google-kms")]
pub mod google;
#[cfg(any(feature = "aws-kms", feature = "google-kms", feature = "vault-transit"))]
mod service;
#[cfg(feature = "vault-transit")]
pub mod vault;

use std::sync::Arc;

use countersign_entities::{Clock, KeyEncryption, KeyEncryptionKey, KeyError, KeyRing};
use thiserror::Error;

use crate::config::Keys;

/// Why the key-encryption key can not be used at all.
#[derive(Debug, Error)]
pub enum KmsError {
    /// A key of the configuration is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No keeper is configured.
    #[error("`keys` names no key-encryption key")]
    None,
    /// The keeper is not part of this program.
    #[error("this program is built without `{0}`, which `keys` names: build it with that feature")]
    Left(&'static str),
    /// The settings of a keeper are not usable.
    #[error("the settings of `keys.{keeper}` are not usable: {fault}")]
    Settings {
        /// The section.
        keeper: &'static str,
        /// What is wrong.
        fault: String,
    },
}

/// The keys that the configuration names.
pub fn ring(keys: &Keys, clock: &Arc<dyn Clock>) -> Result<KeyRing, KmsError> {
    let current = current(keys, clock)?;
    let previous = keys.previous.iter().map(|key| {
        let key: Arc<dyn KeyEncryption> = Arc::new(KeyEncryptionKey::from_base64(key)?);
        Ok(key)
    });
    let previous = previous.collect::<Result<_, KmsError>>()?;
    Ok(KeyRing::new(current, previous))
}

fn current(keys: &Keys, clock: &Arc<dyn Clock>) -> Result<Arc<dyn KeyEncryption>, KmsError> {
    if let Some(key) = &keys.kek {
        return Ok(Arc::new(KeyEncryptionKey::from_base64(key)?));
    }
    if let Some(settings) = &keys.aws {
        #[cfg(feature = "aws-kms")]
        return Ok(Arc::new(aws::AwsKms::new(settings, Arc::clone(clock))?));
        #[cfg(not(feature = "aws-kms"))]
        return Err(left(settings, clock, "aws-kms"));
    }
    if let Some(settings) = &keys.google {
        #[cfg(feature = "google-kms")]
        return Ok(Arc::new(google::GoogleKms::new(
            settings,
            Arc::clone(clock),
        )?));
        #[cfg(not(feature = "google-kms"))]
        return Err(left(settings, clock, "google-kms"));
    }
    if let Some(settings) = &keys.vault {
        #[cfg(feature = "vault-transit")]
        return Ok(Arc::new(vault::VaultTransit::new(settings)?));
        #[cfg(not(feature = "vault-transit"))]
        return Err(left(settings, clock, "vault-transit"));
    }
    Err(KmsError::None)
}

#[cfg(not(all(feature = "aws-kms", feature = "google-kms", feature = "vault-transit")))]
fn left<T>(_: &T, _: &Arc<dyn Clock>, feature: &'static str) -> KmsError {
    KmsError::Left(feature)
}
