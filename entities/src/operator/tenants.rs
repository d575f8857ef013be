//! Tenants: which there are, and how one is made.

use countersign_domain::{
    audit::{Facts, Payload},
    id::TenantId,
    name,
};
use sea_orm::{ConnectionTrait, QueryResult};

use super::{NAME_MAX, Operator, OperatorError, append, statement};
use crate::{
    error::{StoreError, WriteError},
    wire::End,
};

/// A tenant to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTenant {
    /// Its name in addresses and commands: 2 to 40 of `a` to `z`, `0` to `9` and `-`.
    pub slug: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
}

/// A tenant as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRecord {
    /// Identifier.
    pub id: TenantId,
    /// Its name in addresses and commands.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl Operator {
    /// Every tenant, by slug.
    pub async fn tenants(&self) -> Result<Vec<TenantRecord>, StoreError> {
        let wire = self.entry().await?;
        let sql = "SELECT id, slug, name FROM countersign.tenants ORDER BY slug";
        let rows = wire.query_all_raw(statement(&wire, sql, [])).await?;
        wire.end(End::Rollback).await?;
        rows.iter().map(record).collect()
    }

    /// The tenant of that slug.
    pub async fn tenant(&self, slug: &str) -> Result<TenantRecord, OperatorError> {
        let wire = self.entry().await?;
        let sql = "SELECT id, slug, name FROM countersign.tenants WHERE slug = $1";
        let row = wire
            .query_one_raw(statement(&wire, sql, [slug.into()]))
            .await;
        let row = row.map_err(StoreError::from)?;
        wire.end(End::Rollback).await?;
        let row = row.ok_or_else(|| OperatorError::UnknownTenant(slug.to_owned()))?;
        Ok(record(&row)?)
    }

    /// Gives the operator's own tenant its keys, where it has none yet, and opens the one that what is of
    /// no tenant is sealed under.
    pub async fn open_own_ledger(&self) -> Result<(), OperatorError> {
        match self.give_key(TenantId::OPERATOR).await {
            Ok(()) | Err(OperatorError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(self.0.keys.open_own().await?)
    }

    /// Makes a tenant, its keys and the first row of its chain. A tenant that was left without
    /// its key, because the second step was cut off, gets it by making it again.
    pub async fn create_tenant(&self, new: &NewTenant) -> Result<TenantId, OperatorError> {
        let name = name::checked(&new.name, NAME_MAX)?;
        let tenant = TenantId::new(self.0.ids.uuid());
        let wire = self.entry().await?;
        let made = wire
            .execute_raw(statement(
                &wire,
                "SELECT countersign.create_tenant($1, $2, $3, $4)",
                [
                    tenant.uuid().into(),
                    new.slug.clone().into(),
                    name.into(),
                    self.0.clock.now().into(),
                ],
            ))
            .await;
        match made.map_err(WriteError::from) {
            Ok(_) => wire.end(End::Commit).await?,
            Err(error) => {
                drop(wire);
                return self.finish_tenant(new, error).await;
            }
        }
        self.give_key(tenant).await?;
        Ok(tenant)
    }

    async fn finish_tenant(
        &self,
        new: &NewTenant,
        error: WriteError,
    ) -> Result<TenantId, OperatorError> {
        let taken = matches!(&error, WriteError::Conflict(c) if c.name() == "tenants_slug");
        if !taken {
            return Err(error.into());
        }
        let tenant = self.tenant(&new.slug).await?.id;
        match self.give_key(tenant).await {
            Ok(()) => Ok(tenant),
            // It has its key: the slug is simply taken.
            Err(OperatorError::Conflict(_)) => Err(error.into()),
            Err(other) => Err(other),
        }
    }

    async fn give_key(&self, tenant: TenantId) -> Result<(), OperatorError> {
        let wire = self.books(tenant).await?;
        let key = self.0.keys.make(&wire, tenant).await?;
        let payload = Payload::created(Facts::new());
        let done = ("tenant create", "tenant.created");
        let row = self.done(tenant, done, tenant.into(), payload);
        append(wire, &row, &key).await
    }
}

fn record(row: &QueryResult) -> Result<TenantRecord, StoreError> {
    Ok(TenantRecord {
        id: TenantId::new(row.try_get("", "id")?),
        slug: row.try_get("", "slug")?,
        name: row.try_get("", "name")?,
    })
}
