//! What keeps the product from running well, each with what to do about it.

mod connections;
mod dump;
mod witness;

use std::{fmt::Display, fs, net::Ipv4Addr, sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use countersign_domain::id::TenantId;
use countersign_entities::{Clock, Database, LedgerFault};
use thiserror::Error;

use crate::{
    backups,
    causes::with_causes,
    config::{Config, Http, Keys, Tls},
    graphql,
    identity::{Identity, IdentityError},
    policies::PolicySet,
    rate_limit::{Policy, RateLimits},
    server::identity_settings,
    telemetry::reports::Reports,
    tls::{self, certificate},
};

/// How long a server that runs here has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds that the clocks of this machine and of PostgreSQL may differ by.
const CLOCKS_SECONDS: i64 = 5;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// What there is to know of it, where nothing is wrong.
    pub told: Option<String>,
    /// What is wrong with it, if something is.
    pub fault: Option<String>,
    /// What it goes without, if it does: nothing fails for that.
    pub warning: Option<String>,
    /// What to do then.
    pub advice: &'static str,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn note<T>(
        &mut self,
        what: &'static str,
        found: Result<T, impl Display>,
        advice: &'static str,
    ) -> Option<T> {
        let (value, fault) = match found {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.0.push(Finding {
            what,
            told: None,
            fault,
            warning: None,
            advice,
        });
        value
    }

    /// The same, of what says something where nothing is wrong with it.
    fn tell(
        &mut self,
        what: &'static str,
        found: Result<String, impl Display>,
        advice: &'static str,
    ) {
        let told = self.note(what, found, advice);
        if let Some(finding) = self.0.last_mut() {
            finding.told = told;
        }
    }

    /// What goes without something, where it does.
    fn warn(&mut self, what: &'static str, warning: Option<&str>, advice: &'static str) {
        self.0.push(Finding {
            what,
            told: None,
            fault: None,
            warning: warning.map(str::to_owned),
            advice,
        });
    }
}

/// Looks at everything that the configuration names. Nothing is changed.
pub async fn examine(
    config: &Config,
    database: &Database,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Finding>, ExamineError> {
    let mut findings = Findings::default();
    if let Some(settings) = &config.http.tls {
        check_certificate(&config.http, settings, clock.now(), &mut findings);
    }
    check_reach(&config.http, &mut findings);
    check_database(&config.keys, database, &mut findings).await;
    connections::check(
        database,
        !config.database.prepared_statements,
        &mut findings,
    )
    .await;
    check_owner(config, &mut findings).await;
    witness::check(config, database, clock, &mut findings).await;
    check_policies(config, &mut findings).await;
    check_backups(config, database, clock.now().date_naive(), &mut findings).await;
    let identity = Identity::new(identity_settings(config), database.clone())?;
    let provider = identity.check(clock.now()).await;
    let advice = "check `oidc.issuer`, and that this machine reaches the provider";
    findings.note("OpenID provider and its keys", provider, advice);
    check_redis(config, clock, &mut findings).await;
    check_files(config, &mut findings);
    dump::check(config, database, &mut findings).await;
    Ok(findings.0)
}

/// From how far it is reached, and by what.
fn check_reach(http: &Http, findings: &mut Findings) {
    findings.note(http.transport(), Ok::<_, &str>(()), "");
    let Some(port) = http.operators_port() else {
        return;
    };
    let is_open = http.is_operators_port_open();
    let found = (!is_open).then_some(()).ok_or("which are everybody");
    let advice =
        "name the networks that probes and Prometheus ask from in `http.management_networks`";
    findings.note(port, found, advice);
}

/// Why nothing could be looked at.
#[derive(Debug, Error)]
pub enum ExamineError {
    /// Sign-in does not start.
    #[error("sign-in does not start")]
    Identity(#[from] IdentityError),
}

/// Whether callers trust the certificate that the server shows, today and for two weeks more.
fn check_certificate(http: &Http, settings: &Tls, now: DateTime<Utc>, findings: &mut Findings) {
    let server = tls::server(settings).map_err(|error| with_causes(&error));
    let advice = "give the certificate with its chain, itself first, and its own key, both in PEM";
    if findings
        .note("certificate and key", server, advice)
        .is_none()
    {
        return;
    }
    let Ok(chain) = tls::chain(settings) else {
        return;
    };
    let until = certificate::outlook(&chain, now).map(|until| format!("it is good until {until}"));
    let advice = "put a new certificate with its chain in the place of `http.tls.certificate`, and start the server \
         again: it reads it at the start";
    findings.tell("days of the certificate", until, advice);
    // Behind a proxy it is the proxy that asks, by whatever name it was told.
    if !http.trusted_proxies.is_empty() {
        return;
    }
    if let (Some(first), Some(host)) = (chain.first(), http.public_url.host()) {
        let names = certificate::names(first, &host).map(|names| names.join(", "));
        let advice = "have a certificate issued for the host of `http.public_url`, or give the host that it is for there";
        findings.tell("names of the certificate", names, advice);
    }
}

async fn check_database(keys: &Keys, database: &Database, findings: &mut Findings) {
    let advice = "check `database.entry_url` and `database.books_url`, and that PostgreSQL runs";
    let ready = database.ready().await.map_err(|error| with_causes(&error));
    if findings
        .note("database, as both roles", ready, advice)
        .is_none()
    {
        return;
    }
    let known = countersign_migrations::current_version();
    let found = database
        .schema_version()
        .await
        .map_err(|error| with_causes(&error));
    let advice = if found.as_ref().is_ok_and(|found| *found > known) {
        "use the release that the database was migrated by, or a newer one"
    } else {
        "run `countersign migrate` of this version"
    };
    let found = found.and_then(|found| {
        let fault = format!("it is {found}, and this program is made for {known}");
        (found == known).then_some(()).ok_or(fault)
    });
    if findings
        .note("version of the schema", found, advice)
        .is_none()
    {
        // What is below would be looked for in another schema.
        return;
    }
    let isolated = database
        .check_isolation()
        .await
        .map_err(|error| with_causes(&error));
    let advice = "take the rights away that it names: the product does not start with them";
    findings.note("isolation of tenants", isolated, advice);
    let clock = database.time().await.map_err(|error| with_causes(&error));
    let clock = clock.and_then(|theirs| {
        let apart = (theirs - database.clock().now()).abs();
        let fault = format!("they are {} s apart", apart.num_seconds());
        let close = apart <= TimeDelta::seconds(CLOCKS_SECONDS);
        close.then_some(()).ok_or(fault)
    });
    findings.note(
        "clocks of database and server",
        clock,
        "let both follow one source of time",
    );
    let operator = database.operator();
    let first = operator
        .verify_ledger(TenantId::OPERATOR, Some(1), Some(1))
        .await;
    if let Err(fault @ LedgerFault::Beheaded) = first {
        let advice =
            "somebody removed rows: see what `countersign ledger verify` says of every tenant";
        findings.note::<()>("audit log of the operator", Err(fault), advice);
        return;
    }
    let first = match first {
        Err(LedgerFault::Store(error)) => Err(with_causes(&error)),
        Err(fault) => Err(fault.to_string()),
        Ok(_) => Ok(()),
    };
    findings.note("key-encryption key", first, unwrapped_by(keys));
}

/// What to do where tenants' keys do not unwrap, by who keeps the key-encryption key.
const fn unwrapped_by(keys: &Keys) -> &'static str {
    if keys.aws.is_some() {
        "see that AWS KMS is reached, that `keys.aws` names the key that tenants' keys are wrapped under, and that its \
         identity may use it"
    } else if keys.google.is_some() {
        "see that Google Cloud KMS is reached, that `keys.google` names the key that tenants' keys are wrapped under, and \
         that its service account may use it"
    } else if keys.vault.is_some() {
        "see that Vault is reached and unsealed, that `keys.vault` names the key that tenants' keys are wrapped under, and \
         that its token is good and may use it"
    } else {
        "give the key-encryption key in `keys.kek` that tenants' keys are wrapped under, or list it in `keys.previous`"
    }
}

/// Whether whoever migrates and makes backups gets in.
async fn check_owner(config: &Config, findings: &mut Findings) {
    let Some(owner_url) = &config.database.owner_url else {
        return;
    };
    let reached = tokio::time::timeout(PATIENCE, countersign_migrations::reach(owner_url)).await;
    let reached = match reached {
        Ok(reached) => reached.map_err(|error| with_causes(&error)),
        Err(_) => Err("it does not answer".to_owned()),
    };
    let advice =
        "check `database.owner_url`: `countersign migrate` and `countersign backup` connect by it";
    findings.note("database, as its owner", reached, advice);
}

/// Whether there is a key of backups today, and will be one when it ends.
async fn check_backups(
    config: &Config,
    database: &Database,
    today: NaiveDate,
    findings: &mut Findings,
) {
    let keys = &config.backups.keys;
    let mut found = backups::outlook(keys, today);
    if let Ok(key) = backups::current(keys, today) {
        let first = database
            .operator()
            .first_backup(&key.recipient.fingerprint())
            .await;
        // A database that does not answer is a finding of its own.
        let first = first.ok().flatten().map(|first| first.date_naive());
        found = backups::fresh(first, today).and(found);
    }
    findings.note("keys of backups", found, backups::ADVICE);
}

/// Whether the policies that are configured may serve, and the server that runs here has read them.
async fn check_policies(config: &Config, findings: &mut Findings) {
    let set = PolicySet::load(&config.policies).map_err(|error| with_causes(&error));
    let advice = "see to `policies.folder`: the product does not start with what does not load or is not proved";
    let Some(set) = findings.note("policies", set, advice) else {
        return;
    };
    let Some(serving) = serving(config).await else {
        return;
    };
    let configured = set.engine.version();
    let fault = format!("it serves {serving}, and the configuration has {configured}");
    let same = (serving == configured).then_some(()).ok_or(fault);
    let advice = "run `countersign policy reload`, with `--at HOST:PORT` for every other replica";
    findings.note("policies of the running server", same, advice);
}

/// SHA-256 of the policies that the server of this configuration serves; `None` where none answers.
async fn serving(config: &Config) -> Option<String> {
    let mut address = config.http.management_listen?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let url = format!("http://{address}/readyz");
    let answer = client.build().ok()?.get(url).send().await.ok()?;
    let told: serde_json::Value = answer.json().await.ok()?;
    Some(told.get("policies")?.as_str()?.to_owned())
}

async fn check_redis(config: &Config, clock: &Arc<dyn Clock>, findings: &mut Findings) {
    let advice = "check `limits.redis_url` and `limits.redis_authority`; until it answers each replica counts for itself";
    let settings = &config.limits;
    let limits = match RateLimits::new(settings.quotas(), settings.redis(), clock) {
        Ok(limits) => limits,
        Err(fault) => {
            findings.note::<()>("redis", Err(with_causes(&fault)), advice);
            return;
        }
    };
    limits.by_address(Policy::Public, None).await;
    if let Some(is_shared) = limits.is_shared() {
        let found = is_shared.then_some(()).ok_or("it does not answer");
        findings.note("redis", found, advice);
    }
}

/// What is read from files and addresses when it starts, or when it is needed.
fn check_files(config: &Config, findings: &mut Findings) {
    for path in &config.graphql.documents {
        let read = fs::read_to_string(path).map_err(|error| error.to_string());
        let read =
            read.and_then(|json| graphql::documents_of(&json).map_err(|error| error.to_string()));
        let fault = |cause| format!("`{}`: {cause}", path.display());
        let advice = "see to `graphql.documents`: the product does not start without them";
        findings.note("published documents", read.map_err(fault), advice);
    }
    if let Some(dsn) = &config.sentry.dsn {
        let reports = Reports::new(dsn, &config.sentry.environment);
        let reports = reports.map_err(|error| with_causes(&error));
        let advice = "give the address that Sentry shows for the project in `sentry.dsn`";
        findings.note("address of Sentry", reports, advice);
    }
}

#[cfg(test)]
mod tests;
