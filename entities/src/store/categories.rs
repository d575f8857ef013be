//! Categories.

use countersign_domain::{books::Category, id::CategoryId};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{Condition, Insert, sea_query::Order};

use super::{Sorted, Stored, by_id};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    model::categories::{ActiveModel, Column, Entity, Model},
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
    writing::Insertion,
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

impl Stored for resource::Category {
    type Table = Entity;
    type Row = Model;
    type Item = Category;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Asc)
    }
}

impl Reader {
    /// A page of categories, oldest first.
    pub async fn categories(
        &self,
        scope: &ReadScope<resource::Category>,
        page: &Page,
    ) -> Result<Slice<Category>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the categories that the scope covers, in any order.
    pub async fn categories_by_id(
        &self,
        scope: &ReadScope<resource::Category>,
        ids: &[CategoryId],
    ) -> Result<Vec<Category>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }
}

impl WriteTransaction {
    /// A new category, and how it is inserted. Conflict: `categories_name`, without regard to case.
    pub fn new_category(
        &self,
        permit: &Permit,
        id: CategoryId,
        name: &str,
    ) -> Result<(Category, Insertion), WriteError> {
        self.admit_permit(permit)?;
        let row = Model {
            tenant_id: self.tenant_id().uuid(),
            id: id.uuid(),
            name: name.to_owned(),
            created_at: self.at(),
        };
        let insertion = Insertion::new(Insert::<ActiveModel>::one(row.clone()));
        Ok((row.try_into()?, insertion))
    }
}
