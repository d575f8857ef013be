//! Who was let in of late, so that the next request of the same credential need not wait to be told.
//! Nothing rests on it but speed: PostgreSQL has the last word in every request.

use std::{sync::Arc, time::Duration};

use countersign_domain::principal::Actor;
use moka::sync::Cache;

use crate::{
    context::{Credential, CredentialDigest, RequestContext},
    enter::Answer,
};

/// The most credentials that are remembered.
const REMEMBERED_MAX: u64 = 10_000;
/// How long one is remembered that nobody comes with.
const IDLE: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
pub(crate) struct LetIn(Cache<CredentialDigest, Arc<Last>>);

/// What PostgreSQL said when it was last asked.
#[derive(Debug)]
struct Last {
    actor: Actor,
    answer: Arc<Answer>,
}

impl LetIn {
    pub(crate) fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(REMEMBERED_MAX)
            .time_to_idle(IDLE);
        Self(cache.build())
    }

    /// Who the credential's holder was when PostgreSQL was last asked, and what it said.
    pub(crate) fn last(&self, credential: &Credential) -> Option<(Actor, Arc<Answer>)> {
        let last = self.0.get(&credential.digest())?;
        Some((last.actor.clone(), Arc::clone(&last.answer)))
    }

    /// Whether anything is remembered of the credential.
    pub(crate) fn knows(&self, credential: &Credential) -> bool {
        self.0.contains_key(&credential.digest())
    }

    pub(crate) fn remember(&self, context: &RequestContext, answer: Answer) {
        let last = Arc::new(Last {
            actor: context.actor().clone(),
            answer: Arc::new(answer),
        });
        self.0.insert(context.credential().digest(), last);
    }

    pub(crate) fn forget(&self, credential: &Credential) {
        self.0.invalidate(&credential.digest());
    }
}
