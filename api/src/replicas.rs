//! Where replicas meet: a Redis that all of them reach.

use std::{fs, path::Path, time::Duration};

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

/// A connection that is made when it is first used, and again when it was lost.
pub(crate) fn connection(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(1);
    client.get_connection_manager_lazy(config)
}
