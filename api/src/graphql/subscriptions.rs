//! `Subscription`: what goes on, as it goes on. Each event is read anew, by whoever may read it then.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_graphql::dynamic::{Enum, InputValue, TypeRef};
use countersign_domain::id::{ImportId, TenantId};
use countersign_entities::{AuditFilter, AuditWatch, Direction, Page, Position, SortKey};
use countersign_policies::{Row, resource, row::KeptRow};
use futures::FutureExt;
use uuid::Uuid;

use super::{
    audit_entries,
    error::GraphqlError,
    field::{ObjectBuilder, Source},
    inputs::{self, Input},
    kind::Kind,
    operation::Operation,
    scalars::enum_value,
    schema::Parts,
    value::{Leaf, Output},
};
use crate::app::import_progress::{ImportProgress, ImportStage, ImportWatch};

const AUDIT_ENTRY_ADDED: &str = "auditEntryAdded";
const IMPORT_PROGRESSED: &str = "importProgressed";

/// The most rows of the log that are read at a time.
const ROWS_MAX: u16 = 100;
/// Of how many rows of the log that is: what the filter leaves out is looked at too.
const SPAN: i64 = 50_000;
/// How long rows gather after the first: a page is read for many as for one.
const GATHER: Duration = Duration::from_millis(100);

/// Progress is seen by whoever may see the import itself.
impl Source for ImportProgress {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&KeptRow {
            tenant,
            id: self.import.map_or(Uuid::nil(), ImportId::uuid),
            custodian: self.custodian,
            personal: self.personal,
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    import_progress(parts);
    parts.subscription(|subscription| {
        subscription
            .of(Kind::Audit)
            .event(
                AUDIT_ENTRY_ADDED,
                TypeRef::named("AuditEntry"),
                "Rows of the tenant's audit log, oldest first, from now on.",
                [
                    InputValue::new("filter", TypeRef::named("AuditEntryFilter")),
                    InputValue::new("afterSeq", TypeRef::named(TypeRef::INT)).description(
                        "Begins with the row after this one, so that none is missed between \
                         reading a list and listening, or after a lost connection.",
                    ),
                ],
            )
            .of(Kind::Basic)
            .event(
                IMPORT_PROGRESSED,
                TypeRef::named("ImportProgress"),
                "How far the tenant's imports have come, from now on. One whose accounts are not known yet \
                 is told to who imports and to who may see the household. Replicas that do not meet in \
                 Redis tell of what was sent to themselves alone.",
                [],
            )
    });
}

fn import_progress(parts: &mut Parts<'_>) {
    let mut stages = Enum::new("ImportStage").description(
        "Where an import stands: its file is read, its transactions are written, it is in the \
         books, or nothing of it is.",
    );
    for stage in ImportStage::ALL {
        stages = stages.item(stage.name());
    }
    parts.enumeration(stages);
    let progress = ObjectBuilder::<ImportProgress>::new(
        parts.engine,
        "ImportProgress",
        "How far an import has come.",
    )
    .of(Kind::Basic)
    .on("Import")
    .value(
        "id",
        TypeRef::named_nn(TypeRef::ID),
        "The request that imports, `req_…`.",
        |p| Some(Leaf::shown(p.request)),
    )
    .of(Kind::Personal)
    .on("Import")
    .value(
        "fileName",
        TypeRef::named(TypeRef::STRING),
        "The file's name.",
        |p| Some(Leaf::from(p.file_name.as_str())),
    )
    .of(Kind::Basic)
    .on("Import")
    .value(
        "stage",
        TypeRef::named_nn("ImportStage"),
        "Where it stands.",
        |p| Some(enum_value(p.stage.name())),
    )
    .of(Kind::Basic)
    .on("Import")
    .value(
        "transactionCount",
        TypeRef::named(TypeRef::INT),
        "Transactions in the file, once it was read.",
        |p| p.transaction_count.map(Leaf::from),
    )
    .of(Kind::Basic)
    .on("Import")
    .value(
        "writtenCount",
        TypeRef::named_nn(TypeRef::INT),
        "Transactions that were compared with the books.",
        |p| Some(p.written_count.into()),
    )
    .of(Kind::Basic)
    .on("Import")
    .related::<countersign_entities::Import>(
        "import",
        "Import",
        "The import, once it is in the books.",
        |p| p.import.map(ImportId::uuid),
    );
    parts.object(progress);
}

/// Where the events of a subscription come from. What was taken is taken again until it is sent.
#[derive(Debug)]
pub(super) enum Feed {
    Audit {
        filter: AuditFilter,
        /// The last row that was told of, or looked at and left out.
        after: i64,
        /// The rows that were taken, and are not told of yet.
        taken: VecDeque<i64>,
        /// Whether there are more rows than were looked at.
        more: bool,
        watch: AuditWatch,
    },
    Imports {
        /// What is not told yet.
        told: VecDeque<Arc<ImportProgress>>,
        watch: ImportWatch,
    },
}

impl Feed {
    /// Of a field of `Subscription`.
    pub(super) async fn open(
        field: &str,
        arguments: &Input,
        operation: &Operation,
    ) -> Result<Self, GraphqlError> {
        let (services, tenant) = (&operation.services, operation.tenant());
        match field {
            AUDIT_ENTRY_ADDED => {
                let filter = audit_entries::read_filter(arguments)?;
                let scope = operation.scope::<resource::AuditEntry>()?;
                // Before the end is looked up: what comes in between is told of.
                let watch = services.database.watch_audit(tenant);
                let given = inputs::int(arguments, "afterSeq");
                let after = match given {
                    Some(seq) => seq.max(0),
                    None => operation.reader().await?.audit_end(&scope).await?,
                };
                Ok(Self::Audit {
                    filter,
                    after,
                    taken: VecDeque::new(),
                    more: given.is_some(),
                    watch,
                })
            }
            IMPORT_PROGRESSED => Ok(Self::Imports {
                told: VecDeque::new(),
                watch: services.imports.watch(tenant),
            }),
            _ => Err(GraphqlError::Internal),
        }
    }

    /// Returns when there may be something to tell, or after `patience`.
    pub(super) async fn wait(&mut self, patience: Duration) {
        match self {
            Self::Audit {
                taken, more, watch, ..
            } => {
                // Said anew by who looks: whoever can not look waits.
                let is_left = !std::mem::take(taken).is_empty();
                if std::mem::take(more) || is_left {
                    return;
                }
                if tokio::time::timeout(patience, watch.grew()).await.is_ok() {
                    tokio::time::sleep(GATHER).await;
                }
            }
            Self::Imports { told, watch } => {
                if !told.is_empty() {
                    return;
                }
                if let Ok(first) = tokio::time::timeout(patience, watch.next()).await {
                    told.push_back(first);
                }
                while let Some(next) = watch.next().now_or_never() {
                    told.push_back(next);
                }
            }
        }
    }

    /// What has happened since the last that was sent, as far as the caller may know of it.
    pub(super) async fn take(
        &mut self,
        operation: &Operation,
    ) -> Result<Vec<Output>, GraphqlError> {
        match self {
            Self::Audit {
                filter,
                after,
                taken,
                more,
                ..
            } => {
                let scope = operation.scope::<resource::AuditEntry>()?;
                let reader = operation.reader().await?;
                // Before the rows: up to there all of them are seen.
                let end = reader.audit_end(&scope).await?;
                if end <= *after {
                    return Ok(Vec::new());
                }
                let until = end.min(after.saturating_add(SPAN));
                let looked_at = AuditFilter {
                    to_seq: Some(filter.to_seq.map_or(until, |last| last.min(until))),
                    ..filter.clone()
                };
                // The list is newest first: what is before this position is what came after it.
                let newer = Page {
                    limit: ROWS_MAX,
                    direction: Direction::Backward,
                    position: Some(Position {
                        sort: SortKey::Number(*after),
                        id: Uuid::max(),
                    }),
                };
                let slice = reader.audit_entries(&scope, &looked_at, &newer).await?;
                *more = slice.has_more || until < end;
                *taken = slice.rows.iter().rev().map(|row| row.link.seq).collect();
                if taken.is_empty() {
                    *after = until;
                }
                let rows = slice.rows.into_iter().rev();
                Ok(rows.map(|row| Output::object(Arc::new(row))).collect())
            }
            Self::Imports { told, .. } => {
                // Whoever may see no import hears of none: that there is one is told as well.
                let Ok(scope) = operation.scope::<resource::Import>() else {
                    told.clear();
                    return Ok(Vec::new());
                };
                let tenant = operation.tenant();
                told.retain(|progress| progress.with_row(tenant, |row| scope.covers(row)));
                Ok(told.iter().cloned().map(Output::object).collect())
            }
        }
    }

    /// Notes that the next of what was taken is sent.
    pub(super) fn sent(&mut self) {
        match self {
            Self::Audit { after, taken, .. } => {
                if let Some(seq) = taken.pop_front() {
                    *after = seq;
                }
            }
            Self::Imports { told, .. } => drop(told.pop_front()),
        }
    }
}
