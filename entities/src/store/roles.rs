//! Roles that the tenant made itself.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::{Capability, Role},
    id::CustomRoleId,
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, Insert, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, Order},
};
use uuid::Uuid;

use super::{Sorted, Stored, by_id, named, one_row};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    line::fetched,
    model::{
        memberships,
        roles::{ActiveModel, Column, Entity},
    },
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
};

/// A role that the tenant made itself: a built-in one that it stands on, and capabilities beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRole {
    /// Identifier.
    pub id: CustomRoleId,
    /// Its name, 1 to 60 characters, unlike every other role's without regard to case.
    pub name: String,
    /// What it is for, at most 300 characters; may be empty.
    pub description: String,
    /// The role that it stands on, whose ceilings hold. Never the owner's.
    pub base: Role,
    /// What it grants beside that.
    pub capabilities: BTreeSet<Capability>,
    /// How many members have it.
    pub member_count: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Keyset for CustomRole {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

fetched! {
    pub(crate) struct Row {
    id: Uuid,
    name: String,
    description: String,
    base: String,
    capabilities: Vec<String>,
    member_count: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    }
}

impl TryFrom<Row> for CustomRole {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let capability = |name: &String| named(name.parse().ok(), name);
        let capabilities = row.capabilities.iter().map(capability);
        Ok(Self {
            id: CustomRoleId::new(row.id),
            name: row.name,
            description: row.description,
            base: named(row.base.parse().ok(), &row.base)?,
            capabilities: capabilities.collect::<Result<_, _>>()?,
            member_count: long_count(row.member_count)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn long_count(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::inconsistent("a count is out of bounds"))
}

impl Stored for resource::CustomRole {
    type Table = Entity;
    type Row = Row;
    type Item = CustomRole;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Asc)
    }

    fn rows() -> Select<Entity> {
        let of_role = "(SELECT count(*) FROM countersign.memberships m \
                       WHERE m.tenant_id = roles.tenant_id AND m.custom_role_id = roles.id)";
        Entity::find().expr_as(Expr::cust(of_role), "member_count")
    }
}

fetched! {
    struct BuiltInCount {
    role: String,
    members: i64,
    }
}

impl Reader {
    /// A page of the tenant's own roles, oldest first.
    pub async fn roles(
        &self,
        scope: &ReadScope<resource::CustomRole>,
        page: &Page,
    ) -> Result<Slice<CustomRole>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the roles that the scope covers, in any order.
    pub async fn roles_by_id(
        &self,
        scope: &ReadScope<resource::CustomRole>,
        ids: &[CustomRoleId],
    ) -> Result<Vec<CustomRole>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }

    /// Every role that the tenant made itself, in any order.
    pub async fn every_role(
        &self,
        scope: &ReadScope<resource::CustomRole>,
    ) -> Result<Vec<CustomRole>, StoreError> {
        self.every(scope, Condition::all()).await
    }

    /// How many members have a built-in role and no other. Roles that nobody has are left out.
    pub async fn built_in_role_counts(
        &self,
        scope: &ReadScope<resource::Member>,
    ) -> Result<BTreeMap<Role, u32>, StoreError> {
        let counts = self
            .select(scope)?
            .filter(memberships::Column::CustomRoleId.is_null())
            .select_only()
            .column(memberships::Column::Role)
            .expr_as(Expr::cust("count(*)"), "members")
            .group_by(memberships::Column::Role);
        let counts: Vec<BuiltInCount> = self.fetch(counts).await?;
        let pair = |row: BuiltInCount| {
            let role = named(row.role.parse().ok(), &row.role)?;
            Ok((role, long_count(row.members)?))
        };
        counts.into_iter().map(pair).collect()
    }
}

impl WriteTransaction {
    /// Every role of the tenant's own, locked in one order until the transaction ends. Whoever changes
    /// roles, or who has which, comes through here first, and before it locks members.
    pub async fn lock_roles(
        &self,
        scope: &ReadScope<resource::CustomRole>,
    ) -> Result<Vec<CustomRole>, StoreError> {
        self.lock_every(scope, Condition::all()).await
    }

    /// Makes a role. Conflict: `roles_name`, without regard to case; `roles_name_own`, where a built-in
    /// role has that name.
    pub async fn insert_role(&self, permit: &Permit, role: &CustomRole) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        let row = ActiveModel {
            tenant_id: Set(self.tenant_id().uuid()),
            id: Set(role.id.uuid()),
            name: Set(role.name.clone()),
            description: Set(role.description.clone()),
            base: Set(role.base.name().to_owned()),
            capabilities: Set(texts(&role.capabilities)),
            created_at: Set(role.created_at),
            updated_at: Set(role.updated_at),
        };
        let insert = Insert::<ActiveModel>::one(row);
        one_row(self.write_last(insert).await?.affected, "roles")
    }

    /// Writes a role as it shall be: for everybody who has it, from their next request on. Conflict: as
    /// for [`Self::insert_role`].
    pub async fn update_role(&self, permit: &Permit, role: &CustomRole) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        // It may be the role of whoever changes it.
        self.note_own_change();
        let update = Entity::update_many()
            .col_expr(Column::Name, Expr::value(role.name.clone()))
            .col_expr(Column::Description, Expr::value(role.description.clone()))
            .col_expr(Column::Base, Expr::value(role.base.name()))
            .col_expr(Column::Capabilities, Expr::value(texts(&role.capabilities)))
            .col_expr(Column::UpdatedAt, Expr::value(role.updated_at))
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(role.id.uuid()));
        one_row(self.write_last(update).await?.affected, "roles")
    }

    /// Deletes a role. Conflict: `memberships_custom_role`, while somebody has it.
    pub async fn delete_role(&self, permit: &Permit, id: CustomRoleId) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        let deleted = Entity::delete_many()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(id.uuid()));
        one_row(self.write_last(deleted).await?.affected, "roles")
    }
}

pub(crate) fn texts(capabilities: &BTreeSet<Capability>) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}
