//! The tenant itself.

use chrono::{DateTime, Utc};
use countersign_domain::id::TenantId;
use countersign_policies::{ReadScope, resource};
use sea_orm::{EntityTrait, QueryFilter};

use crate::{
    error::StoreError,
    filter::Columns,
    model::tenants::{Column, Entity, Model},
    transaction::Reader,
};

/// A company whose books are kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Identifier.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its name in addresses and commands.
    pub slug: String,
    /// Whether it can be read only.
    pub suspended: bool,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl Reader {
    /// The tenant of this transaction.
    pub async fn tenant(&self, scope: &ReadScope<resource::Tenant>) -> Result<Tenant, StoreError> {
        self.admit(scope)?;
        let columns = Columns::plain(Column::Id, Column::Id);
        let select = Entity::find_by_id(self.tenant_id().uuid())
            .filter(columns.condition(scope.predicate())?);
        let rows: Vec<Model> = self.fetch(select).await?;
        let row = rows
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::inconsistent("the tenant is not there"))?;
        Ok(Tenant {
            id: TenantId::new(row.id),
            name: row.name,
            slug: row.slug,
            suspended: row.suspended_at.is_some(),
            created_at: row.created_at,
        })
    }
}
