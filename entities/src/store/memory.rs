//! What is remembered so that reading costs less. Nothing rests on it but speed.

use std::sync::Arc;

use countersign_domain::id::TenantId;
use countersign_policies::{Predicate, ReadScope};
use moka::sync::Cache;
use sea_orm::{Statement, Value};
use uuid::Uuid;

use super::Stored;
use crate::{error::StoreError, transaction::Reader};

/// Of how many tenants and kinds it is remembered that they are not few.
const MANY_MAX: u64 = 10_000;
/// How many statements are remembered: some two kilobytes each.
const STATEMENTS_MAX: u64 = 2_000;

/// Cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    many: Cache<(TenantId, &'static str), ()>,
    statements: Cache<Asked, Arc<Statement>>,
}

/// All that the text and the values of a statement come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    resource: &'static str,
    what: What,
    covered: Covered,
}

/// Which rows are covered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Covered {
    /// Those of a scope; the tenant is among what it says.
    By(Arc<Predicate>),
    /// All of the tenant's.
    All(TenantId),
}

/// What is asked for of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// The first page of its list, in either direction, without a filter.
    First {
        rows: u16,
        backward: bool,
        joined: bool,
    },
    /// All of the tenant's, up to a few.
    Few,
    /// Those of some ids, which are the last of the values.
    ByIds,
    /// Those of some ids, which are the first of the values, with what they point to as far as these scopes
    /// cover it.
    Found {
        is_one: bool,
        accounts: Option<Arc<Predicate>>,
        categories: Option<Arc<Predicate>>,
    },
    /// Those that the rows of another statement point to, whose values are the last.
    Pointed {
        column: &'static str,
        others: String,
    },
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            many: Cache::new(MANY_MAX),
            statements: Cache::new(STATEMENTS_MAX),
        }
    }

    /// Whether the tenant has more than a few rows of the kind.
    pub(crate) fn has_many<R: Stored>(&self, tenant: TenantId) -> bool {
        self.many.contains_key(&(tenant, R::NAME))
    }

    pub(crate) fn note_many<R: Stored>(&self, tenant: TenantId) {
        self.many.insert((tenant, R::NAME), ());
    }

    /// The statement that asks for that, built where it is not known.
    fn statement(
        &self,
        asked: Asked,
        build: impl FnOnce() -> Result<Statement, StoreError>,
    ) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.get(&asked) {
            return Ok((*known).clone());
        }
        let built = build()?;
        self.statements.insert(asked, Arc::new(built.clone()));
        Ok(built)
    }
}

impl Reader {
    /// The statement that asks for that under the scope, built where it is not known. Law 2 holds for
    /// what is remembered as well: the scope must be of the transaction's own tenant.
    pub(crate) fn remembered<R: Stored>(
        &self,
        scope: &ReadScope<R>,
        what: What,
        build: impl FnOnce() -> Result<Statement, StoreError>,
    ) -> Result<Statement, StoreError> {
        self.admit(scope)?;
        let asked = Asked {
            resource: R::NAME,
            what,
            covered: Covered::By(scope.shared_predicate()),
        };
        self.memory.statement(asked, build)
    }

    /// The same for all rows of the tenant: for what decisions look at, and nobody is told.
    pub(crate) fn remembered_of_all<R: Stored>(
        &self,
        what: What,
        build: impl FnOnce() -> Result<Statement, StoreError>,
    ) -> Result<Statement, StoreError> {
        let asked = Asked {
            resource: R::NAME,
            what,
            covered: Covered::All(self.tenant_id()),
        };
        self.memory.statement(asked, build)
    }
}

/// The statement with those as the last of its values.
pub(crate) fn for_values(
    mut statement: Statement,
    last: &[Value],
) -> Result<Statement, StoreError> {
    let values = statement.values.as_mut().map(|values| &mut values.0);
    let place = values.and_then(|values| {
        let own = values.len().checked_sub(last.len())?;
        values.get_mut(own..)
    });
    let place = place.ok_or_else(|| StoreError::inconsistent("a statement without values"))?;
    place.clone_from_slice(last);
    Ok(statement)
}

/// The statement with other ids as the last of its values.
pub(crate) fn for_ids(
    mut statement: Statement,
    ids: impl Iterator<Item = Uuid>,
) -> Result<Statement, StoreError> {
    let values = statement.values.as_mut();
    let last = values.and_then(|values| values.0.last_mut());
    let last = last.ok_or_else(|| StoreError::inconsistent("a statement without ids"))?;
    *last = Value::from(ids.collect::<Vec<_>>());
    Ok(statement)
}
