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

use crate::{
    aws::Machine,
    config::{AwsKeys, GoogleKeys, Keepers, Keys, VaultKeys},
};

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

/// The keys that the configuration names, for whoever is that machine.
pub fn ring(keys: &Keys, machine: &Machine, clock: &Arc<dyn Clock>) -> Result<KeyRing, KmsError> {
    let local = |key| -> Result<Arc<dyn KeyEncryption>, KmsError> {
        Ok(Arc::new(KeyEncryptionKey::from_base64(key)?))
    };
    let current = keys.kek.iter().map(local);
    let current = current.chain(kept(
        (keys.aws.as_ref(), machine),
        keys.google.as_ref(),
        keys.vault.as_ref(),
        clock,
    ));
    let current = current.into_iter().next().ok_or(KmsError::None)??;
    let Keepers { aws, google, vault } = &keys.before;
    let before = kept(
        (aws.as_ref(), machine),
        google.as_ref(),
        vault.as_ref(),
        clock,
    );
    let previous = keys.previous.iter().map(local).chain(before);
    Ok(KeyRing::new(current, previous.collect::<Result<_, _>>()?))
}

/// A key of each keeper that is named.
fn kept(
    (aws, machine): (Option<&AwsKeys>, &Machine),
    google: Option<&GoogleKeys>,
    vault: Option<&VaultKeys>,
    clock: &Arc<dyn Clock>,
) -> Vec<Result<Arc<dyn KeyEncryption>, KmsError>> {
    let mut kept: Vec<Result<Arc<dyn KeyEncryption>, KmsError>> = Vec::new();
    if let Some(settings) = aws {
        #[cfg(feature = "aws-kms")]
        kept.push(
            aws::AwsKms::new(settings, machine, Arc::clone(clock)).map(|key| Arc::new(key) as _),
        );
        #[cfg(not(feature = "aws-kms"))]
        kept.push(left(&(settings, machine), clock, "aws-kms"));
    }
    if let Some(settings) = google {
        #[cfg(feature = "google-kms")]
        kept.push(
            google::GoogleKms::new(settings, Arc::clone(clock)).map(|key| Arc::new(key) as _),
        );
        #[cfg(not(feature = "google-kms"))]
        kept.push(left(settings, clock, "google-kms"));
    }
    if let Some(settings) = vault {
        #[cfg(feature = "vault-transit")]
        kept.push(vault::VaultTransit::new(settings).map(|key| Arc::new(key) as _));
        #[cfg(not(feature = "vault-transit"))]
        kept.push(left(settings, clock, "vault-transit"));
    }
    kept
}

#[cfg(not(all(feature = "aws-kms", feature = "google-kms", feature = "vault-transit")))]
fn left<T>(
    _: &T,
    _: &Arc<dyn Clock>,
    feature: &'static str,
) -> Result<Arc<dyn KeyEncryption>, KmsError> {
    Err(KmsError::Left(feature))
}
