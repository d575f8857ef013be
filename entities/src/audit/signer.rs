//! The key that a tenant's checkpoints and exports are signed with (Ed25519, RFC 8032).

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use countersign_domain::{
    audit::note::{NoteError, VerifierKey},
    id::TenantId,
};
use secrecy::ExposeSecret;

use crate::{
    error::StoreError,
    keys::{self, CHECKPOINT, FIRST, KeyRow, Keys},
    line::Fetches,
    wire::Wire,
};

/// Signs notes in a tenant's name.
#[derive(Clone)]
pub struct NoteSigner {
    pair: Arc<Ed25519KeyPair>,
    key: VerifierKey,
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.key.name())
    }
}

impl NoteSigner {
    fn new(tenant: TenantId, seed: &[u8; 32]) -> Result<Self, StoreError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| StoreError::Sealed)?;
        let public = pair.public_key().as_ref().try_into();
        let public = public.map_err(|_| StoreError::Sealed)?;
        Ok(Self {
            pair: Arc::new(pair),
            key: VerifierKey::of_tenant(tenant, public),
        })
    }

    /// The public key, by which whoever has it verifies.
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// A note of that text.
    pub fn sign(&self, text: &str) -> Result<String, StoreError> {
        let signature = self.pair.sign(text.as_bytes());
        let signature = signature.as_ref().try_into();
        let signature = signature.map_err(|_| StoreError::Sealed)?;
        Ok(self.key.note(text, signature))
    }
}

/// The text of a note that was signed with that key. Needs no database.
pub fn verified_note<'n>(key: &VerifierKey, note: &'n str) -> Result<&'n str, NoteError> {
    let (text, signature) = key.open(note)?;
    let is_signed = is_signed(key.bytes(), text.as_bytes(), &signature);
    is_signed.then_some(text).ok_or(NoteError::Unsigned)
}

fn is_signed(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, key);
    key.verify(text, signature).is_ok()
}

/// The tenant's signer, made where it has none, in the tenant's own transaction.
pub(crate) async fn signer(
    wire: &Wire,
    tenant: TenantId,
    keys: &Keys,
) -> Result<NoteSigner, StoreError> {
    if let Some(found) = found(wire, tenant, keys).await? {
        return Ok(found);
    }
    let new = keys.new_row(tenant, CHECKPOINT, FIRST).await?;
    keys::insert_row_once(wire, new).await?;
    // Another replica may have been first.
    let row = row(wire, tenant).await?;
    let row = row.ok_or_else(|| StoreError::inconsistent("the tenant has no key to sign"))?;
    opened(keys, tenant, &row).await
}

/// The tenant's signer, where it has one.
pub(crate) async fn found(
    at: &impl Fetches,
    tenant: TenantId,
    keys: &Keys,
) -> Result<Option<NoteSigner>, StoreError> {
    match row(at, tenant).await? {
        Some(row) => Ok(Some(opened(keys, tenant, &row).await?)),
        None => Ok(None),
    }
}

/// The public key of the tenant's signer, if it has one. Unwrapped once by each server: it stays.
pub(crate) async fn verifier(
    at: &impl Fetches,
    tenant: TenantId,
    keys: &Keys,
) -> Result<Option<VerifierKey>, StoreError> {
    if let Some(known) = keys.verifier(tenant) {
        return Ok(Some(known));
    }
    let Some(row) = row(at, tenant).await? else {
        return Ok(None);
    };
    let key = opened(keys, tenant, &row).await?.key().clone();
    keys.keep_verifier(tenant, key.clone());
    Ok(Some(key))
}

async fn row(wire: &impl Fetches, tenant: TenantId) -> Result<Option<KeyRow>, StoreError> {
    let rows: Vec<KeyRow> = wire.fetch(keys::rows_of(tenant, CHECKPOINT)).await?;
    Ok(rows.into_iter().next())
}

async fn opened(keys: &Keys, tenant: TenantId, row: &KeyRow) -> Result<NoteSigner, StoreError> {
    let seed = keys.unwrap(tenant, CHECKPOINT, row).await?;
    let seed = seed.ok_or(StoreError::Sealed)?;
    NoteSigner::new(tenant, seed.expose_secret())
}

#[cfg(test)]
mod tests;
