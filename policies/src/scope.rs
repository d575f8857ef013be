//! What the engine gives out, and the storage floor asks for. Neither can be made elsewhere.

use std::{fmt, marker::PhantomData, sync::Arc};

use countersign_domain::id::TenantId;
use uuid::Uuid;

use crate::{
    predicate::{Literal, Predicate},
    resolved::Resolved,
    resource::Resource,
    row::Row,
};

/// The right to read rows of one kind in one tenant, with the condition that they must meet.
pub struct ReadScope<R> {
    tenant: TenantId,
    predicate: Arc<Predicate>,
    permission: Arc<str>,
    resource: PhantomData<fn() -> R>,
}

impl<R: Resource> ReadScope<R> {
    pub(crate) fn new(tenant: TenantId, predicate: Predicate, permission: String) -> Self {
        Self {
            tenant,
            predicate: Arc::new(Predicate::and([in_tenant(tenant), predicate])),
            permission: permission.into(),
            resource: PhantomData,
        }
    }

    /// The tenant whose rows these are.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The condition on each row, its being of the tenant included.
    pub fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    /// The same, to be kept.
    pub fn shared_predicate(&self) -> Arc<Predicate> {
        Arc::clone(&self.predicate)
    }

    /// Whether a row in hand is covered: what is in no database yet is shown to whom it would be shown there.
    pub fn covers(&self, row: &dyn Row) -> bool {
        // Whoever asks stands in the condition already.
        self.predicate.evaluate(row, Uuid::nil()) == Some(true)
    }

    /// Whether every row of the tenant is covered, whatever is in it.
    pub fn covers_tenant(&self) -> bool {
        *self.predicate == in_tenant(self.tenant)
    }

    /// The permission that was resolved, as the audit log keeps it.
    pub fn permission(&self) -> &str {
        &self.permission
    }
}

fn in_tenant(tenant: TenantId) -> Predicate {
    Predicate::Equals("tenant".into(), Literal::Id(tenant.uuid()))
}

impl<R> Clone for ReadScope<R> {
    fn clone(&self) -> Self {
        Self {
            tenant: self.tenant,
            predicate: Arc::clone(&self.predicate),
            permission: Arc::clone(&self.permission),
            resource: PhantomData,
        }
    }
}

impl<R: Resource> fmt::Debug for ReadScope<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ReadScope<{}>({} where {})",
            R::NAME,
            self.tenant,
            self.predicate
        )
    }
}

/// The right to do one thing once. It lives and dies in the transaction that loaded what it is
/// about: it can be neither copied nor kept.
#[derive(Debug)]
pub struct Permit {
    tenant: TenantId,
    action: String,
    permission: Resolved,
}

impl Permit {
    pub(crate) fn new(tenant: TenantId, action: &str, permission: Resolved) -> Self {
        Self {
            tenant,
            action: action.to_owned(),
            permission,
        }
    }

    /// The tenant that it is for.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The action: `Mutation.createAccount`.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The permission that was resolved, as the audit log keeps it.
    pub const fn permission(&self) -> &Resolved {
        &self.permission
    }
}
