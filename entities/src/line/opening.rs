//! Opening a line: the way to the server, the session, and who watches it.

use std::sync::Arc;

use deadpool_postgres::Connect;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, SimpleQueryMessage, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    socket::{self, Felt, Pulse, Transport, Unreached},
    vigil::Vigil,
};
use crate::error::{Cause, StoreError};

/// Whether transactions are read-only, `on` or `off`.
pub(crate) const IS_READ_ONLY: &str = "SHOW transaction_read_only";
pub(super) const READ_ONLY: &str =
    "the database takes no writes: it is a standby, or the role's transactions are read-only";

/// Of a server that nothing can be recorded on.
pub(crate) fn takes_no_writes() -> StoreError {
    StoreError::Unavailable(Cause::new(READ_ONLY))
}

/// Sends `session` and returns whether transactions are read-only: after a failover an address may lead to
/// what has become a standby, and a connection to it would serve nobody for as long as it lives.
pub(super) async fn begin_session(
    client: &Client,
    session: Option<&str>,
) -> Result<bool, tokio_postgres::Error> {
    let session = session.map_or_else(String::new, |session| format!("{session}; "));
    let told = client
        .simple_query(&format!("{session}{IS_READ_ONLY}"))
        .await?;
    let is_on = |told: &SimpleQueryMessage| match told {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("on"),
        _ => false,
    };
    Ok(told.iter().any(is_on))
}

/// Opens lines, and has each watched.
pub(super) struct Connecting {
    pub(super) tls: MakeRustlsConnect,
    pub(super) vigil: Vigil,
}

impl Connect for Connecting {
    fn connect(
        &self,
        config: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        let config = config.clone();
        Box::pin(async move {
            let (name, transport) = self.reach(&config).await;
            let Ok(tls) = MakeTlsConnect::<Felt>::make_tls_connect(&mut self.tls.clone(), &name);
            let pulse = Arc::new(Pulse::default());
            let felt = Arc::downgrade(&pulse);
            let (client, connection) = config.connect_raw(Felt { transport, pulse }, tls).await?;
            let carried = tokio::spawn(async {
                if let Err(error) = connection.await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "a connection to the database ended");
                }
            });
            let (vigil, carries) = (self.vigil.clone(), carried.abort_handle());
            tokio::spawn(async move {
                let silence = || felt.upgrade().map(|pulse| Vigil::breaths(pulse.look()));
                if vigil.watch(silence).await {
                    carries.abort();
                }
            });
            Ok((client, carried))
        })
    }
}

impl Connecting {
    /// The first of the hosts that is reached, and its name.
    async fn reach(&self, config: &Config) -> (String, Box<dyn Transport>) {
        let (ports, mut why) = (config.get_ports(), None);
        for (n, host) in config.get_hosts().iter().enumerate() {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            match socket::connect(host, port, self.vigil.limit()).await {
                Ok(transport) => return (socket::name(host).to_owned(), transport),
                Err(error) => why = Some(error),
            }
        }
        (String::new(), Box::new(Unreached(why)))
    }
}
