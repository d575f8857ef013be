//! What its row in the log costs a read: callers read pages by the product's own storage floor, in this process,
//! and each has its row recorded, or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use countersign_domain::{
    audit::{Facts, Outcome},
    id::RequestId,
};
use countersign_entities::{
    Beside, Credential, Database, EventDraft, KeyEncryptionKey, Page, RequestContext, RequestFacts,
    Settings, SystemClock, SystemIds, TransactionFilter,
};
use countersign_policies::{ActionId, Engine, resource};
use countersign_stand::postgres::Cluster;
use tokio::runtime::Runtime;

use super::{
    books::TENANTS,
    cost::{CALLERS, Rates},
};
use crate::seed;

/// The rows of a page.
const PAGE: u16 = 50;
/// What is read.
const FIELD: &str = "Query.transactions";
/// What stands for the text of a document in a row.
const DOCUMENT: [u8; 32] = [7; 32];

/// The storage floor, and who reads by it.
pub(super) struct Reads {
    runtime: Runtime,
    readers: Arc<Readers>,
}

struct Readers {
    database: Database,
    engine: Engine,
    action: ActionId,
    credentials: Vec<Credential>,
    turn: AtomicU32,
}

impl Reads {
    pub(super) fn new(cluster: &Cluster) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let url = |role| seed::url(cluster, role).into();
        let settings = Settings {
            entry_url: url("countersign_entry"),
            books_url: url("countersign_books"),
            connections_max: 8,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
            prepared_statements: true,
        };
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let keys = KeyEncryptionKey::new(seed::KEK);
        let database = runtime.block_on(Database::connect(settings, keys, clock, ids))?;
        let engine = Engine::embedded()?;
        let action = engine.action(FIELD).context("no such field")?;
        let tokens = (1..=TENANTS).map(|n| Credential::ApiToken(seed::token(n).hashed()));
        let readers = Readers {
            database,
            engine,
            action,
            credentials: tokens.collect(),
            turn: AtomicU32::new(0),
        };
        Ok(Self {
            runtime,
            readers: Arc::new(readers),
        })
    }

    /// So many seconds of reading with the row and without it; how many pages each came to, a second.
    pub(super) fn measure(&self, seconds: u64) -> anyhow::Result<Rates> {
        let rate = |is_recorded| self.runtime.block_on(self.drive(is_recorded, seconds));
        Ok(Rates {
            with: rate(true)?,
            without: rate(false)?,
        })
    }

    async fn drive(&self, is_recorded: bool, seconds: u64) -> anyhow::Result<u64> {
        let until = Instant::now() + Duration::from_secs(seconds);
        let done = Arc::new(AtomicU64::new(0));
        let callers = (0..CALLERS).map(|_| {
            let (readers, done) = (Arc::clone(&self.readers), Arc::clone(&done));
            tokio::spawn(async move {
                while Instant::now() < until {
                    readers.read(is_recorded).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await??;
        }
        let done = done.load(Ordering::Relaxed);
        done.checked_div(seconds).context("no time")
    }
}

impl Readers {
    /// Reads a page of the next tenant.
    async fn read(&self, is_recorded: bool) -> anyhow::Result<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % TENANTS;
        let credential = self.credentials.get(usize::try_from(turn)?);
        let credential = credential.context("no such tenant")?;
        let facts = RequestFacts {
            request: RequestId::new(self.database.ids().uuid()),
            source: None,
            at: self.database.clock().now(),
            idempotency_key: None,
        };
        let presumed = self.database.presume(credential, &facts, &[]).await;
        let (context, reader) = match presumed {
            Some(presumed) => presumed,
            None => self.database.enter(credential, &facts, &[]).await?,
        };
        let scope = self
            .engine
            .read_scope::<resource::Transaction>(context.actor());
        let scope = scope.ok().context("the token reads nothing")?;
        let (filter, page) = (TransactionFilter::default(), Page::first(PAGE));
        let beside = Beside::default();
        let read = reader.transactions_beside(&scope, &filter, &page, &beside);
        let (slice, _) = read.await?;
        ensure!(slice.rows.len() == usize::from(PAGE), "a page is not full");
        reader.leave();
        if is_recorded {
            self.record(&context).await?;
        }
        Ok(())
    }

    /// Records it as the server does.
    async fn record(&self, context: &RequestContext) -> anyhow::Result<()> {
        let decisions = self.engine.decide(context.actor(), &[self.action]);
        let fields = [FIELD.trim_start_matches("Query.")].into_iter();
        let payload = Facts::new()
            .sha256("document", &DOCUMENT)
            .fields("fields", fields)
            .count("hidden", 0);
        let draft = EventDraft {
            action: "books.read",
            permission: decisions.resolved([(FIELD, self.action)]),
            outcome: Outcome::Done,
            targets: Vec::new(),
            payload: payload.into(),
        };
        Ok(self.database.record(context, draft).await?)
    }
}
