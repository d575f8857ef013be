//! Categories.

use countersign_domain::{books::Category, id::CategoryId};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, Select,
    sea_query::Order,
};

use super::{Sorted, all, any_of, by_id, list};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    model::categories::{ActiveModel, Column, Entity, Model},
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
};

impl Keyset for Category {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

impl TryFrom<Model> for Category {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: CategoryId::new(row.id),
            name: row.name,
            created_at: row.created_at,
        })
    }
}

impl Reader {
    /// A page of categories, oldest first.
    pub async fn categories(
        &self,
        scope: &ReadScope<resource::Category>,
        page: &Page,
    ) -> Result<Slice<Category>, StoreError> {
        let select = self.select_categories(scope)?;
        list::<_, Model, _>(
            &self.wire,
            select,
            page,
            Sorted::ById(Column::Id, Order::Asc),
        )
        .await
    }

    /// Those of the categories that the scope covers, in any order.
    pub async fn categories_by_id(
        &self,
        scope: &ReadScope<resource::Category>,
        ids: &[CategoryId],
    ) -> Result<Vec<Category>, StoreError> {
        let select = self
            .select_categories(scope)?
            .filter(any_of(Column::Id, ids.iter().map(|id| id.uuid())));
        all::<_, Model, _>(&self.wire, select).await
    }

    fn select_categories(
        &self,
        scope: &ReadScope<resource::Category>,
    ) -> Result<Select<Entity>, StoreError> {
        self.admit(scope)?;
        let columns = Columns::plain(Column::Id, Column::TenantId);
        Ok(Entity::find()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(columns.condition(scope.predicate())?))
    }
}

impl WriteTransaction {
    /// Makes a category. Conflict: `categories_name`, without regard to case.
    pub async fn insert_category(
        &self,
        permit: &Permit,
        id: CategoryId,
        name: &str,
    ) -> Result<Category, WriteError> {
        self.admit_permit(permit)?;
        let row = ActiveModel {
            tenant_id: Set(self.tenant_id().uuid()),
            id: Set(id.uuid()),
            name: Set(name.to_owned()),
            created_at: Set(self.context().now()),
        };
        Ok(row.insert(&self.wire).await?.try_into()?)
    }
}
