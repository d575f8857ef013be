//! How many streams each principal has open, and that all of them are to end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_entities::RequestContext;
use tokio::sync::watch;

/// The most streams of one principal at a time.
pub(super) const STREAMS_MAX: usize = 8;

/// The streams that are open.
#[derive(Debug)]
pub(in crate::graphql::endpoint) struct Streams {
    places: Arc<Mutex<HashMap<String, usize>>>,
    pub(super) closing: watch::Sender<bool>,
}

impl Streams {
    pub(in crate::graphql::endpoint) fn new() -> Self {
        Self {
            places: Arc::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// A place for one more of the principal's, if there is one.
    pub(super) fn take(&self, context: &RequestContext) -> Option<Place> {
        let who = context.actor().id();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let open = places.entry(who.clone()).or_default();
        if *open >= STREAMS_MAX {
            return None;
        }
        *open = open.saturating_add(1);
        Some(Place {
            who,
            places: Arc::clone(&self.places),
        })
    }

    pub(super) fn count(&self) -> usize {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values().sum()
    }
}

/// One of the streams that a principal may have.
#[derive(Debug)]
pub(super) struct Place {
    who: String,
    places: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = places.get_mut(&self.who) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                places.remove(&self.who);
            }
        }
    }
}
