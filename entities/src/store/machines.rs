//! Clients of an OpenID provider that act in a tenant: known to those who may know of tokens, which they are to
//! policies.

use std::collections::BTreeSet;

use countersign_domain::{access::Scope, id::MachineId};
use countersign_policies::{ReadScope, resource};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::named;
use crate::{
    error::StoreError,
    filter::Columns,
    model::machines::{Column, Entity, Model},
    transaction::Reader,
};

/// A client of an OpenID provider that was let into the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredMachine {
    /// Identifier.
    pub id: MachineId,
    /// What the provider calls it.
    pub client_id: String,
    /// What the operator calls it.
    pub name: String,
    /// The most it may do: what its token carries of these.
    pub scopes: BTreeSet<Scope>,
    /// Whether it is let in no more.
    pub is_disabled: bool,
}

impl TryFrom<Model> for RegisteredMachine {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let scope = |name: &String| named(name.parse().ok(), name);
        Ok(Self {
            id: MachineId::new(row.id),
            scopes: row.scopes.iter().map(scope).collect::<Result<_, _>>()?,
            client_id: row.client_id,
            name: row.name,
            is_disabled: row.disabled_at.is_some(),
        })
    }
}

impl Reader {
    /// Those of the machines that are there, in any order, for who may read tokens.
    pub async fn machines_by_id(
        &self,
        scope: &ReadScope<resource::ApiToken>,
        ids: &[MachineId],
    ) -> Result<Vec<RegisteredMachine>, StoreError> {
        let named = Column::Id.is_in(ids.iter().map(|id| id.uuid()));
        let select = self.machines(scope)?.filter(named);
        let rows: Vec<Model> = self.fetch(select).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The first so many of the machines that are let in, oldest first, for who may read tokens.
    pub async fn live_machines(
        &self,
        scope: &ReadScope<resource::ApiToken>,
        limit: u64,
    ) -> Result<Vec<RegisteredMachine>, StoreError> {
        let select = self.machines(scope)?.filter(Column::DisabledAt.is_null());
        let select = select.order_by_asc(Column::Id).limit(limit);
        let rows: Vec<Model> = self.fetch(select).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    fn machines(
        &self,
        scope: &ReadScope<resource::ApiToken>,
    ) -> Result<Select<Entity>, StoreError> {
        self.admit(scope)?;
        let seen = Columns::plain(Column::Id, Column::TenantId).condition(scope.predicate())?;
        Ok(Entity::find()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(seen))
    }
}
