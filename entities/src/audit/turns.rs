//! Whose turn it is, in this process, to append to a tenant's chain. Whoever links a row to an end that
//! somebody else is about to move does it for nothing. Nothing rests on turns but that: PostgreSQL
//! holds the ends, also against other processes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_domain::id::TenantId;
use tokio::sync::{Mutex as Place, OwnedMutexGuard};

use crate::line::QUICK;

/// A place for each tenant that somebody appended to.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<TenantId, Arc<Place<()>>>>);

/// A turn, which is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for a turn, behind those who came before; as long as a statement of theirs may run in a shared
    /// connection, and not for whoever hears nothing from the server.
    pub(super) async fn take(&self, tenant: TenantId) -> Option<Turn> {
        let held = self.place(tenant).lock_owned();
        let held = tokio::time::timeout(QUICK, held).await.ok()?;
        Some(Turn { _held: held })
    }

    /// A turn, where nobody has one.
    pub(super) fn take_now(&self, tenant: TenantId) -> Option<Turn> {
        let held = self.place(tenant).try_lock_owned().ok()?;
        Some(Turn { _held: held })
    }

    fn place(&self, tenant: TenantId) -> Arc<Place<()>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(tenant).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_one_tenants_and_is_not_waited_for_without_end() {
        let turns = Turns::default();
        let [one, other] = [1, 2].map(|n| TenantId::new(uuid::Uuid::from_u128(n)));
        let held = turns.take(one).await.unwrap();
        assert!(turns.take_now(one).is_none() && turns.take_now(other).is_some());
        assert!(turns.take(one).await.is_none(), "it is held for good");
        drop(held);
        assert!(turns.take(one).await.is_some());
    }
}
