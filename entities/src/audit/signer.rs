//! The key that a tenant's checkpoints and exports are signed with (Ed25519, RFC 8032).

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use countersign_domain::{
    audit::note::{NoteError, VerifierKey},
    id::TenantId,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use zeroize::Zeroizing;

use crate::{
    clock::Ids,
    error::StoreError,
    line::{Fetches, fetched},
    seal::{About, KeyEncryptionKey},
    wire::Wire,
};

const PURPOSE: &str = "checkpoint";
const VERSION: i32 = 1;

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
    UnparsedPublicKey::new(&ED25519, key.bytes())
        .verify(text.as_bytes(), &signature)
        .map_err(|_| NoteError::Unsigned)?;
    Ok(text)
}

fetched! {
    struct Sealed {
        sealed: Vec<u8>,
    }
}

/// The tenant's signer, made where it has none, in the tenant's own transaction.
pub(crate) async fn signer(
    wire: &Wire,
    tenant: TenantId,
    kek: &KeyEncryptionKey,
    ids: &dyn Ids,
) -> Result<NoteSigner, StoreError> {
    let owner = tenant.uuid();
    let about = About {
        purpose: PURPOSE,
        owner: owner.as_bytes(),
        version: VERSION,
    };
    if let Some(sealed) = sealed(wire, tenant).await? {
        return opened(kek, tenant, &sealed, &about);
    }
    let seed = Zeroizing::new(ids.random32());
    let new = kek.seal(seed.as_slice(), &about, ids)?;
    let insert = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO countersign.tenant_keys (tenant_id, purpose, version, sealed) \
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [
            tenant.uuid().into(),
            PURPOSE.into(),
            VERSION.into(),
            new.into(),
        ],
    );
    wire.execute_raw(insert).await?;
    // Another replica may have been first.
    let sealed = sealed(wire, tenant).await?;
    let sealed = sealed.ok_or_else(|| StoreError::inconsistent("the tenant has no key to sign"))?;
    opened(kek, tenant, &sealed, &about)
}

async fn sealed(wire: &Wire, tenant: TenantId) -> Result<Option<Vec<u8>>, StoreError> {
    let select = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT sealed FROM countersign.tenant_keys \
         WHERE tenant_id = $1 AND purpose = $2 AND version = $3",
        [tenant.uuid().into(), PURPOSE.into(), VERSION.into()],
    );
    let rows: Vec<Sealed> = wire.fetch(select).await?;
    Ok(rows.into_iter().next().map(|row| row.sealed))
}

fn opened(
    kek: &KeyEncryptionKey,
    tenant: TenantId,
    sealed: &[u8],
    about: &About<'_>,
) -> Result<NoteSigner, StoreError> {
    let bytes = kek.open(sealed, about)?;
    let seed = bytes
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::Sealed)?;
    NoteSigner::new(tenant, seed)
}
