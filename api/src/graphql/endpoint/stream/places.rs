//! How many streams each principal has open, and that all of them are to end.

use countersign_entities::RequestContext;
use tokio::sync::watch;

use crate::places::{Place, Places};

/// The most streams of one principal at a time.
pub(super) const STREAMS_MAX: usize = 8;

/// The streams that are open.
#[derive(Debug)]
pub(in crate::graphql::endpoint) struct Streams {
    /// By the principals' ids.
    places: Places<String>,
    pub(super) closing: watch::Sender<bool>,
}

impl Streams {
    pub(in crate::graphql::endpoint) fn new() -> Self {
        Self {
            places: Places::new(STREAMS_MAX, usize::MAX),
            closing: watch::Sender::new(false),
        }
    }

    /// A place for one more of the principal's, if there is one.
    pub(super) fn take(&self, context: &RequestContext) -> Option<Place<String>> {
        self.places.take(context.actor().id()).ok()
    }

    pub(super) fn count(&self) -> usize {
        self.places.count()
    }
}
