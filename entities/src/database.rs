//! The pools.

mod entrance;
mod room;

pub use self::room::Room;

use std::{fmt, io, str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use countersign_domain::{audit::Outcome, id::TenantId};
use sea_orm::{DbBackend, QueryResult, Statement};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sqlx::{
    ConnectOptions, Executor, PgConnection, PgPool, Row,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    audit::{AuditWatch, EventDraft, Recorder, Unlinked},
    clock::{Clock, Ids},
    context::{CredentialKind, RequestContext, RequestFacts},
    durable::Durability,
    enter::{self, Rejection},
    entry::Entry,
    error::{Cause, StoreError, Why},
    idempotency::Answers,
    isolation::{self, IsolationError},
    keys::{Connections, KeyRing, Keys},
    let_in::LetIn,
    line::{
        IS_READ_ONLY, Lanes, Lines, Opener, PREPARED_MAX, Peers, QUICK, Vigil, takes_no_writes,
    },
    operator::Operator,
    settings::Settings,
    store::memory::Memory,
    wire::{Begin, End, Wire},
};

/// Has transactions committed before they are durable, which [`Durability`] waits for.
const EARLY: &str = "SET synchronous_commit = off";
/// Has rows found by an index wherever there is one. PostgreSQL reads a small table whole, and with it the rows of
/// all tenants, which takes twice as long where they are fifty. Where there is no index the plan seems costly
/// enough to be compiled, which takes longer than it runs.
const BY_INDEX: &str = "SET enable_seqscan = off; SET jit = off";
/// How many connections the audit writer and the sign-in side have of their own.
const BESIDE_MAX: u32 = 4;

/// The storage floor. Cloning it is cheap.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

pub(crate) struct Inner {
    /// For reading, each request by itself.
    pub(crate) lines: Lines,
    /// For what is read quickly, which travels with that of other requests.
    pub(crate) lanes: Lanes,
    /// For writing: an import that takes long leaves the readers theirs.
    pub(crate) writing: Lines,
    /// For what is written in one message, and is made durable afterwards.
    pub(crate) write_lanes: Lanes,
    pub(crate) durability: Durability,
    pub(crate) begin_line: String,
    /// For what belongs to no request.
    pub(crate) books: PgPool,
    pub(crate) entry: PgPool,
    pub(crate) prepared: bool,
    pub(crate) begin: Begin,
    patience: Duration,
    pub(crate) keys: Arc<Keys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) recorder: Recorder,
    pub(crate) answers: Answers,
    pub(crate) memory: Memory,
    let_in: LetIn,
    _peers: Arc<Peers>,
}

impl Database {
    /// Prepares the pools. Nothing is connected yet, so that this works while PostgreSQL is away.
    #[expect(
        clippy::unused_async,
        reason = "the pools start their upkeep on the runtime"
    )]
    pub async fn connect(
        settings: Settings,
        keys: impl Into<KeyRing>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, StoreError> {
        let beside = settings.connections_max.clamp(1, BESIDE_MAX);
        let (patience, bound) = (settings.acquire_timeout, settings.statement_timeout);
        let peers = Arc::new(Peers::default());
        // A pooler in between may let a statement wait for a connection of its own first.
        let vigil = Vigil::new(&peers, patience.saturating_add(bound));
        let begin = Begin {
            sql: enter::begin(bound),
            vigil: vigil.clone(),
        };
        let pool = |url: &SecretString, max| pool(&settings, url, max, &peers);
        let books = pool(&settings.books_url, beside)?;
        let connections = Connections {
            pool: pool(&settings.books_url, beside)?,
            prepared: settings.prepared_statements,
            begin: begin.clone(),
        };
        let (own_clock, own_ids) = (Arc::clone(&clock), Arc::clone(&ids));
        let keys = Arc::new(Keys::new(keys.into(), connections, own_clock, own_ids));
        let recorder = Recorder::new(
            pool(&settings.books_url, beside)?,
            pool(&settings.books_url, 1)?,
            settings.prepared_statements,
            begin.clone(),
            patience,
            Arc::clone(&keys),
        );
        // Where a pooler hands connections around, nothing may be left on them.
        let session = |bound| settings.prepared_statements.then(|| enter::session(bound));
        let own = session(bound);
        let lines = |session: Option<&str>| {
            let (url, max) = (&settings.books_url, settings.connections_max);
            Lines::new(url, max, patience, session, &vigil)
        };
        let quick = session(QUICK.min(bound)).map(|quick| format!("{quick}; {BY_INDEX}"));
        let early = quick.as_ref().map(|quick| format!("{quick}; {EARLY}"));
        let lanes = |session: Option<&str>, bound: Duration| {
            let vigil = vigil.within(patience.saturating_add(bound));
            let opener = Opener::new(&settings.books_url, patience, session, vigil)?;
            Ok::<_, StoreError>(Lanes::new(opener))
        };
        Ok(Self(Arc::new(Inner {
            lines: lines(own.as_deref())?,
            lanes: lanes(quick.as_deref(), QUICK)?,
            writing: lines(own.as_deref())?,
            write_lanes: lanes(early.as_deref(), QUICK)?,
            durability: Durability::new(lanes(own.as_deref(), bound)?),
            begin_line: if settings.prepared_statements {
                "BEGIN".to_owned()
            } else {
                begin.sql.clone()
            },
            answers: Answers::new(
                books.clone(),
                settings.prepared_statements,
                begin.clone(),
                patience,
            ),
            books,
            entry: pool(&settings.entry_url, beside)?,
            prepared: settings.prepared_statements,
            begin,
            patience,
            keys,
            clock,
            ids,
            recorder,
            memory: Memory::new(),
            let_in: LetIn::new(),
            _peers: peers,
        })))
    }

    /// Finds what would make the isolation of tenants a mere promise: the server refuses to start.
    pub async fn check_isolation(&self) -> Result<(), IsolationError> {
        isolation::check(&self.0).await
    }

    /// Whether PostgreSQL answers on both roles, and takes what is written.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let begin = Begin {
            sql: inner.begin.sql.clone(),
            vigil: inner.begin.vigil.within(inner.patience),
        };
        for pool in [&inner.books, &inner.entry] {
            let asked = Statement::from_string(DbBackend::Postgres, IS_READ_ONLY);
            let (wire, row) = Wire::open(pool, inner.prepared, &begin, &asked).await?;
            let told: String = row.try_get("", "transaction_read_only")?;
            if told == "on" {
                wire.discard();
                return Err(takes_no_writes());
            }
            wire.end(End::Rollback).await?;
        }
        Ok(())
    }

    /// The pools, each with its open and its idle connections.
    pub fn connections(&self) -> [(&'static str, u32, u32); 9] {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let of = |name, pool: &PgPool| (name, pool.size(), count(pool.num_idle()));
        let audit = self.0.recorder.pools().map(|pool| of("audit", pool));
        let audit = audit
            .into_iter()
            .reduce(|(name, open, idle), (_, more, more_idle)| {
                let (open, idle) = (open.saturating_add(more), idle.saturating_add(more_idle));
                (name, open, idle)
            });
        let counted = |name, (open, idle)| (name, count(open), count(idle));
        [
            counted("read", self.0.lines.counts()),
            counted("read_shared", self.0.lanes.counts()),
            counted("write", self.0.writing.counts()),
            counted("write_shared", self.0.write_lanes.counts()),
            counted("flush", self.0.durability.counts()),
            of("upkeep", &self.0.books),
            of("entry", &self.0.entry),
            audit.unwrap_or_default(),
            of("keys", self.0.keys.pool()),
        ]
    }

    /// The version that the migrations brought the database to; 0 before the first.
    pub async fn schema_version(&self) -> Result<i32, StoreError> {
        let sql = "SELECT coalesce(max(version), 0) AS version FROM countersign.schema_migrations";
        let asked = Statement::from_string(DbBackend::Postgres, sql);
        Ok(self
            .ask(&self.0.books, asked)
            .await?
            .try_get("", "version")?)
    }

    /// What time PostgreSQL has.
    pub async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp() AS time");
        Ok(self.ask(&self.0.books, asked).await?.try_get("", "time")?)
    }

    /// Which release of PostgreSQL it is: 17 of 17.2.
    pub async fn release(&self) -> Result<u32, StoreError> {
        let sql = "SELECT current_setting('server_version_num')::int / 10000 AS release";
        let asked = Statement::from_string(DbBackend::Postgres, sql);
        let release: i32 = self
            .ask(&self.0.books, asked)
            .await?
            .try_get("", "release")?;
        Ok(release.unsigned_abs())
    }

    /// The one row of a statement that belongs to no tenant.
    async fn ask(&self, pool: &PgPool, statement: Statement) -> Result<QueryResult, StoreError> {
        let (wire, row) = Wire::open(pool, self.0.prepared, &self.0.begin, &statement).await?;
        wire.end(End::Rollback).await?;
        Ok(row)
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The maker of identifiers and secrets.
    pub fn ids(&self) -> &dyn Ids {
        &*self.0.ids
    }

    /// Appends a row to the tenant's audit chain by group commit. Returns when it is durable; where
    /// it fails, nothing may be answered (law 4).
    pub async fn record(
        &self,
        context: &RequestContext,
        draft: EventDraft,
    ) -> Result<(), StoreError> {
        self.record_at(context, draft, context.now()).await
    }

    /// The same of what ends now, however long ago its request came: the row has the time of the end.
    pub async fn record_end(
        &self,
        context: &RequestContext,
        draft: EventDraft,
    ) -> Result<(), StoreError> {
        self.record_at(context, draft, self.0.clock.now()).await
    }

    async fn record_at(
        &self,
        context: &RequestContext,
        draft: EventDraft,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if context.strange().is_some() && draft.outcome != Outcome::Refused {
            let what = "what names ids that are not of its tenant is recorded as done";
            return Err(StoreError::inconsistent(what));
        }
        let mut row = Unlinked::of_request(context, draft, self.0.ids.uuid());
        row.event.occurred_at = at;
        self.0.recorder.record(row).await
    }

    /// Tells when the tenant's audit log has grown, as far as this process lets it grow.
    pub fn watch_audit(&self, tenant: TenantId) -> AuditWatch {
        self.0.recorder.watch(tenant)
    }

    /// Whose audit logs this process has let grow by so many rows since it was last told of them here.
    pub fn audits_grown_by(&self, rows: u32) -> Vec<TenantId> {
        self.0.recorder.grown_by(rows)
    }

    /// Records a credential that is refused by its form or its signature: forged, or of another
    /// installation. Returns when the row is durable; where it fails, nothing may be answered.
    pub async fn record_forgery(
        &self,
        kind: CredentialKind,
        facts: &RequestFacts,
    ) -> Result<(), StoreError> {
        let (why, holder) = (Why::Unknown, None);
        self.reject(kind, facts, Rejection { why, holder }).await
    }

    /// The sign-in side.
    pub fn entry(&self) -> Entry {
        Entry::new(Arc::clone(&self.0))
    }

    /// The operator's side.
    pub fn operator(&self) -> Operator {
        Operator::new(Arc::clone(&self.0))
    }

    /// The key that cursors are authenticated with; none before the books are opened.
    pub fn cursor_key(&self) -> Option<Arc<SecretBox<[u8; 32]>>> {
        self.0.keys.cursors()
    }

    /// Whether the version of the tenant's key that something is sealed under is destroyed.
    pub async fn is_key_destroyed(
        &self,
        tenant: TenantId,
        version: i32,
    ) -> Result<bool, StoreError> {
        self.0.keys.is_destroyed(tenant, version).await
    }

    /// Closes every connection, after those in use are given back. None is waited for longer than for a new
    /// one: what is still open then ends with the process.
    pub async fn close(&self) {
        self.0.answers.arrived().await;
        self.0.lines.close();
        self.0.lanes.close();
        self.0.writing.close();
        self.0.write_lanes.close();
        self.0.durability.close();
        let given_back = futures::future::join4(
            self.0.books.close(),
            self.0.entry.close(),
            self.0.recorder.close(),
            self.0.keys.pool().close(),
        );
        let _ = tokio::time::timeout(self.0.patience, given_back).await;
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

fn pool(
    settings: &Settings,
    url: &SecretString,
    max: u32,
    peers: &Peers,
) -> Result<PgPool, StoreError> {
    let cache = if settings.prepared_statements {
        PREPARED_MAX
    } else {
        0
    };
    let options = PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| StoreError::Database(Cause::new("a database url is malformed")))?
        .application_name("countersign")
        .statement_cache_capacity(cache)
        // A start-up parameter that poolers refuse; it is for floats, of which there are none.
        .extra_float_digits(None)
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(max)
        .acquire_timeout(settings.acquire_timeout)
        // Entering is the test: a dead connection is thrown away there.
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(refuse_standby(connection)))
        .connect_lazy_with(options);
    let of = pool.clone();
    peers.add(move || {
        for _ in 0..of.num_idle() {
            drop(of.try_acquire().map(PoolConnection::detach));
        }
    });
    Ok(pool)
}

/// As for lines: a connection to a server that takes no writes would serve nobody for as long as it lives.
async fn refuse_standby(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let told = connection.fetch_one(sqlx::raw_sql(IS_READ_ONLY)).await?;
    if told.try_get::<&str, _>(0)? == "on" {
        return Err(sqlx::Error::Io(io::Error::other(takes_no_writes())));
    }
    Ok(())
}
