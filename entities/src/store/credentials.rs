//! Credentials at outside providers, as people may see them. Their secrets are the vault's.

use chrono::{DateTime, Utc};
use countersign_domain::{
    credentials::{CheckOutcome, Provider},
    id::{CredentialId, UserId},
    sealed::{StoredText, TextColumn},
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, Statement,
    sea_query::{Expr, Order},
};

use super::{Sorted, Stored, any_of, by_id, named, one_row, user};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    model::credentials::{Column, Entity, Model},
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
    vault::SealedCredential,
    writing::Insertion,
};

/// A credential at an outside provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its handle, which is all that others hold of it.
    pub id: CredentialId,
    /// Whom it is for.
    pub provider: Provider,
    /// What the tenant calls it.
    pub name: StoredText,
    /// Its first characters, to tell one from another.
    pub prefix: String,
    /// The version of the tenant's key that it is sealed under.
    pub key_version: i32,
    /// Who stored it, if a member still.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// What the provider said of it last, and when.
    pub checked: Option<(CheckOutcome, DateTime<Utc>)>,
    /// When it was revoked, if it was: its secret was erased then.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A credential to be stored.
#[derive(Debug)]
pub struct NewCredential {
    /// Whom it is for.
    pub provider: Provider,
    /// What the tenant calls it, sealed for its row.
    pub name: StoredText,
    /// Its first characters.
    pub prefix: String,
    /// Its secret, sealed for its row.
    pub secret: SealedCredential,
    /// Who stores it.
    pub created_by: Option<UserId>,
}

impl Keyset for Credential {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

impl TryFrom<Model> for Credential {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let outcome = |name: String| named(CheckOutcome::from_name(&name), &name);
        let checked = match (row.check_outcome, row.checked_at) {
            (Some(name), Some(at)) => Some((outcome(name)?, at)),
            _ => None,
        };
        let (sealed, version) = (Some(row.name_sealed), Some(row.key_version));
        let name = StoredText::of(TextColumn::CredentialName, row.id, None, sealed, version);
        Ok(Self {
            id: CredentialId::new(row.id),
            provider: named(Provider::from_name(&row.provider), &row.provider)?,
            name: name.ok_or_else(|| StoreError::inconsistent("a credential has no name"))?,
            prefix: row.prefix,
            key_version: row.key_version,
            created_by: user(row.created_by),
            created_at: row.created_at,
            checked,
            revoked_at: row.revoked_at,
        })
    }
}

impl Stored for resource::Credential {
    type Table = Entity;
    type Row = Model;
    type Item = Credential;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Desc)
    }
}

impl Reader {
    /// A page of credentials, newest first.
    pub async fn credentials(
        &self,
        scope: &ReadScope<resource::Credential>,
        page: &Page,
    ) -> Result<Slice<Credential>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the credentials that the scope covers, in any order.
    pub async fn credentials_by_id(
        &self,
        scope: &ReadScope<resource::Credential>,
        ids: &[CredentialId],
    ) -> Result<Vec<Credential>, StoreError> {
        self.every(scope, any_of(Column::Id, ids.iter().map(|id| id.uuid())))
            .await
    }
}

impl WriteTransaction {
    /// The credential, locked until the transaction ends.
    pub async fn lock_credential(
        &self,
        scope: &ReadScope<resource::Credential>,
        id: CredentialId,
    ) -> Result<Option<Credential>, StoreError> {
        self.lock(scope, Column::Id.eq(id.uuid())).await
    }

    /// A new credential, and how it is inserted.
    pub fn new_credential(
        &self,
        permit: &Permit,
        new: NewCredential,
    ) -> Result<(Credential, Insertion), WriteError> {
        self.admit_permit(permit)?;
        let at = self.at();
        let SealedCredential { id, bytes, version } = new.secret;
        let Some((name, name_version)) = new.name.sealed() else {
            return Err(StoreError::inconsistent("the name of a credential is not sealed").into());
        };
        if name_version != version {
            let what = "the tenant's key changed in between: try again";
            return Err(StoreError::Unavailable(crate::error::Cause::new(what)).into());
        }
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO countersign.credentials (tenant_id, id, provider, name_sealed, prefix, \
             secret_sealed, key_version, created_by, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                self.tenant_id().uuid().into(),
                id.uuid().into(),
                new.provider.name().into(),
                name.to_vec().into(),
                new.prefix.clone().into(),
                bytes.into(),
                version.into(),
                new.created_by.map(UserId::uuid).into(),
                at.into(),
            ],
        );
        let credential = Credential {
            id,
            provider: new.provider,
            name: new.name,
            prefix: new.prefix,
            key_version: version,
            created_by: new.created_by,
            created_at: at,
            checked: None,
            revoked_at: None,
        };
        Ok((credential, Insertion::of(statement)))
    }

    /// Notes what the provider said of a credential.
    pub async fn note_credential_check(
        &self,
        permit: &Permit,
        id: CredentialId,
        outcome: CheckOutcome,
    ) -> Result<DateTime<Utc>, WriteError> {
        self.admit_permit(permit)?;
        let at = self.at();
        let update = Entity::update_many()
            .col_expr(Column::CheckedAt, Expr::value(at))
            .col_expr(Column::CheckOutcome, Expr::value(outcome.name()))
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(id.uuid()));
        one_row(self.write_last(update).await?.affected, "credentials")?;
        Ok(at)
    }

    /// Revokes a credential: its secret is erased, and its row stays.
    pub async fn revoke_credential(
        &self,
        permit: &Permit,
        id: CredentialId,
    ) -> Result<DateTime<Utc>, WriteError> {
        self.admit_permit(permit)?;
        let at = self.at();
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "UPDATE countersign.credentials SET revoked_at = $3, secret_sealed = NULL \
             WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
            [self.tenant_id().uuid().into(), id.uuid().into(), at.into()],
        );
        one_row(
            self.write_last_statement(statement).await?.affected,
            "credentials",
        )?;
        Ok(at)
    }
}
