//! Credentials at outside providers: `storeCredential`, `credential.stored`; `checkCredential`,
//! `credential.checked`; `revokeCredential`, `credential.revoked`.

use countersign_domain::{
    audit::{Facts, Payload},
    credentials::{CheckOutcome, PlainCredential, Provider},
    id::CredentialId,
    sealed::TextColumn,
};
use countersign_entities::{NewCredential, ProviderCredential, VaultError};
use countersign_policies::{Permit, resource};
use futures::FutureExt;
use secrecy::SecretString;

use super::{AppError, Fault, FaultCode, Mutation, Services, Writer, attempt, name};
use crate::providers::Providers;

/// The longest name of a credential, in characters.
pub const NAME_MAX: usize = 60;

/// The input of [`store`], as the caller gave it.
#[derive(Debug)]
pub struct StoreCredential {
    /// Whom it is for.
    pub provider: Provider,
    /// What to call it.
    pub name: String,
    /// The credential itself.
    pub secret: SecretString,
}

/// Puts a credential into the vault. From then on nobody reads it but the calls to its provider.
pub async fn store(
    services: &Services,
    writer: &Writer,
    input: StoreCredential,
) -> Result<ProviderCredential, AppError> {
    let mutation = Mutation::begin(services, writer, "storeCredential").await?;
    let context = writer.context();
    let permit = attempt!(mutation, vec![], mutation.permit_books());
    let provider = input.provider;
    let (name, secret) = attempt!(mutation, vec![], parse(input));
    let id = CredentialId::new(services.database.ids().uuid());
    let database = &services.database;
    let sealed = database.vault().seal(context, id, &secret).await;
    let sealed = attempt!(mutation, vec![], sealed);
    let column = TextColumn::CredentialName;
    let name = database.seal_text(context.tenant(), column, id.uuid(), &name);
    let name = attempt!(mutation, vec![], name.await);
    let new = NewCredential {
        provider,
        name,
        prefix: secret.prefix(),
        secret: sealed,
        created_by: context.actor().human().map(|human| human.user),
    };
    drop(secret);
    let made = mutation.transaction.new_credential(&permit, new);
    let (stored, insertion) = attempt!(mutation, vec![], made);
    let event = (vec![id.into()], Payload::created(recorded(&stored)));
    mutation.insert(permit, insertion, event).await?;
    Ok(stored)
}

fn parse(input: StoreCredential) -> Result<(String, PlainCredential), AppError> {
    let mut faults = Vec::new();
    let name = name(&input.name, NAME_MAX, "name").map_err(|fault| faults.push(fault));
    let secret = PlainCredential::parse(input.secret).map_err(|error| {
        faults.push(Fault::new(FaultCode::Invalid, "secret", error.to_string()));
    });
    match (name, secret) {
        (Ok(name), Ok(secret)) => Ok((name, secret)),
        _ => Err(AppError::Faults(faults)),
    }
}

/// Asks the provider whether the credential lets in: it is opened for that one call. What the provider says
/// is noted.
pub async fn check(
    services: &Services,
    providers: &Providers,
    writer: &Writer,
    id: CredentialId,
) -> Result<ProviderCredential, AppError> {
    let targets = vec![id.into()];
    let mutation = Mutation::begin(services, writer, "checkCredential").await?;
    let (permit, before) = attempt!(mutation, targets, lock(&mutation, id).await);
    // The provider takes its time: not with a connection in hand.
    mutation.transaction.abandon().await;
    let provider = before.provider;
    let purpose = Providers::check_call(provider);
    let (vault, providers) = (services.database.vault(), providers.clone());
    let asked = vault
        .open(writer.context(), &permit, id, purpose, move |secret| {
            async move { providers.check(provider, secret).await }.boxed()
        })
        .await;
    let mutation = Mutation::begin(services, writer, "checkCredential").await?;
    let outcome = attempt!(mutation, targets, asked.map_err(unopened));
    let (permit, before) = attempt!(mutation, targets, lock(&mutation, id).await);
    let noted = mutation
        .transaction
        .note_credential_check(&permit, id, outcome)
        .await;
    let at = attempt!(mutation, targets, noted);
    let after = ProviderCredential {
        checked: Some((outcome, at)),
        ..before.clone()
    };
    let payload = Payload::changed(recorded(&before), recorded(&after));
    mutation.finish(permit, targets, payload).await?;
    Ok(after)
}

/// Revokes a credential: what the vault has of it is erased.
pub async fn revoke(
    services: &Services,
    writer: &Writer,
    id: CredentialId,
) -> Result<ProviderCredential, AppError> {
    let targets = vec![id.into()];
    let mutation = Mutation::begin(services, writer, "revokeCredential").await?;
    let (permit, before) = attempt!(mutation, targets, lock(&mutation, id).await);
    let revoked = mutation.transaction.revoke_credential(&permit, id).await;
    let at = attempt!(mutation, targets, revoked);
    let after = ProviderCredential {
        revoked_at: Some(at),
        ..before.clone()
    };
    let payload = Payload::changed(recorded(&before), recorded(&after));
    mutation.finish(permit, targets, payload).await?;
    Ok(after)
}

/// What the audit log keeps of a credential: neither its name nor a character of it.
fn recorded(credential: &ProviderCredential) -> Facts {
    let (outcome, at) = credential.checked.unzip();
    let outcome = outcome.map(CheckOutcome::name);
    Facts::new()
        .word("provider", credential.provider.name())
        .words("checkOutcome", outcome)
        .at("checkedAt", at)
        .at("revokedAt", credential.revoked_at)
}

/// The permit for a credential, and the credential, which is there and not revoked.
async fn lock(
    mutation: &Mutation<'_>,
    id: CredentialId,
) -> Result<(Permit, ProviderCredential), AppError> {
    let permit = mutation.permit_plain(id.uuid())?;
    let actor = mutation.writer.context().actor();
    let scope = mutation
        .services
        .engine
        .read_scope::<resource::Credential>(actor)?;
    let found = mutation.transaction.lock_credential(&scope, id).await?;
    let fault = |code, message: &str| Fault::new(code, "credentialId", message);
    let unknown = || fault(FaultCode::NotFound, "there is no credential with that id");
    let found = found.ok_or_else(unknown)?;
    if found.revoked_at.is_some() {
        let message = "that credential is revoked already";
        return Err(fault(FaultCode::AlreadyDone, message).into());
    }
    Ok((permit, found))
}

/// What is said of a credential that does not open.
fn unopened(error: VaultError) -> AppError {
    let message = match error {
        VaultError::Gone => "that credential was revoked a moment ago",
        VaultError::Unopened => {
            "the credential does not open, and was not used: revoke it and store it again"
        }
        VaultError::Destroyed => {
            "the key that it is sealed under is destroyed: it can not be read again"
        }
        VaultError::Entry(error) => return error.into(),
        VaultError::Store(error) => return error.into(),
    };
    Fault::new(FaultCode::Unreadable, "credentialId", message).into()
}

/// What can be done with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// It is in the vault.
    Active,
    /// It was revoked, and erased.
    Revoked,
    /// The key that it is sealed under is destroyed.
    Destroyed,
}

impl CredentialState {
    /// Every state with its name in GraphQL.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Active, "ACTIVE"),
        (Self::Revoked, "REVOKED"),
        (Self::Destroyed, "DESTROYED"),
    ];

    /// The name in GraphQL.
    pub fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(state, _)| *state == self)
            .map_or("REVOKED", |(_, name)| name)
    }
}
