//! Members: users by their membership of the tenant.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::{Capability, Role},
    id::{CustomRoleId, MemberId, UserId},
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationTrait, Select,
    sea_query::{Expr, Order},
};
use uuid::Uuid;

use super::{Sorted, Stored, any_of, by_id, named, one_row, roles::texts};
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
    /// What they are here: their built-in role, or the one that their custom role stands on.
    pub role: Role,
    /// The role that the tenant made, if they have one.
    pub custom_role: Option<CustomRoleId>,
    /// What the tenant granted them beside either role.
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
    custom_role_id: Option<Uuid>,
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
            custom_role: row.custom_role_id.map(CustomRoleId::new),
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

fn named_or_owner(ids: &[MemberId]) -> Condition {
    let named = any_of(Column::Id, ids.iter().map(|id| id.uuid()));
    let owners = Column::Role.eq(Role::Owner.name());
    Condition::any().add(named).add(owners)
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
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }

    /// Those members and every owner, in any order.
    pub async fn members_and_owners(
        &self,
        scope: &ReadScope<resource::Member>,
        ids: &[MemberId],
    ) -> Result<Vec<Member>, StoreError> {
        self.every(scope, named_or_owner(ids)).await
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

impl Reader {
    /// The members who have a role of the tenant's own, oldest membership first.
    pub async fn members_of_role(
        &self,
        scope: &ReadScope<resource::Member>,
        role: CustomRoleId,
    ) -> Result<Vec<Member>, StoreError> {
        let of_role = Column::CustomRoleId.eq(role.uuid());
        let mut members = self.every(scope, of_role).await?;
        members.sort_by_key(|member| member.id);
        Ok(members)
    }
}

impl WriteTransaction {
    /// Those members and every owner, locked in one order until the transaction ends.
    pub async fn lock_members_and_owners(
        &self,
        scope: &ReadScope<resource::Member>,
        ids: &[MemberId],
    ) -> Result<Vec<Member>, StoreError> {
        self.lock_every(scope, named_or_owner(ids)).await
    }

    /// That member, and everybody who has that role of the tenant's own, locked in one order until the
    /// transaction ends.
    pub async fn lock_members_of_role(
        &self,
        scope: &ReadScope<resource::Member>,
        id: Option<MemberId>,
        role: Option<CustomRoleId>,
    ) -> Result<Vec<Member>, StoreError> {
        let named = any_of(Column::Id, id.iter().map(|id| id.uuid()));
        let of_role = any_of(Column::CustomRoleId, role.iter().map(|role| role.uuid()));
        self.lock_every(scope, Condition::any().add(named).add(of_role))
            .await
    }

    /// Writes what a member is, and what is granted to them, from their next request on. Conflict:
    /// `memberships_last_owner`, and `memberships_custom_role` where the custom role does not stand on
    /// the role; the schema holds both whoever asks.
    pub async fn update_member(&self, permit: &Permit, member: &Member) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        self.note_change_of(member.id);
        let custom_role = member.custom_role.map(CustomRoleId::uuid);
        let update = Entity::update_many()
            .col_expr(Column::Role, Expr::value(member.role.name()))
            .col_expr(Column::CustomRoleId, Expr::value(custom_role))
            .col_expr(
                Column::Capabilities,
                Expr::value(texts(&member.capabilities)),
            )
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(member.id.uuid()));
        one_row(self.write_last(update).await?.affected, "memberships")
    }

    /// Ends the membership, and by a trigger the tokens that its user made. The sessions of the user are
    /// left: their next entrance finds no membership. Conflict: `memberships_last_owner`, which the schema holds whoever asks.
    pub async fn remove_member(&self, permit: &Permit, id: MemberId) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        self.note_change_of(id);
        let delete = Entity::delete_many()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(id.uuid()));
        one_row(self.write_last(delete).await?.affected, "memberships")
    }

    fn note_change_of(&self, id: MemberId) {
        let own = self.context().actor().human();
        if own.is_some_and(|human| human.member == id) {
            self.note_own_change();
        }
    }
}
