//! A document of the provider that is kept: asked for by one caller at a time, again when it has
//! grown old, and used on while the provider is away.

use std::{future::Future, sync::Arc};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::{Mutex, RwLock};

use super::IdentityError;

/// Seconds between two questions at the least: tokens with made-up key ids must not make us a
/// nuisance to the provider.
const ASK_AGAIN_SECONDS: i64 = 5;
/// Minutes after which a document is asked for again, so that a key which the provider has
/// withdrawn is not trusted for long.
const OLD_MINUTES: i64 = 10;

#[derive(Debug)]
pub(super) struct Kept<T> {
    state: RwLock<State<T>>,
    /// Held by whoever asks. Apart from the state, so that nobody who finds what he needs waits.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    document: Option<Arc<T>>,
    fetched_at: Option<DateTime<Utc>>,
    asked_at: Option<DateTime<Utc>>,
    /// How often the provider was asked.
    asked: u64,
    /// Why the last question was not answered.
    away: Option<String>,
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self {
            document: self.document.clone(),
            fetched_at: self.fetched_at,
            asked_at: self.asked_at,
            asked: self.asked,
            away: self.away.clone(),
        }
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        let state = State {
            document: None,
            fetched_at: None,
            asked_at: None,
            asked: 0,
            away: None,
        };
        Self {
            state: RwLock::new(state),
            turn: Mutex::new(()),
        }
    }
}

impl<T> State<T> {
    fn is_old(&self, at: DateTime<Utc>) -> bool {
        let old = Duration::minutes(OLD_MINUTES);
        // Where the clock was set back, how old it is is not known.
        self.fetched_at
            .is_none_or(|fetched| at - fetched >= old || at < fetched)
    }

    fn may_ask(&self, at: DateTime<Utc>) -> bool {
        let again = Duration::seconds(ASK_AGAIN_SECONDS);
        // Where nothing is known yet, nothing works before an answer.
        self.document.is_none()
            || self
                .asked_at
                .is_none_or(|asked| at - asked >= again || at < asked)
    }
}

impl<T> Kept<T> {
    /// The document. It is asked for where there is none, where it does not serve, and where it is
    /// old; an old one that serves is used on while another caller asks, or the provider is away.
    ///
    /// What is returned may still not serve: then the provider has just said so.
    pub(super) async fn get<F, Fut>(
        &self,
        at: DateTime<Utc>,
        serves: impl Fn(&T) -> bool,
        fetch: F,
    ) -> Result<Arc<T>, IdentityError>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, IdentityError>>,
    {
        let seen = self.state.read().await.clone();
        let serving = seen.document.clone().filter(|document| serves(document));
        let turn = match &serving {
            Some(document) if !seen.is_old(at) => return Ok(document.clone()),
            Some(document) => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(document.clone()),
            },
            None => self.turn.lock().await,
        };
        let now = self.ask(seen.asked, at, fetch).await;
        drop(turn);
        match (now.document, now.away) {
            (Some(document), None) => Ok(document),
            (Some(document), Some(_)) if serves(&document) => Ok(document),
            (_, cause) => Err(IdentityError::away(cause.unwrap_or_default())),
        }
    }

    /// Asks, unless somebody has since `seen`, or just now.
    async fn ask<F, Fut>(&self, seen: u64, at: DateTime<Utc>, fetch: F) -> State<T>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, IdentityError>>,
    {
        let mut next = self.state.read().await.clone();
        if next.asked != seen || !next.may_ask(at) {
            return next;
        }
        match fetch().await {
            Ok(document) => {
                next.document = Some(Arc::new(document));
                next.fetched_at = Some(at);
                next.away = None;
            }
            Err(error) => {
                tracing::warn!(%error, "the provider was asked in vain");
                next.away = Some(match error {
                    IdentityError::ProviderAway { cause } => cause,
                    other => other.to_string(),
                });
            }
        }
        next.asked_at = Some(at);
        next.asked = next.asked.wrapping_add(1);
        self.state.write().await.clone_from(&next);
        next
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn away() -> impl Future<Output = Result<u8, IdentityError>> {
        ready(Err(IdentityError::away("no route")))
    }

    #[tokio::test]
    async fn an_old_document_is_asked_for_again_and_used_on_while_the_provider_is_away() {
        let kept = Kept::default();
        let is = |wanted: u8| move |found: &u8| *found == wanted;
        assert_eq!(*kept.get(at(0), is(1), || ready(Ok(1))).await.unwrap(), 1);
        let fresh = kept.get(at(599), is(1), || ready(Ok(2))).await.unwrap();
        assert_eq!(*fresh, 1, "not asked for");
        assert_eq!(*kept.get(at(600), is(1), away).await.unwrap(), 1, "used on");
        let soon = kept.get(at(604), is(1), || ready(Ok(2))).await.unwrap();
        assert_eq!(*soon, 1, "not asked again at once");
        let withdrawn = kept.get(at(605), is(1), || ready(Ok(2))).await.unwrap();
        assert_eq!(*withdrawn, 2, "what the provider has withdrawn is gone");
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_makes_no_document_last_longer() {
        let kept = Kept::default();
        kept.get(at(0), |_| true, || ready(Ok(1))).await.unwrap();
        let back = kept.get(at(-3600), |_| true, || ready(Ok(2))).await;
        assert_eq!(*back.unwrap(), 2, "it is asked for");
        let later = kept.get(at(-3001), |_| true, || ready(Ok(3))).await;
        assert_eq!(*later.unwrap(), 2, "and is as old as any other");
    }

    #[tokio::test]
    async fn a_failure_is_told_and_is_not_repeated_at_once() {
        let kept = Kept::default();
        assert!(kept.get(at(0), |_| true, away).await.is_err());
        let first = kept.get(at(0), |_| true, || ready(Ok(1))).await;
        assert_eq!(*first.unwrap(), 1, "without any document there is no wait");
        let asked = Cell::new(0);
        for seconds in [5, 6, 9] {
            let fetch = || {
                asked.set(asked.get() + 1);
                away()
            };
            let missing = kept.get(at(seconds), |_| false, fetch).await;
            assert_eq!(
                missing.unwrap_err().to_string(),
                "the provider is away: no route"
            );
        }
        assert_eq!(asked.get(), 1);
    }

    #[tokio::test]
    async fn whoever_waited_for_an_answer_takes_it() {
        let kept = Kept::default();
        let asked = Cell::new(0);
        let fetch = || async {
            asked.set(asked.get() + 1);
            tokio::task::yield_now().await;
            away().await
        };
        let all = (0..5).map(|_| kept.get(at(0), |_| true, fetch));
        let all = futures::future::join_all(all).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(asked.get(), 1, "one question for all");
    }

    #[tokio::test]
    async fn nobody_who_finds_what_he_needs_waits_for_a_provider_that_hangs() {
        let kept = Kept::default();
        kept.get(at(0), |_| true, || ready(Ok(1))).await.unwrap();
        for seconds in [10, 700] {
            tokio::select! {
                biased;
                _ = kept.get(at(seconds), |_| false, pending) => panic!("the provider hangs"),
                found = kept.get(at(seconds), |_| true, pending) => assert_eq!(*found.unwrap(), 1),
            }
        }
    }
}
