//! Keys that are on their way from their keeper. Whoever asks for one of them meanwhile waits for the same
//! answer: a keeper that is slow is not asked the same by everybody who comes.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use countersign_domain::id::TenantId;
use tokio::sync::OnceCell;

use super::{
    kek::{KekError, KeyIdentity, KeyRing, PlainKey, WrappedKey},
    locked,
};

type Answer = Result<Arc<PlainKey>, KekError>;

/// What is asked: to unwrap these bytes as that key, by the key-encryption key of that name.
type Asked = (TenantId, &'static str, i32, Option<String>, Vec<u8>);

#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Asked, Arc<OnceCell<Answer>>>>);

impl Flights {
    /// Unwraps a key. Where whoever asked first hangs up, the next one asks.
    pub(super) async fn unwrap(
        &self,
        ring: &KeyRing,
        of: KeyIdentity,
        wrapped: WrappedKey,
    ) -> Answer {
        let (kek, bytes) = (wrapped.kek.clone(), wrapped.bytes.clone());
        let asked = (of.tenant, of.purpose, of.version, kek, bytes);
        let flight = Arc::clone(locked(&self.0).entry(asked.clone()).or_default());
        let ask = || async { ring.unwrap(&wrapped, &of).await.map(Arc::new) };
        let answer = flight.get_or_init(ask).await.clone();
        // Whoever comes later asks anew.
        let mut flights = locked(&self.0);
        if flights
            .get(&asked)
            .is_some_and(|now| Arc::ptr_eq(now, &flight))
        {
            flights.remove(&asked);
        }
        answer
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}
