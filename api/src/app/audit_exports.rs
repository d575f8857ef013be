//! Exports of the audit log: `audit.exported`, and `audit.export_ended` of those that people make.
//!
//! Whoever takes rows out is let in and decided about anew before every thousand of them, every few seconds of
//! a slow reader, and before the manifest: a session that ends, or a role that is taken away, breaks the
//! export off. Rows are read as they are sent, and no connection is held while whoever asked reads them. The
//! manifest, which is signed, comes last, and only once it is recorded that all rows were given: what was
//! broken off has none.

mod delivery;
mod ending;
mod places;

use std::{fmt, sync::Arc};

use countersign_domain::{
    audit::{
        Asked, Facts, Outcome,
        exported::{LineError, Writer, manifest_line},
        is_kind,
        manifest::ExportFormat,
        note::VerifierKey,
    },
    id::{AnyId, TenantId},
};
use countersign_entities::{
    AuditEntry, AuditFilter, Credential, Database, EnterError, EventDraft, NoteSigner, Page,
    ReadTransaction, RequestContext, RequestFacts, StoreError,
};
use countersign_policies::{
    ActionId, Decision, Decisions, Engine, ReadScope, Refusal, Resolved, resource, row::TenantOnly,
};
use thiserror::Error;

use self::ending::Ending;
pub use self::{
    delivery::Delivery,
    places::{ExportPlaces, Full},
};

/// The action that policies decide about.
const EXPORT: &str = "Capability.exportAudit";
/// The audit event of an export that begins, or is refused.
const EXPORTED: &str = "audit.exported";
/// What whoever takes whole rows out must see of them.
const ROWS: &str = "Query.auditEntries";
const FIELDS: &str = "AuditEntry.";

/// Whether the filter is of words that the log may repeat: an export is recorded with it.
pub fn check(filter: &AuditFilter) -> Result<(), &'static str> {
    if filter.action.as_deref().is_some_and(|kind| !is_kind(kind)) {
        return Err("`action` is two words, such as `statement.imported`");
    }
    let is_id = |id: &str| AnyId::parse(id).is_some();
    if filter.actor.as_deref().is_some_and(|actor| !is_id(actor)) {
        return Err("`actorId` is an id, such as `usr_` and 32 digits");
    }
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && to <= from
    {
        return Err("`to` is after `from`");
    }
    let first = filter.from_seq.unwrap_or(1);
    if first < 1 || filter.to_seq.is_some_and(|last| last < first) {
        return Err("rows are counted from 1, and `toSeq` is not before `fromSeq`");
    }
    Ok(())
}

/// What the log says of an export: which rows were asked for.
pub fn recorded(filter: &AuditFilter, format: ExportFormat) -> Facts {
    let actor = filter.actor.as_deref().and_then(AnyId::parse);
    let facts = Facts::new()
        .word("format", format.name())
        .at("from", filter.from)
        .at("to", filter.to)
        .kind("action", filter.action.as_deref())
        .id("actor", actor);
    let row = |seq: Option<i64>| seq.and_then(|seq| u64::try_from(seq).ok());
    let facts = match filter.outcome {
        Some(outcome) => facts.word("outcome", outcome.name()),
        None => facts,
    };
    let facts = match row(filter.from_seq) {
        Some(seq) => facts.count("fromSeq", seq),
        None => facts,
    };
    match row(filter.to_seq) {
        Some(seq) => facts.count("toSeq", seq),
        None => facts,
    }
}

/// Which rows are wanted, and how they are written.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which rows. [`check`] has found nothing against it.
    pub filter: AuditFilter,
    /// How they are written.
    pub format: ExportFormat,
}

/// Why nothing is exported, or nothing more.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A policy refuses.
    #[error("refused by policy")]
    Refused(Refusal),
    /// A second factor is all that is missing.
    #[error("a second factor is missing")]
    SecondFactor,
    /// A field, or some rows, are hidden from whoever asks: an export has whole rows, or is none.
    #[error("`{0}` is not for whoever asks on every row")]
    Hidden(String),
    /// As many exports are under way as may be.
    #[error(transparent)]
    Busy(#[from] Full),
    /// Whoever asked has stopped reading.
    #[error("the reader stopped reading")]
    Stalled,
    /// The session works in another tenant by now.
    #[error("the session is in another tenant")]
    Moved,
    /// Whoever asks is not let in, or not any more.
    #[error("the credential ended")]
    Entry(#[from] EnterError),
    /// Storage failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
    /// A row can not be written.
    #[error("a row can not be written")]
    Row(#[from] LineError),
}

impl ExportError {
    /// Why an export was broken off, in a word of the log.
    const fn why(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::SecondFactor | Self::Hidden(_) => "refused by policy",
            Self::Moved => "the session is in another tenant",
            Self::Stalled => "the reader stopped",
            Self::Busy(_)
            | Self::Entry(EnterError::Unavailable(_) | EnterError::Store(_))
            | Self::Store(_)
            | Self::Row(_) => "failed",
            Self::Entry(_) => "the credential ended",
        }
    }
}

/// What was decided about taking rows out.
struct Decided {
    /// Which actions.
    asked: Asked,
    permission: Resolved,
    verdict: Result<ReadScope<resource::AuditEntry>, ExportError>,
}

/// Who may take rows out sees every field of every row, and may take them out.
fn decide(engine: &Engine, context: &RequestContext) -> Result<Decided, ExportError> {
    let unnamed = || StoreError::inconsistent("exports have no action");
    let export = engine.action(EXPORT).ok_or_else(unnamed)?;
    let seen = |name: &str| name == ROWS || name.starts_with(FIELDS);
    let seen: Vec<(ActionId, &str)> = engine.actions().filter(|(_, name)| seen(name)).collect();
    let mut actions: Vec<ActionId> = seen.iter().map(|(action, _)| *action).collect();
    actions.push(export);
    let actor = context.actor();
    let decisions = engine.decide(actor, &actions);
    let asked = Asked::of(actions.iter().map(|action| action.number()));
    let permission = decisions.resolved([(EXPORT, export)]);
    if let Err(refusal) = on_books(&decisions, export, context.tenant()) {
        let wants_factor = engine.wants_second_factor(actor, export);
        let error = if wants_factor {
            ExportError::SecondFactor
        } else {
            ExportError::Refused(refusal)
        };
        return Ok(Decided {
            asked,
            permission,
            verdict: Err(error),
        });
    }
    let is_hidden =
        |(action, _): &&(ActionId, &str)| !matches!(decisions.get(*action), Decision::Allow(_));
    if let Some((action, name)) = seen.iter().find(is_hidden) {
        return Ok(Decided {
            asked,
            permission: decisions.resolved([(EXPORT, export), (name, *action)]),
            verdict: Err(ExportError::Hidden((*name).to_owned())),
        });
    }
    let scope = engine.read_scope::<resource::AuditEntry>(actor);
    Ok(Decided {
        asked,
        permission,
        verdict: scope.map_err(ExportError::Refused),
    })
}

fn on_books(decisions: &Decisions, action: ActionId, tenant: TenantId) -> Result<(), Refusal> {
    match decisions.get(action) {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(refusal) => Err(refusal.clone()),
        Decision::Row(rule) => rule.decide(&TenantOnly::books(tenant)),
    }
}

/// How far an export has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Rows,
    Manifest,
    Over,
}

/// An export under way.
pub struct Export {
    database: Database,
    credential: Credential,
    facts: RequestFacts,
    tenant: TenantId,
    wanted: Wanted,
    signer: NoteSigner,
    writer: Writer,
    /// The last row that was written.
    after: i64,
    /// The last that will be: the end of the chain when the export began.
    until: i64,
    stage: Stage,
    ending: Ending,
    /// Given back with the export.
    _place: crate::places::Place<TenantId>,
}

impl Export {
    /// Begins an export for who was let in to read. That it begins, or is refused, is durable in the log
    /// when this returns.
    pub async fn open(
        (database, places): (&Database, &ExportPlaces),
        engine: &Engine,
        credential: Credential,
        facts: RequestFacts,
        (context, reader): (RequestContext, ReadTransaction),
        wanted: Wanted,
    ) -> Result<Self, ExportError> {
        let Decided {
            asked,
            permission,
            verdict,
        } = decide(engine, &context)?;
        context.note_asked(&Arc::new(asked));
        let facts_of_rows = recorded(&wanted.filter, wanted.format);
        let draft = |outcome, facts: Facts| EventDraft {
            action: EXPORTED,
            permission: permission.clone(),
            outcome,
            targets: vec![context.tenant().into()],
            payload: facts.into(),
        };
        // Who may not take rows out is told that, and not how busy it is.
        let taken = verdict.and_then(|scope| Ok((scope, places.take(context.tenant())?)));
        let (scope, place) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                reader.leave();
                let facts = facts_of_rows.word("reason", reason(&error));
                database
                    .record(&context, draft(Outcome::Refused, facts))
                    .await?;
                return Err(error);
            }
        };
        let newest = Page::first(1);
        let newest = reader
            .audit_entries(&scope, &AuditFilter::default(), &newest)
            .await?;
        reader.leave();
        let until = newest.rows.first().map_or(0, |row| row.link.seq);
        let tenant = context.tenant();
        let signer = database.operator().note_signer(tenant).await?;
        database
            .record(&context, draft(Outcome::Done, facts_of_rows))
            .await?;
        Ok(Self {
            database: database.clone(),
            credential,
            facts,
            tenant,
            writer: Writer::new(tenant, wanted.format),
            wanted,
            signer,
            after: 0,
            until,
            stage: Stage::Head,
            ending: Ending::new(database.clone(), context, permission),
            _place: place,
        })
    }

    /// The key by which what is exported is verified.
    pub const fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    /// Whose log it is: the session may have gone to another tenant in another window.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// How it is written.
    pub const fn format(&self) -> ExportFormat {
        self.wanted.format
    }

    /// The next bytes, once whoever asked wants them; `None` after the last. Where it fails it is over.
    pub async fn next(&mut self, engine: &Engine) -> Result<Option<Vec<u8>>, ExportError> {
        let piece = self.piece(engine).await;
        self.ending.rows = self.writer.rows();
        self.ended_by(piece).await
    }

    /// Where it fails it is over, and that is recorded.
    async fn ended_by<T>(&mut self, done: Result<T, ExportError>) -> Result<T, ExportError> {
        if let Err(error) = &done {
            self.stage = Stage::Over;
            self.ending.broken_off(error.why()).await;
        }
        done
    }

    /// Ends it where whoever asked may not take rows out any more: what was written is not given on then.
    async fn confirm(&mut self, engine: &Engine) -> Result<(), ExportError> {
        let confirmed = self.may_go_on(engine).await;
        self.ended_by(confirmed).await
    }

    /// Ends it, since nobody reads on.
    async fn stall(&mut self) {
        self.stage = Stage::Over;
        self.ending.broken_off(ExportError::Stalled.why()).await;
    }

    async fn piece(&mut self, engine: &Engine) -> Result<Option<Vec<u8>>, ExportError> {
        if self.stage == Stage::Head {
            self.stage = Stage::Rows;
            let head = self.writer.head()?;
            if !head.is_empty() {
                return Ok(Some(head));
            }
        }
        if self.stage == Stage::Rows && self.after < self.until {
            let rows = self.rows(engine).await?;
            if let Some(last) = rows.last() {
                self.after = last.link.seq;
                let mut lines = Vec::new();
                for row in &rows {
                    lines.extend(self.writer.row(&row.event, &row.link)?);
                }
                return Ok(Some(lines));
            }
        }
        if self.stage == Stage::Over {
            return Ok(None);
        }
        self.stage = Stage::Manifest;
        self.may_go_on(engine).await?;
        self.manifest().await.map(Some)
    }

    /// The next rows, for who is let in and decided about anew.
    async fn rows(&self, engine: &Engine) -> Result<Vec<AuditEntry>, ExportError> {
        let (scope, reader) = self.let_in_again(engine).await?;
        let filter = &self.wanted.filter;
        let rows = reader.audit_chain(&scope, filter, self.after, self.until);
        let rows = rows.await?;
        reader.leave();
        Ok(rows)
    }

    /// Whether whoever asked may still take rows out.
    async fn may_go_on(&self, engine: &Engine) -> Result<(), ExportError> {
        let (_, reader) = self.let_in_again(engine).await?;
        reader.leave();
        Ok(())
    }

    async fn let_in_again(
        &self,
        engine: &Engine,
    ) -> Result<(ReadScope<resource::AuditEntry>, ReadTransaction), ExportError> {
        let facts = RequestFacts {
            at: self.database.clock().now(),
            ..self.facts
        };
        let entered = self.database.enter(&self.credential, &facts, &[]).await?;
        let (context, reader) = entered;
        if context.tenant() != self.tenant {
            return Err(ExportError::Moved);
        }
        Ok((decide(engine, &context)?.verdict?, reader))
    }

    async fn manifest(&mut self) -> Result<Vec<u8>, ExportError> {
        let (filter, format) = (self.wanted.filter.text(), self.wanted.format);
        let manifest = self.writer.manifest(filter);
        let line = manifest_line(format, &self.signer.sign(&manifest.text())?)?;
        self.ending.rows = manifest.rows;
        self.ending.completed().await?;
        self.stage = Stage::Over;
        Ok(line)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Export({} of {})", self.after, self.until)
    }
}

/// Why an export was refused, in a word of the log.
const fn reason(error: &ExportError) -> &'static str {
    match error {
        ExportError::SecondFactor => "second factor",
        ExportError::Hidden(_) => "hidden rows",
        ExportError::Busy(Full::Tenant(_)) => "exports of the tenant at once",
        ExportError::Busy(Full::Server) => "exports of the server at once",
        _ => "policy",
    }
}
