//! Rows that other rows point to, fetched once per operation and in batches.
//!
//! A list that will be asked for its rows' accounts fetches them all in one statement; a row that
//! was not foreseen is fetched on its own. Row conditions hold here as everywhere: what the
//! caller's scope does not cover is not found.

use std::{collections::HashMap, future::Future, sync::Arc};

use async_graphql::{Lookahead, dynamic::FieldValue};
use countersign_domain::{
    books::{Account, Category},
    id::{AccountId, CategoryId, ImportId, StatementId, UserId},
};
use countersign_entities::{Import, Member, Statement};
use countersign_policies::resource;
use uuid::Uuid;

use super::{error::GraphqlError, field::Context, operation::Operation};

/// What was fetched of one kind; `None` for what was not found.
type Cache<T> = tokio::sync::Mutex<HashMap<Uuid, Option<Arc<T>>>>;

/// One cache for each kind that others point to.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    accounts: Cache<Account>,
    categories: Cache<Category>,
    statements: Cache<Statement>,
    imports: Cache<Import>,
    members: Cache<Member>,
}

/// A kind that can be fetched by id.
pub(super) trait Load: Send + Sync + Sized + 'static {
    fn cache(loaded: &Loaded) -> &Cache<Self>;
    /// The id that others point with.
    fn key(&self) -> Uuid;
    fn fetch(
        operation: &Operation,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Self>, GraphqlError>> + Send;
}

macro_rules! load {
    ($type:ty, $cache:ident, $resource:ty, $id:ident, $reader:ident, |$row:ident| $key:expr) => {
        impl Load for $type {
            fn cache(loaded: &Loaded) -> &Cache<Self> {
                &loaded.$cache
            }

            fn key(&self) -> Uuid {
                let $row = self;
                $key.uuid()
            }

            async fn fetch(operation: &Operation, ids: &[Uuid]) -> Result<Vec<Self>, GraphqlError> {
                let Ok(scope) = operation.scope::<$resource>() else {
                    return Ok(Vec::new());
                };
                let ids: Vec<_> = ids.iter().copied().map($id::new).collect();
                Ok(operation.reader().await?.$reader(&scope, &ids).await?)
            }
        }
    };
}

load!(
    Account,
    accounts,
    resource::Account,
    AccountId,
    accounts_by_id,
    |row| row.id
);
load!(
    Category,
    categories,
    resource::Category,
    CategoryId,
    categories_by_id,
    |row| row.id
);
load!(
    Statement,
    statements,
    resource::Statement,
    StatementId,
    statements_by_id,
    |row| row.id
);
load!(
    Import,
    imports,
    resource::Import,
    ImportId,
    imports_by_id,
    |row| row.id
);
load!(
    Member,
    members,
    resource::Member,
    UserId,
    members_by_user,
    |row| row.user
);

/// Fetches what is not at hand yet, in one statement.
pub(super) async fn preload<T: Load>(
    operation: &Operation,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<(), GraphqlError> {
    let mut cache = T::cache(&operation.loaded).lock().await;
    let mut missing: Vec<Uuid> = ids
        .into_iter()
        .filter(|id| !cache.contains_key(id))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let rows = T::fetch(operation, &missing).await?;
    cache.extend(missing.into_iter().map(|id| (id, None)));
    cache.extend(rows.into_iter().map(|row| (row.key(), Some(Arc::new(row)))));
    Ok(())
}

/// One row, from what is at hand or from the store.
pub(super) async fn load<T: Load>(
    operation: &Operation,
    id: Uuid,
) -> Result<Option<Arc<T>>, GraphqlError> {
    preload::<T>(operation, [id]).await?;
    Ok(T::cache(&operation.loaded)
        .lock()
        .await
        .get(&id)
        .cloned()
        .flatten())
}

/// Whether the rows of the list in hand will be asked for `field`.
pub(super) fn wants(context: &Context<'_>, field: &str) -> bool {
    let list: Lookahead<'_> = context.ctx.look_ahead();
    list.field("edges").field("node").field(field).exists()
        || list.field("nodes").field(field).exists()
}

/// A row as the parent of its object type.
pub(super) fn value<'a, T: Send + Sync + 'static>(row: Option<Arc<T>>) -> Option<FieldValue<'a>> {
    row.map(FieldValue::owned_any)
}
