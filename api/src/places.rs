//! How many of something are under way at once: a few of each who has them, and so many in all.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use countersign_domain::id::TenantId;
use countersign_entities::RequestContext;
use tokio::sync::Notify;

/// As many as the configuration says.
pub(crate) fn most(of: NonZeroU32) -> usize {
    usize::try_from(of.get()).unwrap_or(usize::MAX)
}

/// The places of one process. Whoever has one is known by `K`.
#[derive(Debug)]
pub(crate) struct Places<K> {
    of_each: usize,
    in_all: usize,
    taken: Taken<K>,
    given_back: Arc<Notify>,
}

/// How many each has. Who has none is not in it.
type Taken<K> = Arc<Mutex<HashMap<K, usize>>>;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// One has as many as each may have.
    Each,
    /// There are as many as there may be.
    All,
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// So many for each, and so many in all.
    pub(crate) fn new(of_each: usize, in_all: usize) -> Self {
        Self {
            of_each,
            in_all,
            taken: Arc::default(),
            given_back: Arc::default(),
        }
    }

    /// One more place for `who`, if there is one.
    pub(crate) fn take(&self, who: K) -> Result<Place<K>, Full> {
        let mut taken = locked(&self.taken);
        let own = taken.get(&who).copied().unwrap_or_default();
        if own >= self.of_each {
            return Err(Full::Each);
        }
        if taken.values().sum::<usize>() >= self.in_all {
            return Err(Full::All);
        }
        taken.insert(who.clone(), own.saturating_add(1));
        Ok(Place {
            who,
            taken: Arc::clone(&self.taken),
            given_back: Arc::clone(&self.given_back),
        })
    }

    /// The same, as soon as there is one.
    pub(crate) async fn wait(&self, who: K) -> Place<K> {
        loop {
            // From here on it hears of each that is given back.
            let given_back = self.given_back.notified();
            match self.take(who.clone()) {
                Ok(place) => return place,
                Err(Full::Each | Full::All) => given_back.await,
            }
        }
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> usize {
        locked(&self.taken).values().sum()
    }
}

/// A place, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    who: K,
    taken: Taken<K>,
    given_back: Arc<Notify>,
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        if let Some(own) = taken.get_mut(&self.who) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.who);
            }
        }
        drop(taken);
        self.given_back.notify_waiters();
    }
}

/// Places of principals, by their ids, that are their tenants' as well.
#[derive(Debug)]
pub(crate) struct Shares {
    of_principals: Places<String>,
    of_tenants: Places<TenantId>,
}

/// A principal's place and the tenant's.
pub(crate) type Share = (Place<String>, Place<TenantId>);

/// Whose places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Principal,
    Tenant,
    /// Those of all.
    All,
}

impl Shares {
    /// So many for each principal, for each tenant, and in all.
    pub(crate) fn new(of_a_principal: usize, of_a_tenant: usize, in_all: usize) -> Self {
        Self {
            of_principals: Places::new(of_a_principal, in_all),
            of_tenants: Places::new(of_a_tenant, in_all),
        }
    }

    /// One more place for who asks, if there is one.
    pub(crate) fn take(&self, context: &RequestContext) -> Result<Share, Whose> {
        let full = |each| {
            move |full| match full {
                Full::Each => each,
                Full::All => Whose::All,
            }
        };
        let own = self.of_principals.take(context.actor().id());
        let own = own.map_err(full(Whose::Principal))?;
        let of_tenant = self.of_tenants.take(context.tenant());
        Ok((own, of_tenant.map_err(full(Whose::Tenant))?))
    }

    /// The same, as soon as there is one.
    pub(crate) async fn wait(&self, context: &RequestContext) -> Share {
        let own = self.of_principals.wait(context.actor().id()).await;
        (own, self.of_tenants.wait(context.tenant()).await)
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> usize {
        self.of_principals.count()
    }
}

fn locked<K>(taken: &Taken<K>) -> MutexGuard<'_, HashMap<K, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_few_and_all_have_so_many_until_they_are_given_back() {
        let places = Places::new(2, 3);
        let own: Vec<_> = (0..2).map(|_| places.take("a").unwrap()).collect();
        assert_eq!(places.take("a").unwrap_err(), Full::Each);
        let other = places.take("b").unwrap();
        assert_eq!(places.take("c").unwrap_err(), Full::All);
        assert_eq!(places.count(), 3);
        drop(other);
        let other = places.take("c").unwrap();
        drop((own, other));
        assert_eq!(places.count(), 0);
        assert!(locked(&places.taken).is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn whoever_waits_has_the_next_one_that_is_given_back() {
        let places = Places::new(1, 2);
        let own = places.take("a").unwrap();
        let mut waits = Box::pin(places.wait("a"));
        assert!(futures::poll!(&mut waits).is_pending());
        drop(places.wait("b").await);
        assert!(futures::poll!(&mut waits).is_pending(), "it is another's");
        drop(own);
        let own = waits.await;
        assert_eq!((places.count(), own.who), (1, "a"));
    }
}
