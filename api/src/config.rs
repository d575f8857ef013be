//! Configuration: a TOML file, overlaid by the environment (`COUNTERSIGN__SECTION__KEY`).
//!
//! Whatever is malformed, missing or unknown keeps the process from starting, and the error names
//! the key and where it came from. Secrets are held so that a stray print tells nothing.

use std::{net::SocketAddr, path::Path, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

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
    /// Keys.
    pub keys: Keys,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// Sessions of signed-in people.
    #[serde(default)]
    pub session: Session,
}

/// Where the server listens and what it is called from outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address that people and partners use. Plain HTTP is for loopback only.
    pub public_url: Url,
    /// Whether the last address of `X-Forwarded-For` is the caller's: only behind a proxy that
    /// sets it.
    #[serde(default)]
    pub trusted_proxy: bool,
}

/// PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Connects as the entry role, for sign-in and sessions.
    pub entry_url: SecretString,
    /// Connects as the books role, for everything else.
    pub books_url: SecretString,
    /// Connects as a role that may create roles and schemas; for `countersign migrate` only.
    pub owner_url: Option<SecretString>,
    /// The most connections for requests.
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
    pub client_secret: SecretString,
    /// What machines' access tokens must be meant for; `<public_url>/graphql` where not given.
    pub audience: Option<String>,
    /// The scopes asked for at sign-in.
    #[serde(default = "defaults::scopes")]
    pub scopes: Vec<String>,
}

/// Keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The key-encryption key: 32 random bytes in Base64. The database never holds it.
    pub kek: SecretString,
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
}

impl Default for Session {
    fn default() -> Self {
        Self { lifetime_days: 90 }
    }
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
    /// Reads a file, overlaid by the environment.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        if !file.exists() {
            let shown = file.display();
            return Err(ConfigError::Read(format!(
                "there is no file `{shown}`: name one by --config"
            )));
        }
        Self::extract(
            Figment::new()
                .merge(Toml::file_exact(file))
                .merge(environment()),
        )
    }

    /// Reads TOML text alone.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::extract(Figment::new().merge(Toml::string(text)))
    }

    fn extract(figment: Figment) -> Result<Self, ConfigError> {
        // Nothing is filled in here but what serde's own defaults say.
        let figment = figment.join(Serialized::globals(serde_json::json!({})));
        let config: Self = figment.extract().map_err(|errors| {
            let all: Vec<String> = errors.into_iter().map(|error| describe(&error)).collect();
            ConfigError::Read(all.join("; "))
        })?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let value = |key, fault: &str| {
            Err(ConfigError::Value {
                key,
                fault: fault.to_owned(),
            })
        };
        if !is_safe(&self.http.public_url) {
            return value(
                "http.public_url",
                "is plain HTTP and not on loopback: use https",
            );
        }
        if self.http.public_url.path() != "/" || self.http.public_url.query().is_some() {
            return value(
                "http.public_url",
                "has a path: the product answers at the root",
            );
        }
        if !Url::parse(&self.oidc.issuer).is_ok_and(|issuer| is_safe(&issuer)) {
            return value(
                "oidc.issuer",
                "is plain HTTP and not on loopback: use https",
            );
        }
        if self.oidc.client_id.is_empty() {
            return value("oidc.client_id", "is empty");
        }
        if !self.oidc.scopes.iter().any(|scope| scope == "openid") {
            return value("oidc.scopes", "must have `openid` among them");
        }
        if !(1..=1_000).contains(&self.database.connections_max) {
            return value("database.connections_max", "is a number from 1 to 1000");
        }
        if self.database.acquire_timeout_ms == 0 || self.database.statement_timeout_ms == 0 {
            return value(
                "database.acquire_timeout_ms",
                "and `statement_timeout_ms` are above 0",
            );
        }
        for (key, url) in [
            ("database.entry_url", Some(&self.database.entry_url)),
            ("database.books_url", Some(&self.database.books_url)),
            ("database.owner_url", self.database.owner_url.as_ref()),
        ] {
            let Some(url) = url else { continue };
            let parsed = Url::parse(url.expose_secret());
            let known = parsed.is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
            if !known {
                return value(key, "is not a `postgres://` address");
            }
        }
        if countersign_entities::KeyEncryptionKey::from_base64(&self.keys.kek).is_err() {
            return value(
                "keys.kek",
                "is not 32 bytes in Base64: make one by `openssl rand -base64 32`",
            );
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log.filter).is_err() {
            return value(
                "log.filter",
                "is neither a level nor directives such as `countersign=debug`",
            );
        }
        if !(1..=365).contains(&self.session.lifetime_days) {
            return value("session.lifetime_days", "is a number from 1 to 365");
        }
        Ok(())
    }

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

fn environment() -> Env {
    Env::prefixed("COUNTERSIGN__").split("__")
}

/// The key, the fault and the source of an error, without the value: it may be a secret.
fn describe(error: &figment::Error) -> String {
    use figment::error::Kind;
    let path = error.path.join(".");
    let fault = match &error.kind {
        Kind::MissingField(field) => {
            let prefix = if path.is_empty() {
                String::new()
            } else {
                format!("{path}.")
            };
            return format!("`{prefix}{field}` is missing");
        }
        Kind::UnknownField(field, known) => {
            return format!("`{path}` has no key `{field}`: it has {}", known.join(", "));
        }
        Kind::InvalidType(_, expected) => format!("is not {expected}"),
        Kind::Message(_) | Kind::InvalidValue(..) => "is not of the form that is wanted".to_owned(),
        _ => error.kind.to_string(),
    };
    let source = error.metadata.as_ref().map(|metadata| {
        let place = metadata.source.as_ref().map(ToString::to_string);
        format!(" (from {} {})", metadata.name, place.unwrap_or_default()).replace(" )", ")")
    });
    if path.is_empty() {
        // The parser's own words show the line, and a secret may stand in it: its place must do.
        let text = error.kind.to_string();
        let place = text
            .lines()
            .find_map(|line| line.split(" at ").nth(1).map(str::to_owned));
        let place = place
            .map(|place| format!(" at {place}"))
            .unwrap_or_default();
        return format!("it is not TOML{place}{}", source.unwrap_or_default());
    }
    format!("`{path}` {fault}{}", source.unwrap_or_default())
}

/// HTTPS anywhere, plain HTTP on this machine only.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "{from}");
        Config::from_toml(&EXAMPLE.replace(from, to))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_example_is_a_configuration() {
        let config = Config::from_toml(EXAMPLE).unwrap();
        assert_eq!(config.audience(), "http://localhost:8080/graphql");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        for (from, to, key) in [
            ("listen = \"127.0.0.1:8080\"", "", "http.listen"),
            (
                "listen = \"127.0.0.1:8080\"",
                "listen = \"nowhere\"",
                "http.listen",
            ),
            ("[keys]", "[keys]\nkk = 1", "kk"),
            (
                "public_url = \"http://localhost:8080\"",
                "public_url = \"http://books.example\"",
                "http.public_url",
            ),
            (
                "connections_max = 8",
                "connections_max = \"many\"",
                "database.connections_max",
            ),
            (
                "connections_max = 8",
                "connections_max = 0",
                "database.connections_max",
            ),
        ] {
            let error = with(from, to);
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn a_secret_in_broken_toml_is_not_in_the_error() {
        let error = with(
            "client_secret = \"change-me\"",
            "client_secret = hunter2-of-ours",
        );
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_secret_is_not_in_the_error() {
        let kek = EXAMPLE
            .lines()
            .find(|line| line.starts_with("kek"))
            .unwrap();
        let error = with(kek, "kek = \"c2VjcmV0\"");
        assert!(
            error.contains("keys.kek") && !error.contains("c2VjcmV0"),
            "{error}"
        );
    }
}
