//! Configuration: a TOML file, overlaid by the environment (`COUNTERSIGN__SECTION__KEY`), or the
//! environment alone. A secret may stand in a file of its own, as platforms mount them:
//! `{ file = "/run/secrets/kek" }`, or `COUNTERSIGN__KEYS__KEK__FILE=/run/secrets/kek`.
//!
//! Whatever is malformed, missing or unknown keeps the process from starting, and the error names
//! the key and where it came from. Secrets are held so that a stray print tells nothing.

mod audit;
mod aws;
mod backups;
mod keys;
mod limits;
mod networks;
mod reach;
mod read;
mod validate;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use thiserror::Error;
use url::Url;

pub use self::audit::{Audit, Bucket};
pub use self::aws::{AwsAccessKeys, AwsCredentials, AwsMachine};
pub use self::backups::{BackupKey, Backups};
pub use self::keys::{AwsKeys, GoogleKeys, Keepers, Keys, Providers, VaultKeys};
pub use self::limits::RateLimits;
pub use self::networks::{NetworkError, Networks};
pub use self::read::StoredSecret;
#[cfg(feature = "vault-transit")]
pub(crate) use self::read::secret_in;

/// A configuration that the process can not start with.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file or variable is malformed, missing or unknown.
    #[error("the configuration is not usable: {0}")]
    Read(String),
    /// A value is well-formed and not allowed.
    #[error("the configuration is not usable: `{key}` {fault}")]
    Value {
        /// The key, as `section.key`.
        key: &'static str,
        /// What is wrong, and what to do.
        fault: String,
    },
}

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server listens and what it is called from outside.
    pub http: Http,
    /// PostgreSQL.
    pub database: Database,
    /// The OpenID provider.
    pub oidc: Oidc,
    /// The key-encryption key.
    pub keys: Keys,
    /// Where this machine's own credentials of AWS are.
    #[serde(default)]
    pub aws: AwsMachine,
    /// Outside providers.
    #[serde(default)]
    pub providers: Providers,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// Sessions of signed-in people.
    #[serde(default)]
    pub session: Session,
    /// Rate limits.
    #[serde(default)]
    pub limits: RateLimits,
    /// GraphQL.
    #[serde(default)]
    pub graphql: Graphql,
    /// Error reports.
    #[serde(default)]
    pub sentry: Sentry,
    /// Traces.
    #[serde(default)]
    pub traces: Traces,
    /// The policies.
    #[serde(default)]
    pub policies: Policies,
    /// The audit log.
    #[serde(default)]
    pub audit: Audit,
    /// Backups.
    #[serde(default)]
    pub backups: Backups,
}

/// Where the server listens and what it is called from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address that people and partners use. Plain HTTP is for loopback only.
    pub public_url: Url,
    /// Address and port of the operator's endpoints: `/livez`, `/readyz`, `/metrics`, `/policies/reload`.
    /// They speak plain HTTP, ask for no credential and tell nothing of tenants.
    pub management_listen: Option<SocketAddr>,
    /// Who is answered there beside this machine.
    #[serde(default)]
    pub management_networks: Networks,
    /// The proxies in front. What they say of a caller by `X-Forwarded-For` and `X-Forwarded-Proto` is
    /// believed, and of nobody else.
    #[serde(default)]
    pub trusted_proxies: Networks,
    /// No key: whoever writes it is told of `trusted_proxies`.
    #[serde(default)]
    trusted_proxy: Option<IgnoredAny>,
    /// Origins of other sites whose pages may call GraphQL with a token.
    #[serde(default)]
    pub cors_origins: Vec<Url>,
    /// Whom to tell of a weakness, as RFC 9116 has it.
    pub security_contact: Option<Url>,
    /// Transport security; without it plain HTTP, on loopback or behind a proxy only.
    pub tls: Option<Tls>,
}

/// Transport security.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and what it is signed by, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// The oldest version that is spoken.
    #[serde(default)]
    pub min_version: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.3.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    Tls12,
}

/// PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Connects as the entry role, for sign-in and sessions.
    #[serde(deserialize_with = "read::secret")]
    pub entry_url: SecretString,
    /// Connects as the books role, for everything else.
    #[serde(deserialize_with = "read::secret")]
    pub books_url: SecretString,
    /// Connects as a role that may create roles and schemas; for `countersign migrate` and
    /// `countersign backup create` only.
    #[serde(default, deserialize_with = "read::optional_secret")]
    pub owner_url: Option<SecretString>,
    /// The most connections for reading, and again for writing.
    #[serde(default = "defaults::connections_max")]
    pub connections_max: u32,
    /// Whether statements are prepared. Not behind a pooler in transaction mode.
    #[serde(default = "defaults::yes")]
    pub prepared_statements: bool,
    /// How long a request waits for a connection, in milliseconds.
    #[serde(default = "defaults::acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
    /// How long one statement may run, in milliseconds.
    #[serde(default = "defaults::statement_timeout_ms")]
    pub statement_timeout_ms: u64,
}

/// The OpenID provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The issuer, exactly as the provider's discovery document has it.
    pub issuer: String,
    /// This product's client id.
    pub client_id: String,
    /// This product's client secret.
    #[serde(deserialize_with = "read::secret")]
    pub client_secret: SecretString,
    /// What machines' access tokens must be meant for; `<public_url>/graphql` where not given.
    pub audience: Option<String>,
    /// The scopes asked for at sign-in.
    #[serde(default = "defaults::scopes")]
    pub scopes: Vec<String>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How lines are written.
    pub format: LogFormat,
    /// What is written: `info`, or directives such as `countersign=debug,warn`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            filter: "info".to_owned(),
        }
    }
}

/// Sessions of signed-in people.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// Days after which a session ends, used or not.
    pub lifetime_days: u16,
    /// Hours that a session goes on without the provider's word.
    pub unconfirmed_hours: u16,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            lifetime_days: 90,
            unconfirmed_hours: 24,
        }
    }
}

/// GraphQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Graphql {
    /// Manifests of partners' documents, which are published beside the web app's.
    pub documents: Vec<PathBuf>,
    /// Which text says what status an answer has.
    pub status_codes: StatusCodes,
    /// How long a query may run, in milliseconds.
    pub time_ms: u64,
}

impl Default for Graphql {
    fn default() -> Self {
        Self {
            documents: Vec::new(),
            status_codes: StatusCodes::default(),
            time_ms: 10_000,
        }
    }
}

/// Which text of "GraphQL over HTTP" says what status an answer of `application/graphql-response+json`
/// has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusCodes {
    /// The published audit of `graphql-http`: 400 for what is refused before it runs, else 200.
    #[default]
    Published,
    /// The newest draft: 422 for a request that is well written and not valid, 294 for an answer in
    /// part.
    Draft,
}

/// Error reports, without personal data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sentry {
    /// Where they go; nowhere where not given.
    #[serde(deserialize_with = "read::optional_secret")]
    pub dsn: Option<SecretString>,
    /// What Sentry calls this installation.
    pub environment: String,
}

impl Default for Sentry {
    fn default() -> Self {
        Self {
            dsn: None,
            environment: "production".to_owned(),
        }
    }
}

/// Traces, without personal data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The OpenTelemetry collector that takes them (OTLP over HTTP); nowhere where not given.
    pub endpoint: Option<Url>,
    /// Of how many requests in a hundred.
    pub percent: u8,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            endpoint: None,
            percent: 100,
        }
    }
}

/// The policies.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// The folder that they are read from, at the start and when told to; those that are built in where it
    /// is not given.
    pub folder: Option<PathBuf>,
    /// Whether policies of which nothing was proved are served all the same: for whoever works on them.
    pub uncertified: bool,
}

mod defaults {
    pub(super) const fn connections_max() -> u32 {
        8
    }
    pub(super) const fn yes() -> bool {
        true
    }
    pub(super) const fn acquire_timeout_ms() -> u64 {
        2_000
    }
    pub(super) const fn statement_timeout_ms() -> u64 {
        10_000
    }
    pub(super) fn scopes() -> Vec<String> {
        ["openid", "profile", "email", "offline_access"]
            .map(str::to_owned)
            .to_vec()
    }
}

/// The example that operators start from, with a sentence for each key.
pub const EXAMPLE: &str = include_str!("config/example.toml");

impl Config {
    /// What machines' access tokens must be meant for.
    pub fn audience(&self) -> String {
        self.oidc
            .audience
            .clone()
            .unwrap_or_else(|| self.address("graphql"))
    }

    /// A path of this product as others call it.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.http.public_url)
    }

    /// The storage floor's settings.
    pub fn storage(&self) -> countersign_entities::Settings {
        let database = &self.database;
        countersign_entities::Settings {
            entry_url: database.entry_url.clone(),
            books_url: database.books_url.clone(),
            connections_max: database.connections_max,
            acquire_timeout: Duration::from_millis(database.acquire_timeout_ms),
            statement_timeout: Duration::from_millis(database.statement_timeout_ms),
            prepared_statements: database.prepared_statements,
        }
    }
}

#[cfg(test)]
mod tests;
