//! What the operator's monitoring reads (`OpenMetrics`). No label names a tenant, a person or a token.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use crate::code::Code;

/// Bounds of the histogram, in seconds.
const SECONDS: [f64; 10] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    /// The pattern of the route, never the path.
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    /// `ok`, or the code of the first error.
    code: &'static str,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicySetLabels {
    /// SHA-256.
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// The counts of this process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Histogram>,
    operations: Family<CodeLabels, Counter>,
    limited: Family<PolicyLabels, Counter>,
    connections: Family<PoolLabels, Gauge>,
    redactions: Counter,
    foreign: Counter,
    panics: Counter,
    streams: Gauge,
    exports: Gauge,
    /// 0, which is long ago, until there is one.
    newest_backup: Gauge,
    contradicted: Gauge,
    policies: Family<PolicySetLabels, Gauge>,
    reloads: Family<OutcomeLabels, Counter>,
}

impl Metrics {
    /// Counts from nothing.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let requests =
            Family::<RequestLabels, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's arrival to its answer",
            requests.clone(),
        );
        registry.register("build_info", "This program", build());
        let kept = &mut registry;
        Self {
            requests,
            operations: empty(
                kept,
                "graphql_operations",
                "GraphQL operations, by the code of their first error",
            ),
            limited: empty(
                kept,
                "rate_limited_requests",
                "Requests that were told to wait",
            ),
            connections: empty(kept, "database_connections", "Connections to PostgreSQL"),
            redactions: empty(kept, "graphql_redacted_fields", "Fields that policies hid"),
            foreign: empty(
                kept,
                "cross_tenant_requests_refused",
                "Requests that named another tenant's ids, refused whole (ISO-4)",
            ),
            panics: empty(kept, "panics", "Handlers that panicked"),
            streams: empty(
                kept,
                "graphql_streams",
                "Subscriptions that somebody listens to",
            ),
            exports: empty(
                kept,
                "audit_exports",
                "Exports of the audit log that are under way",
            ),
            newest_backup: empty(
                kept,
                "newest_backup_timestamp_seconds",
                "When the newest backup was recorded, in seconds since 1970",
            ),
            contradicted: empty(
                kept,
                "contradicted_audit_chains",
                "Audit chains that are not what is published of them",
            ),
            policies: empty(kept, "policy_set", "The policies that serve, by their hash"),
            reloads: empty(
                kept,
                "policy_reloads",
                "How often the policies were read again",
            ),
            registry,
        }
    }

    /// A request was answered.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// An operation came to an end. `code` is that of its first error.
    pub fn operation(&self, kind: &'static str, code: Option<Code>) {
        let code = code.map_or("ok", Code::name);
        self.operations
            .get_or_create(&CodeLabels { code, kind })
            .inc();
    }

    /// Policies hid fields.
    pub fn redacted(&self, fields: u64) {
        self.redactions.inc_by(fields);
    }

    /// Somebody was told to wait.
    pub fn limited(&self, policy: &'static str) {
        self.limited.get_or_create(&PolicyLabels { policy }).inc();
    }

    /// A request named another tenant's ids.
    pub fn foreign(&self) {
        self.foreign.inc();
    }

    /// So many subscriptions are open.
    pub fn streams(&self, open: usize) {
        self.streams.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// So many exports are under way.
    pub fn exports(&self, open: usize) {
        self.exports.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// The newest backup was recorded then.
    pub fn newest_backup(&self, at: DateTime<Utc>) {
        self.newest_backup.set(at.timestamp());
    }

    /// So many audit chains are not what is published of them.
    pub fn contradicted(&self, chains: usize) {
        let chains = i64::try_from(chains).unwrap_or(i64::MAX);
        self.contradicted.set(chains);
    }

    /// These policies serve, and no others.
    pub fn policies(&self, version: &str) {
        self.policies.clear();
        let version = version.to_owned();
        self.policies
            .get_or_create(&PolicySetLabels { version })
            .set(1);
    }

    /// The policies were read again, and serve or do not.
    pub fn reloaded(&self, serves: bool) {
        let outcome = if serves { "done" } else { "refused" };
        self.reloads.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// A handler panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// How many connections a pool has.
    pub fn connections(&self, pool: &'static str, open: u32, idle: u32) {
        let in_use = open.saturating_sub(idle);
        for (state, count) in [("idle", idle), ("in_use", in_use)] {
            self.connections
                .get_or_create(&PoolLabels { pool, state })
                .set(i64::from(count));
        }
    }

    /// The counts as text.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A metric that has counted nothing yet.
fn empty<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn build() -> Family<BuildLabels, Gauge> {
    let build = Family::<BuildLabels, Gauge>::default();
    let version = env!("CARGO_PKG_VERSION");
    build.get_or_create(&BuildLabels { version }).set(1);
    build
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
