//! How far imports have come, for whoever watches. Told where it happens, and to other replicas where they
//! meet; kept nowhere: what an import did is in the books.

mod sharing;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use countersign_domain::id::{ImportId, RequestId, TenantId, UserId};
use countersign_entities::Database;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use self::sharing::Sharing;

/// How many tellings a slow watcher may be behind before it misses some.
const BEHIND_MAX: usize = 256;

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportStage {
    /// The file is read and checked.
    Reading,
    /// Its transactions are compared with the books, and written.
    Writing,
    /// It is in the books.
    Done,
    /// Nothing of it is in the books.
    Refused,
}

impl ImportStage {
    /// Every stage, in order.
    pub const ALL: [Self; 4] = [Self::Reading, Self::Writing, Self::Done, Self::Refused];

    /// As GraphQL writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reading => "READING",
            Self::Writing => "WRITING",
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }
}

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProgress {
    /// Whose books.
    pub tenant: TenantId,
    /// The request that imports.
    pub request: RequestId,
    /// The file's name.
    pub file_name: String,
    /// Where it stands.
    pub stage: ImportStage,
    /// How many transactions the file has, once that is known.
    pub transaction_count: Option<u32>,
    /// How many of them were compared with the books.
    pub written_count: u32,
    /// The import, once it is in the books.
    pub import: Option<ImportId>,
    /// In whose care its accounts are; the person who imports, until they are known.
    pub custodian: Option<UserId>,
    /// Whether any of its accounts is personal, and taken for so until they are known.
    pub personal: bool,
}

/// Those who watch a tenant's imports in this process. Nobody is told of another tenant's. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
struct Watchers(Arc<Mutex<HashMap<TenantId, broadcast::Sender<Arc<ImportProgress>>>>>);

impl Watchers {
    fn watch(&self, tenant: TenantId) -> ImportWatch {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = watched
            .entry(tenant)
            .or_insert_with(|| broadcast::Sender::new(BEHIND_MAX));
        ImportWatch(told.subscribe())
    }

    fn tell(&self, progress: Arc<ImportProgress>) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(told) = watched.entry(progress.tenant)
            && told.get().send(progress).is_err()
        {
            // Nobody watches any more.
            told.remove();
        }
    }
}

/// Where imports tell how far they have come. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct ImportBoard {
    watchers: Watchers,
    /// With other replicas, where they meet.
    sharing: Option<Arc<Sharing>>,
}

impl ImportBoard {
    /// A board that nobody watches yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is shared with the replicas that meet in that Redis. `replica` is this one.
    pub fn shared(database: &Database, redis: redis::Client, replica: Uuid) -> Self {
        let board = Self::new();
        let sharing = Sharing::begin(board.watchers.clone(), database, redis, replica);
        Self {
            sharing: Some(Arc::new(sharing)),
            ..board
        }
    }

    /// What one tenant's imports tell from now on.
    pub fn watch(&self, tenant: TenantId) -> ImportWatch {
        self.watchers.watch(tenant)
    }

    fn tell(&self, progress: ImportProgress) {
        let progress = Arc::new(progress);
        if let Some(sharing) = &self.sharing {
            sharing.tell(&progress);
        }
        self.watchers.tell(progress);
    }

    /// An import begins.
    pub(super) fn begin(&self, progress: ImportProgress) -> ImportTelling {
        let telling = ImportTelling {
            board: self.clone(),
            progress,
        };
        telling.tell();
        telling
    }
}

/// One import, as it tells. Dropped before its end, it was refused.
#[derive(Debug)]
pub(super) struct ImportTelling {
    board: ImportBoard,
    progress: ImportProgress,
}

impl ImportTelling {
    /// Its accounts are known: whether any is personal, and in whose care all of them are.
    pub(super) const fn goes_to(&mut self, custodian: Option<UserId>, personal: bool) {
        self.progress.custodian = custodian;
        self.progress.personal = personal;
    }

    /// The file was read, and has so many transactions.
    pub(super) fn writes(&mut self, transactions: usize) {
        self.progress.stage = ImportStage::Writing;
        self.progress.transaction_count = u32::try_from(transactions).ok();
        self.tell();
    }

    /// So many more were compared with the books.
    pub(super) fn wrote(&mut self, transactions: usize) {
        let more = u32::try_from(transactions).unwrap_or(u32::MAX);
        self.progress.written_count = self.progress.written_count.saturating_add(more);
        self.tell();
    }

    /// It is in the books.
    pub(super) fn done(mut self, import: ImportId) {
        self.progress.stage = ImportStage::Done;
        self.progress.import = Some(import);
        self.tell();
    }

    fn tell(&self) {
        self.board.tell(self.progress.clone());
    }
}

impl Drop for ImportTelling {
    fn drop(&mut self) {
        if self.progress.stage != ImportStage::Done {
            self.progress.stage = ImportStage::Refused;
            self.tell();
        }
    }
}

/// What the imports of one tenant tell.
#[derive(Debug)]
pub struct ImportWatch(broadcast::Receiver<Arc<ImportProgress>>);

impl ImportWatch {
    /// The next telling. What a slow watcher missed is left out: the next one has the counts.
    pub async fn next(&mut self) -> Arc<ImportProgress> {
        loop {
            match self.0.recv().await {
                Ok(progress) => return progress,
                Err(RecvError::Lagged(_)) => {}
                // The board is the process's: there is nothing more to wait for.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn begun(tenant: TenantId) -> ImportProgress {
        ImportProgress {
            tenant,
            request: RequestId::new(Uuid::from_u128(9)),
            file_name: "june.xml".to_owned(),
            stage: ImportStage::Reading,
            transaction_count: None,
            written_count: 0,
            import: None,
            custodian: None,
            personal: true,
        }
    }

    #[test]
    fn each_tenant_is_told_of_its_own_imports_and_of_their_end() {
        let [one, other] = [1, 2].map(|n| TenantId::new(Uuid::from_u128(n)));
        let board = ImportBoard::new();
        let mut watch = board.watch(one);
        drop(board.begin(begun(other)));
        assert!(watch.next().now_or_never().is_none());
        let mut telling = board.begin(begun(one));
        telling.writes(3);
        telling.wrote(2);
        drop(telling);
        let mut next = || {
            watch
                .next()
                .now_or_never()
                .map(|p| (p.stage, p.written_count))
        };
        assert_eq!(next(), Some((ImportStage::Reading, 0)));
        assert_eq!(next(), Some((ImportStage::Writing, 0)));
        assert_eq!(next(), Some((ImportStage::Writing, 2)));
        assert_eq!(next(), Some((ImportStage::Refused, 2)));
        assert_eq!(next(), None);
        // Whom nobody watches is forgotten, however much is told.
        drop(watch);
        drop(board.begin(begun(one)));
        assert!(board.watchers.0.lock().unwrap().is_empty());
    }

    #[test]
    fn nothing_is_missed_for_what_another_tenant_tells() {
        let [one, other] = [1, 2].map(|n| TenantId::new(Uuid::from_u128(n)));
        let board = ImportBoard::new();
        let (mut watch, _other) = (board.watch(one), board.watch(other));
        let telling = board.begin(begun(one));
        for _ in 0..BEHIND_MAX {
            drop(board.begin(begun(other)));
        }
        let first = watch.next().now_or_never();
        assert_eq!(first.map(|p| p.stage), Some(ImportStage::Reading));
        drop(telling);
    }
}
