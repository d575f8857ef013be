//! How far imports have come, told to other replicas through Redis.
//!
//! A telling is sealed for its tenant's request: Redis, and whoever looks into it, learns whose import goes on
//! and not what it is of. It is told once and kept nowhere. One that does not arrive is no fault: those that
//! follow have the counts, and what an import did is in the books.

use std::{sync::Arc, time::Duration};

use countersign_domain::id::{ImportId, RequestId, TenantId, UserId};
use countersign_entities::Database;
use futures::StreamExt;
use redis::{AsyncCommands, Client, ErrorKind, RedisError, aio::ConnectionManager};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet};
use uuid::Uuid;

use super::{ImportProgress, ImportStage, Watchers};
use crate::replicas::Link;

/// The channel of every replica.
const CHANNEL: &str = "countersign:imports";
/// How many tellings may wait to be told to others.
const WAITING_MAX: usize = 1024;
/// How long nobody listens after Redis was away.
const PAUSE: Duration = Duration::from_secs(1);
/// After so long without a word it is listened anew: a peer that is gone is silent as well.
const SILENCE: Duration = Duration::from_mins(1);
/// Bytes of an id.
const ID: usize = 16;

/// The two tasks that tell and listen; they end with this.
#[derive(Debug)]
pub(super) struct Sharing {
    waiting: mpsc::Sender<Arc<ImportProgress>>,
    _tasks: JoinSet<()>,
}

/// A replica that shares.
#[derive(Clone)]
struct Replica {
    /// Which it is: it hears itself as well.
    own: Uuid,
    redis: Client,
    database: Database,
}

impl Sharing {
    /// Tells others what is given to [`Self::tell`], and `watchers` what others tell.
    pub(super) fn begin(watchers: Watchers, database: &Database, redis: Client, own: Uuid) -> Self {
        let (waiting, told) = mpsc::channel(WAITING_MAX);
        let replica = Replica {
            own,
            redis,
            database: database.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(replica.clone().tell_others(told));
        tasks.spawn(replica.listen(watchers));
        Self {
            waiting,
            _tasks: tasks,
        }
    }

    /// Nobody waits until others have heard it.
    pub(super) fn tell(&self, progress: &Arc<ImportProgress>) {
        // Where too many wait, Redis is away.
        let _ = self.waiting.try_send(Arc::clone(progress));
    }
}

impl Replica {
    async fn tell_others(self, mut told: mpsc::Receiver<Arc<ImportProgress>>) {
        let link = Link::new(self.redis.clone());
        while let Some(progress) = told.recv().await {
            let Some(message) = self.message(&progress).await else {
                tracing::warn!(
                    "a telling of an import can not be sealed, and is not told to other replicas"
                );
                continue;
            };
            let publish = |mut connection: ConnectionManager| async move {
                // Who tells listens as well: a node on which nobody hears is not the one any more.
                match connection.publish(CHANNEL, message).await? {
                    0_u64 => Err(RedisError::from((ErrorKind::Client, "nobody hears it"))),
                    _ => Ok(()),
                }
            };
            let sent: Result<(), String> = link.ask(publish).await;
            if let Err(cause) = sent {
                tracing::debug!(cause, "a telling of an import did not arrive");
            }
        }
    }

    async fn listen(self, watchers: Watchers) {
        loop {
            if let Err(error) = self.hear(&watchers).await {
                tracing::debug!(cause = error.category(), "other replicas are not heard");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns where nothing comes any more.
    async fn hear(&self, watchers: &Watchers) -> Result<(), RedisError> {
        loop {
            let mut heard = self.redis.get_async_pubsub().await?;
            heard.subscribe(CHANNEL).await?;
            let mut messages = heard.on_message();
            while let Ok(message) = tokio::time::timeout(SILENCE, messages.next()).await {
                let Some(message) = message else {
                    return Ok(());
                };
                if let Some(progress) = self.progress(message.get_payload_bytes()).await {
                    watchers.tell(Arc::new(progress));
                }
            }
        }
    }

    /// Who tells, whose request it is, and the rest sealed.
    async fn message(&self, progress: &ImportProgress) -> Option<Vec<u8>> {
        let ImportProgress {
            tenant, request, ..
        } = progress;
        let plain = serde_json::to_vec(&Told::of(progress)).ok()?;
        let sealed = self.database.seal_message(*tenant, *request, &plain);
        let sealed = sealed.await.ok()?;
        let ids = [self.own, tenant.uuid(), request.uuid()];
        let mut message: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
        message.extend(sealed);
        Some(message)
    }

    /// What another replica tells; `None` where it is this one, or does not open.
    async fn progress(&self, message: &[u8]) -> Option<ImportProgress> {
        let (from, rest) = message.split_first_chunk::<ID>()?;
        let (tenant, rest) = rest.split_first_chunk::<ID>()?;
        let (request, sealed) = rest.split_first_chunk::<ID>()?;
        if Uuid::from_bytes(*from) == self.own {
            return None;
        }
        let tenant = TenantId::new(Uuid::from_bytes(*tenant));
        let request = RequestId::new(Uuid::from_bytes(*request));
        let opened = self.database.open_message(tenant, request, sealed).await;
        let Ok(plain) = opened else {
            tracing::warn!("what was told in the name of another replica does not open");
            return None;
        };
        let told: Told = serde_json::from_slice(&plain).ok()?;
        Some(told.into_progress(tenant, request))
    }
}

/// What is sealed of a telling.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    file_name: String,
    stage: ImportStage,
    transaction_count: Option<u32>,
    written_count: u32,
    import: Option<Uuid>,
    #[serde(default)]
    custodian: Option<Uuid>,
    /// A replica of another version does not say, and is taken for the strictest.
    #[serde(default = "is_personal")]
    personal: bool,
}

const fn is_personal() -> bool {
    true
}

impl Told {
    fn of(progress: &ImportProgress) -> Self {
        Self {
            file_name: progress.file_name.clone(),
            stage: progress.stage,
            transaction_count: progress.transaction_count,
            written_count: progress.written_count,
            import: progress.import.map(ImportId::uuid),
            custodian: progress.custodian.map(UserId::uuid),
            personal: progress.personal,
        }
    }

    fn into_progress(self, tenant: TenantId, request: RequestId) -> ImportProgress {
        ImportProgress {
            tenant,
            request,
            file_name: self.file_name,
            stage: self.stage,
            transaction_count: self.transaction_count,
            written_count: self.written_count,
            import: self.import.map(ImportId::new),
            custodian: self.custodian.map(UserId::new),
            personal: self.personal,
        }
    }
}
