//! Where replicas meet: a Redis that all of them reach.

use std::{
    fmt, fs,
    future::Future,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    Client, RedisError, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// How long Redis may take to answer before a replica goes on by itself.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// Why Redis can not be used.
#[derive(Debug, Error)]
pub enum RedisFault {
    /// The address is none, or its transport can not be secured.
    #[error("`limits.redis_url` is not usable")]
    Address(#[from] RedisError),
    /// The certificates are not there.
    #[error("`limits.redis_authority` can not be read")]
    Authority(#[source] std::io::Error),
}

/// Where Redis is.
#[derive(Debug, Clone, Copy)]
pub struct RedisAddress<'a> {
    /// `redis://…`, or `rediss://…` with secured transport.
    pub url: &'a SecretString,
    /// A file of the authorities' certificates, in PEM; without it those of the web are trusted.
    pub authority: Option<&'a Path>,
}

impl RedisAddress<'_> {
    /// What connects there. Nothing is connected yet.
    pub(crate) fn client(&self) -> Result<Client, RedisFault> {
        // Redis' client asks for the process's own. That there is one already is as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let url = self.url.expose_secret();
        let Some(path) = self.authority else {
            return Ok(Client::open(url)?);
        };
        let root = fs::read(path).map_err(RedisFault::Authority)?;
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(root),
        };
        Ok(Client::build_with_tls(url, certificates)?)
    }
}

/// The one connection by which Redis is asked, made when it is first needed.
///
/// It ends with the first question that is not answered well and in time, and the next one makes another. A node
/// that became a replica, that refuses the password or is gone without a word is found out by no connection
/// itself.
pub(crate) struct Link {
    client: Client,
    open: Mutex<Option<Arc<ConnectionManager>>>,
}

impl Link {
    /// Nothing is connected yet.
    pub(crate) const fn new(client: Client) -> Self {
        Self {
            client,
            open: Mutex::new(None),
        }
    }

    /// What comes of `ask`, or why nothing did, for the operator's log. Waits for [`PATIENCE`] at most.
    pub(crate) async fn ask<T, Asking>(
        &self,
        ask: impl FnOnce(ConnectionManager) -> Asking,
    ) -> Result<T, String>
    where
        Asking: Future<Output = Result<T, RedisError>>,
    {
        let cause = |error: RedisError| error.category().to_owned();
        let connection = self.connection().map_err(cause)?;
        let asking = ask(ConnectionManager::clone(&connection));
        let asked = match tokio::time::timeout(PATIENCE, asking).await {
            Ok(asked) => asked.map_err(cause),
            Err(_) => Err("no answer in time".to_owned()),
        };
        if asked.is_err() {
            self.end(&connection);
        }
        asked
    }

    fn connection(&self) -> Result<Arc<ConnectionManager>, RedisError> {
        let mut open = self.open();
        if let Some(connection) = &*open {
            return Ok(Arc::clone(connection));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connection = Arc::new(self.client.get_connection_manager_lazy(config)?);
        *open = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Ends that connection, and none that was made since.
    fn end(&self, connection: &Arc<ConnectionManager>) {
        let mut open = self.open();
        if open
            .as_ref()
            .is_some_and(|open| Arc::ptr_eq(open, connection))
        {
            *open = None;
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Arc<ConnectionManager>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}
