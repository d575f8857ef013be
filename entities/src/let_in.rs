//! Who was let in of late, so that the next request of the same credential need not wait to be told.
//! Nothing rests on it but speed: PostgreSQL has the last word in every request.

use std::{sync::Arc, time::Duration};

use countersign_domain::principal::Actor;
use moka::sync::Cache;

use crate::context::{Credential, CredentialDigest, RequestContext};

/// The most credentials that are remembered.
const REMEMBERED_MAX: u64 = 10_000;
/// How long one is remembered that nobody comes with.
const IDLE: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
pub(crate) struct LetIn(Cache<CredentialDigest, Arc<Actor>>);

impl LetIn {
    pub(crate) fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(REMEMBERED_MAX)
            .time_to_idle(IDLE);
        Self(cache.build())
    }

    /// Who the credential's holder was when PostgreSQL was last asked.
    pub(crate) fn last(&self, credential: &Credential) -> Option<Actor> {
        let actor = self.0.get(&credential.digest())?;
        Some((*actor).clone())
    }

    pub(crate) fn remember(&self, context: &RequestContext) {
        let actor = Arc::new(context.actor().clone());
        self.0.insert(context.credential().digest(), actor);
    }

    pub(crate) fn forget(&self, credential: &Credential) {
        self.0.invalidate(&credential.digest());
    }
}
