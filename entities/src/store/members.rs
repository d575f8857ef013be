//! Members: users by their membership of the tenant.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::{Capability, Role},
    id::{MemberId, UserId},
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait, Select, sea_query::Order,
};
use uuid::Uuid;

use super::{Sorted, Stored, any_of, by_id, named, one_row};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    line::fetched,
    model::{
        memberships::{Column, Entity, Relation},
        users,
    },
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
};

/// A user in this tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The membership.
    pub id: MemberId,
    /// The user, across tenants.
    pub user: UserId,
    /// The person's own name for themselves.
    pub name: String,
    /// Their address, in lower case.
    pub email: String,
    /// What they are here.
    pub role: Role,
    /// What the tenant granted them beside the role.
    pub capabilities: BTreeSet<Capability>,
    /// Since when.
    pub joined_at: DateTime<Utc>,
}

impl Keyset for Member {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

fetched! {
    pub(crate) struct Row {
    id: Uuid,
    user_id: Uuid,
    name: String,
    email: String,
    role: String,
    capabilities: Vec<String>,
    created_at: DateTime<Utc>,
    }
}

fetched! {
    #[expect(dead_code, reason = "they are counted")]
    struct Owner {
        id: Uuid,
    }
}

impl TryFrom<Row> for Member {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let capability = |name: &String| named(name.parse().ok(), name);
        Ok(Self {
            id: MemberId::new(row.id),
            user: UserId::new(row.user_id),
            name: row.name,
            email: row.email,
            role: named(row.role.parse().ok(), &row.role)?,
            capabilities: row
                .capabilities
                .iter()
                .map(capability)
                .collect::<Result<_, _>>()?,
            joined_at: row.created_at,
        })
    }
}

impl Stored for resource::Member {
    type Table = Entity;
    type Row = Row;
    type Item = Member;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId).with_user(Column::UserId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Asc)
    }

    fn rows() -> Select<Entity> {
        Entity::find()
            .join(JoinType::InnerJoin, Relation::User.def())
            .column(users::Column::Name)
            .column(users::Column::Email)
    }
}

impl Reader {
    /// A page of members, oldest membership first.
    pub async fn members(
        &self,
        scope: &ReadScope<resource::Member>,
        page: &Page,
    ) -> Result<Slice<Member>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the members that the scope covers, in any order.
    pub async fn members_by_id(
        &self,
        scope: &ReadScope<resource::Member>,
        ids: &[MemberId],
    ) -> Result<Vec<Member>, StoreError> {
        self.every(scope, any_of(Column::Id, ids.iter().map(|id| id.uuid())))
            .await
    }

    /// The members that those users are here, in any order.
    pub async fn members_by_user(
        &self,
        scope: &ReadScope<resource::Member>,
        users: &[UserId],
    ) -> Result<Vec<Member>, StoreError> {
        self.every(
            scope,
            any_of(Column::UserId, users.iter().map(|id| id.uuid())),
        )
        .await
    }
}

impl WriteTransaction {
    /// The member, locked until the transaction ends.
    pub async fn lock_member(
        &self,
        scope: &ReadScope<resource::Member>,
        id: MemberId,
    ) -> Result<Option<Member>, StoreError> {
        self.lock(scope, Column::Id.eq(id.uuid())).await
    }

    /// Locks every owner, always in the same order, and says how many there are.
    pub async fn lock_owners(&self, permit: &Permit) -> Result<u64, StoreError> {
        self.same(permit.tenant())?;
        let owners = Entity::find()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Role.eq(Role::Owner.name()))
            .order_by_asc(Column::Id)
            .lock_exclusive();
        let owners: Vec<Owner> = self.fetch(owners).await?;
        Ok(u64::try_from(owners.len()).unwrap_or(u64::MAX))
    }

    /// Ends the membership. The sessions of the user are left: their next entrance finds no
    /// membership. Conflict: `memberships_last_owner`, which the schema holds whoever asks.
    pub async fn remove_member(&self, permit: &Permit, id: MemberId) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        let delete = Entity::delete_many()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(id.uuid()));
        one_row(self.write_last(delete).await?.affected, "memberships")
    }
}
