//! What is well-formed and still not allowed.

use secrecy::ExposeSecret;
use url::{Host, Url};

use super::{Audit, Backups, Config, ConfigError, Database, GoogleKeys, Http, Keys, Providers};

const PLAIN: &str = "is plain HTTP and not on loopback: use https";

pub(super) const FAR: &str =
    "is neither https, nor on loopback, nor at an address of the platform's own";

/// A day: the kernel counts milliseconds, and takes no number of them.
const READER_SECONDS_MAX: u32 = 86_400;

pub(super) fn value(key: &'static str, fault: &str) -> Result<(), ConfigError> {
    let fault = fault.to_owned();
    Err(ConfigError::Value { key, fault })
}

impl Config {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.http.validate()?;
        self.database.validate()?;
        if !Url::parse(&self.oidc.issuer).is_ok_and(|issuer| is_safe(&issuer)) {
            return value("oidc.issuer", PLAIN);
        }
        if self.oidc.client_id.is_empty() {
            return value("oidc.client_id", "is empty");
        }
        if !self.oidc.scopes.iter().any(|scope| scope == "openid") {
            return value("oidc.scopes", "must have `openid` among them");
        }
        self.keys.validate()?;
        if let Some((key, fault)) = self.aws.fault() {
            return value(key, fault);
        }
        self.providers.validate()?;
        if tracing_subscriber::EnvFilter::try_new(&self.log.filter).is_err() {
            return value(
                "log.filter",
                "is neither a level nor directives such as `countersign=debug`",
            );
        }
        if self.traces.percent > 100 {
            return value("traces.percent", "is a number from 0 to 100");
        }
        self.audit.validate()?;
        self.backups.validate()?;
        if self.limits.reader_seconds.get() > READER_SECONDS_MAX {
            return value("limits.reader_seconds", "is a number from 1 to 86400");
        }
        if !(1..=365).contains(&self.session.lifetime_days) {
            return value("session.lifetime_days", "is a number from 1 to 365");
        }
        if !(1..=8_760).contains(&self.session.unconfirmed_hours) {
            return value("session.unconfirmed_hours", "is a number from 1 to 8760");
        }
        Ok(())
    }
}

impl Audit {
    fn validate(&self) -> Result<(), ConfigError> {
        if self.checkpoint_minutes == 0 || self.checkpoint_rows == 0 {
            return value(
                "audit.checkpoint_minutes",
                "and `checkpoint_rows` are above 0",
            );
        }
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        if self.checkpoints.is_some() {
            return value(
                "audit.bucket",
                "stands beside `checkpoints`: give one of the two",
            );
        }
        if bucket.endpoint.as_ref().is_some_and(|url| !is_safe(url)) {
            return value("audit.bucket.endpoint", PLAIN);
        }
        let plain = |text: &str, more: &[u8]| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
        };
        if !(3..=63).contains(&bucket.name.len()) || !plain(&bucket.name, b".-") {
            return value(
                "audit.bucket.name",
                "is no name of a bucket: 3 to 63 letters, digits or `.-`",
            );
        }
        if !plain(&bucket.prefix, b"._-/") || bucket.prefix.starts_with('/') {
            return value(
                "audit.bucket.prefix",
                "has letters, digits and `._-/`, and does not begin with `/`",
            );
        }
        if bucket
            .lock_days
            .is_some_and(|days| !(1..=36_500).contains(&days))
        {
            return value("audit.bucket.lock_days", "is a number from 1 to 36500");
        }
        Ok(())
    }
}

impl Backups {
    fn validate(&self) -> Result<(), ConfigError> {
        for (n, key) in self.keys.iter().enumerate() {
            let mut before = self.keys.iter().take(n);
            if before.clone().any(|one| one.recipient == key.recipient) {
                let fault = format!(
                    "has `{}` twice: a key that comes again is no rotation",
                    key.recipient
                );
                return value("backups.keys", &fault);
            }
            if before.any(|one| one.since == key.since) {
                let fault = format!(
                    "has two keys since {}: give each a day of its own",
                    key.since
                );
                return value("backups.keys", &fault);
            }
        }
        Ok(())
    }
}

impl Keys {
    fn validate(&self) -> Result<(), ConfigError> {
        if self.named() != 1 {
            return value(
                "keys",
                "names one key-encryption key: give `kek`, `aws`, `google` or `vault`, and one only",
            );
        }
        let is_key = |key| countersign_entities::KeyEncryptionKey::from_base64(key).is_ok();
        if !self.kek.iter().all(is_key) {
            return value(
                "keys.kek",
                "is not 32 bytes in Base64: make one by `openssl rand -base64 32`",
            );
        }
        if !self.previous.iter().all(is_key) {
            return value(
                "keys.previous",
                "has an entry that is not 32 bytes in Base64",
            );
        }
        let before = &self.before;
        let mut aws = self.aws.iter().chain(&before.aws);
        if !aws.all(|aws| aws.endpoint.iter().all(is_safe)) {
            return value("keys.aws.endpoint", PLAIN);
        }
        let mut google = self.google.iter().chain(&before.google);
        if !google.all(|google| is_safe(&google.endpoint)) {
            return value("keys.google.endpoint", PLAIN);
        }
        let mut google = self.google.iter().chain(&before.google);
        if !google.all(GoogleKeys::is_metadata_near) {
            return value("keys.google.metadata_url", FAR);
        }
        let mut vault = self.vault.iter().chain(&before.vault);
        if !vault.all(|vault| is_safe(&vault.address)) {
            return value("keys.vault.address", PLAIN);
        }
        Ok(())
    }
}

impl Providers {
    fn validate(&self) -> Result<(), ConfigError> {
        if !is_safe(&self.openai_url) {
            return value("providers.openai_url", PLAIN);
        }
        if !is_safe(&self.stripe_url) {
            return value("providers.stripe_url", PLAIN);
        }
        Ok(())
    }
}

impl Http {
    fn validate(&self) -> Result<(), ConfigError> {
        if !is_safe(&self.public_url) {
            return value("http.public_url", PLAIN);
        }
        self.validate_reach()?;
        let is_origin = |url: &Url| is_safe(url) && url.path() == "/" && url.query().is_none();
        if !self.cors_origins.iter().all(is_origin) {
            return value(
                "http.cors_origins",
                "has an entry that is no origin, such as `https://partner.example`",
            );
        }
        let contact = self.security_contact.as_ref();
        if contact.is_some_and(|url| !matches!(url.scheme(), "mailto" | "https" | "tel")) {
            return value(
                "http.security_contact",
                "is no `mailto:`, `https:` or `tel:` address",
            );
        }
        let url = &self.public_url;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return value(
                "http.public_url",
                "has more than a scheme, a host and a port: the product answers at the root",
            );
        }
        Ok(())
    }
}

impl Database {
    fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=1_000).contains(&self.connections_max) {
            return value("database.connections_max", "is a number from 1 to 1000");
        }
        if self.acquire_timeout_ms == 0 || self.statement_timeout_ms == 0 {
            return value(
                "database.acquire_timeout_ms",
                "and `statement_timeout_ms` are above 0",
            );
        }
        for (key, url) in [
            ("database.entry_url", Some(&self.entry_url)),
            ("database.books_url", Some(&self.books_url)),
            ("database.owner_url", self.owner_url.as_ref()),
        ] {
            let Some(url) = url else { continue };
            let parsed = Url::parse(url.expose_secret());
            let known = parsed.is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
            if !known {
                return value(key, "is not a `postgres://` address");
            }
        }
        Ok(())
    }
}

/// HTTPS anywhere, plain HTTP on this machine only.
pub(super) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

/// HTTPS anywhere, plain HTTP where no network is in between, as the libraries of platforms have it: on this machine,
/// and at a platform's own names and addresses.
pub(super) fn is_near_to(platform: &[&str], url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_platform = platform.contains(&host.trim_matches(['[', ']']));
    is_safe(url) || (url.scheme() == "http" && is_platform)
}
