//! Rows that other rows point to, fetched once per operation and in batches.
//!
//! The accounts of all rows of a list are fetched in one statement. Row conditions hold here as everywhere: what the
//! caller's scope does not cover is not found.

use std::{
    future::Future,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_domain::{
    books::{Account, Category},
    id::{AccountId, CategoryId, CustomRoleId, ImportId, StatementId, UserId},
};
use countersign_entities::{CustomRole, Import, Known, Member, Statement};
use countersign_policies::resource;
use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use hashbrown::HashMap;
use uuid::Uuid;

use super::{
    error::GraphqlError,
    operation::Operation,
    value::{AnyValue, Object},
};

/// What was fetched of one kind; `None` for what was not found.
type Cache<T> = Mutex<HashMap<Uuid, Option<Arc<T>>>>;

/// One cache for each kind that others point to.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    accounts: Cache<Account>,
    categories: Cache<Category>,
    statements: Cache<Statement>,
    imports: Cache<Import>,
    members: Cache<Member>,
    roles: Cache<CustomRole>,
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
load!(
    CustomRole,
    roles,
    resource::CustomRole,
    CustomRoleId,
    roles_by_id,
    |row| row.id
);

/// Those that are not at hand yet, each once.
fn missing<T: Load>(operation: &Operation, mut ids: Vec<Uuid>) -> Vec<Uuid> {
    let known = T::cache(&operation.loaded);
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    ids.retain(|id| !known.contains_key(id));
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Fetches what is not at hand, in one statement.
async fn fetch<T: Load>(operation: &Operation, ids: Vec<Uuid>) -> Result<(), GraphqlError> {
    let rows = T::fetch(operation, &ids).await?;
    let is_all = true;
    keep(operation, ids.into_iter(), Known { rows, is_all });
    Ok(())
}

/// Keeps what was read together with those who point to it by these ids.
pub(super) fn keep<T: Load>(
    operation: &Operation,
    ids: impl Iterator<Item = Uuid>,
    known: Known<T>,
) {
    let Known { rows, is_all } = known;
    let cache = T::cache(&operation.loaded);
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if is_all {
        cache.extend(ids.map(|id| (id, None)));
    }
    cache.extend(rows.into_iter().map(|row| (row.key(), Some(Arc::new(row)))));
}

/// What is at hand under that id.
fn loaded<T: Load>(operation: &Operation, id: Uuid) -> Option<Arc<T>> {
    let cache = T::cache(&operation.loaded);
    let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    cache.get(&id).cloned().flatten()
}

/// One row, from what is at hand or from the store.
pub(super) async fn load<T: Load>(
    operation: &Operation,
    id: Uuid,
) -> Result<Option<Arc<T>>, GraphqlError> {
    let missing = missing::<T>(operation, vec![id]);
    if !missing.is_empty() {
        fetch::<T>(operation, missing).await?;
    }
    Ok(loaded(operation, id))
}

/// A field that points to another row.
pub(super) trait Relation: Send + Sync {
    /// Where the value points to.
    fn id(&self, value: &AnyValue) -> Option<Uuid>;
    /// Fetches many at once, those that are not at hand yet.
    fn load<'a>(
        &self,
        operation: &'a Operation,
        ids: Vec<Uuid>,
    ) -> BoxFuture<'a, Result<(), GraphqlError>>;
    /// What was fetched.
    fn get(&self, operation: &Operation, id: Uuid) -> Option<Object>;
}

/// A field of `T` that points to an `R`.
pub(super) struct To<T, R> {
    id: fn(&T) -> Option<Uuid>,
    to: PhantomData<fn() -> R>,
}

impl<T, R> To<T, R> {
    pub(super) const fn new(id: fn(&T) -> Option<Uuid>) -> Self {
        Self {
            id,
            to: PhantomData,
        }
    }
}

impl<T: 'static, R: Load> Relation for To<T, R> {
    fn id(&self, value: &AnyValue) -> Option<Uuid> {
        value.downcast_ref::<T>().and_then(self.id)
    }

    fn load<'a>(
        &self,
        operation: &'a Operation,
        ids: Vec<Uuid>,
    ) -> BoxFuture<'a, Result<(), GraphqlError>> {
        let missing = missing::<R>(operation, ids);
        if missing.is_empty() {
            // Without the place that fetching takes.
            return future::ready(Ok(())).boxed();
        }
        fetch::<R>(operation, missing).boxed()
    }

    fn get(&self, operation: &Operation, id: Uuid) -> Option<Object> {
        let value = loaded::<R>(operation, id)?;
        Some(Object { ty: None, value })
    }
}
