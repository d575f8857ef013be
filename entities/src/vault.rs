//! The vault: a credential is opened for one call to its provider, and closed (VLT-3).
//!
//! There is no other way to it: stores return what people may see, a redacted prefix at most. The call
//! borrows the credential, which can be neither copied nor printed, and it is wiped when the call is over.

use countersign_domain::{
    audit::{Facts, Outcome},
    credentials::PlainCredential,
    id::CredentialId,
};
use countersign_policies::Permit;
use futures::future::BoxFuture;
use sea_orm::{DbBackend, Statement};
use secrecy::SecretString;
use thiserror::Error;

use crate::{
    audit::EventDraft,
    context::RequestContext,
    database::Database,
    error::{EnterError, StoreError},
    keys::Purpose,
    line::fetched,
    reading::Pace,
    seal::Place,
};

/// The vault of credentials.
#[derive(Debug, Clone)]
pub struct Vault(Database);

/// A credential as it is stored: sealed for its row.
pub struct SealedCredential {
    pub(crate) id: CredentialId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: i32,
}

impl std::fmt::Debug for SealedCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedCredential")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why a credential was not opened. Each but the last three is recorded in the tenant's log.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The tenant has no credential of that handle, or it is revoked.
    #[error("there is no credential of that handle to be opened")]
    Gone,
    /// It does not open: it was changed, moved, or is of another key.
    #[error("the credential does not open")]
    Unopened,
    /// The tenant's key is destroyed.
    #[error("the key that the credential is sealed under is destroyed")]
    Destroyed,
    /// The caller was let in before and is not any more.
    #[error("the credential of the caller ended")]
    Entry(#[from] EnterError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl VaultError {
    /// As the audit log writes it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Unopened => "does not open",
            Self::Destroyed => "key destroyed",
            Self::Entry(_) | Self::Store(_) => "failed",
        }
    }
}

fetched! {
    struct Row {
        secret_sealed: Option<Vec<u8>>,
    }
}

impl Database {
    /// The vault.
    pub fn vault(&self) -> Vault {
        Vault(self.clone())
    }
}

impl Vault {
    /// Seals a credential for the row that it will stand in.
    pub async fn seal(
        &self,
        context: &RequestContext,
        id: CredentialId,
        secret: &PlainCredential,
    ) -> Result<SealedCredential, StoreError> {
        let row = id.uuid();
        let place = place(context, row.as_bytes());
        let plain = secret.reveal().as_bytes();
        let keys = &self.0.inner().keys;
        let (bytes, version) = keys.seal(Purpose::Credentials, &place, plain).await?;
        Ok(SealedCredential { id, bytes, version })
    }

    /// Opens the credential of a handle for one call, which `purpose` names, and returns what the call
    /// came to. That it is opened is recorded before it is, and so is that it does not open.
    ///
    /// The permit is for what the credential is opened for, and good in its own tenant only.
    pub async fn open<T: Send>(
        &self,
        context: &RequestContext,
        permit: &Permit,
        id: CredentialId,
        purpose: &'static str,
        call: impl for<'a> FnOnce(&'a PlainCredential) -> BoxFuture<'a, T> + Send,
    ) -> Result<T, VaultError> {
        let opened = self.unsealed(context, permit, id).await;
        let (outcome, why) = match &opened {
            Ok(_) => (Outcome::Done, None),
            Err(VaultError::Entry(_) | VaultError::Store(_)) => (Outcome::Failed, None),
            Err(error) => (Outcome::Failed, Some(error.name())),
        };
        if opened.is_ok() || why.is_some() {
            let facts = Facts::new().word("for", purpose);
            let draft = EventDraft {
                action: "credential.opened",
                permission: permit.permission().clone(),
                outcome,
                targets: vec![id.into()],
                payload: facts.words("reason", why).into(),
            };
            self.0.record(context, draft).await?;
        }
        let secret = opened?;
        Ok(call(&secret).await)
    }

    async fn unsealed(
        &self,
        context: &RequestContext,
        permit: &Permit,
        id: CredentialId,
    ) -> Result<PlainCredential, VaultError> {
        let read = self.0.read(context).await?;
        read.same(permit.tenant())?;
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT secret_sealed FROM countersign.credentials WHERE tenant_id = $1 AND id = $2",
            [context.tenant().uuid().into(), id.uuid().into()],
        );
        let rows: Vec<Row> = read.fetch_statement(statement, Pace::Quick).await?;
        read.leave();
        let row = rows.into_iter().next();
        let sealed = row.and_then(|row| row.secret_sealed);
        let sealed = sealed.ok_or(VaultError::Gone)?;
        let row = id.uuid();
        let place = place(context, row.as_bytes());
        let keys = &self.0.inner().keys;
        let plain = keys.open_now(Purpose::Credentials, &place, &sealed).await;
        let plain = plain.map_err(|error| match error {
            StoreError::Sealed => VaultError::Unopened,
            StoreError::KeyDestroyed => VaultError::Destroyed,
            other => other.into(),
        })?;
        let text = str::from_utf8(&plain).map_err(|_| VaultError::Unopened)?;
        PlainCredential::parse(SecretString::from(text)).map_err(|_| VaultError::Unopened)
    }
}

fn place<'a>(context: &RequestContext, row: &'a [u8]) -> Place<'a> {
    Place {
        tenant: context.tenant(),
        table: "credentials",
        column: "secret_sealed",
        row,
    }
}
