//! When the books are opened.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use countersign_entities::IsolationError;

use super::{StartError, State};
use crate::config::Http;

/// How often the isolation check is tried again while PostgreSQL is away.
const CHECK_AGAIN: Duration = Duration::from_secs(1);

/// While PostgreSQL is away, or is being migrated, there is nothing to read, so waiting gives
/// nothing away.
pub(super) async fn wait_until_open(state: &State) -> Result<(), StartError> {
    loop {
        match check(state).await {
            Err(error) if error.may_pass() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the books stay closed for now"
                );
                tokio::time::sleep(CHECK_AGAIN).await;
            }
            checked => return checked,
        }
    }
}

/// Opens the books where the schema is this program's and the isolation of tenants is whole.
pub(super) async fn check(state: &State) -> Result<(), StartError> {
    let database = &state.database;
    let fences = match database.check_isolation().await {
        Ok(()) => None,
        // Another version's are others: which version it is decides first.
        Err(error @ IsolationError::Fences { .. }) => Some(error),
        Err(error) => return Err(StartError::Isolation(error)),
    };
    let (found, expected) = (
        database.schema_version().await?,
        countersign_migrations::current_version(),
    );
    StartError::of_version(found, expected)?;
    if let Some(error) = fences {
        return Err(StartError::Isolation(error));
    }
    database.operator().open_own_ledger().await?;
    state.open.store(true, Ordering::Release);
    Ok(())
}

/// Says where the server is reached, and from how far.
pub(super) fn tell(http: &Http, address: SocketAddr, management: Option<SocketAddr>) {
    tracing::info!(%address, "serving");
    tracing::info!("{}", http.transport());
    if let (Some(port), Some(address)) = (http.operators_port(), management) {
        tracing::info!(%address, "{port}");
    }
    if http.is_operators_port_open() {
        tracing::warn!("whoever reaches the operator's port is answered there");
    }
}
