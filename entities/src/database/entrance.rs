//! The ways in.

use std::{collections::BTreeSet, sync::Arc};

use countersign_domain::{
    audit::{self, Facts},
    id::{AnyId, TenantId},
};
use countersign_policies::Resolved;
use tokio::sync::OnceCell;
use tracing::Instrument;

use super::Database;
use crate::{
    audit::{Attribution, EventDraft, Unlinked},
    context::{Credential, CredentialKind, RequestContext, RequestFacts},
    enter::{self, Answer, Closed, Rejection},
    error::{EnterError, StoreError, Why},
    idempotency::Asking,
    line::{Done, Line, Lines},
    reading::{Shared, Source, Word},
    transaction::{ReadTransaction, WriteTransaction},
    writing::Writing,
};

impl Database {
    /// Lets a credential in, in one round trip: PostgreSQL says who acts where, sets the tenant for
    /// row-level security, and counts the named ids. Where one is not the tenant's (ISO-4), the context tells
    /// so and the way goes on as for what policy hides, so that the two take the same time.
    pub async fn enter(
        &self,
        credential: &Credential,
        request: &RequestFacts,
        named: &[AnyId],
    ) -> Result<(RequestContext, ReadTransaction), EnterError> {
        let lines = &self.0.lines;
        let (context, line) = self.open_line(lines, credential, request, named).await?;
        let tenant = context.tenant();
        Ok((context, self.reader(line, tenant)))
    }

    /// Enters with a credential that was let in a moment ago, without waiting: what PostgreSQL said
    /// then is presumed, and what it says now comes with the first rows and is heard before any of
    /// them is given out (law 1). Where it says otherwise, every fetch and
    /// [`ReadTransaction::confirm`] fail with [`StoreError::Rebutted`].
    ///
    /// `None` where there is nothing to presume, or no connection at hand: then [`Self::enter`].
    pub async fn presume(
        &self,
        credential: &Credential,
        request: &RequestFacts,
        named: &[AnyId],
    ) -> Option<(RequestContext, ReadTransaction)> {
        let (context, _) = self.last(credential, request)?;
        let named: BTreeSet<AnyId> = named.iter().copied().collect();
        let entering = enter::call(credential, request.at, &named).statement();
        let holds = self.holds(&context, named.len());
        let tenant = context.tenant();
        let Some(lane) = self.0.lanes.get().await else {
            let line = Line::presume(&self.0.lines, entering, holds).await.ok()?;
            return Some((context, self.reader(line, tenant)));
        };
        let shared = Source::Shared(Box::new(Shared {
            database: self.clone(),
            lane,
            entering,
            holds: Arc::new(holds),
            word: Word::default(),
            own: OnceCell::new(),
        }));
        Some((context, ReadTransaction::new(self, shared, tenant)))
    }

    fn reader(&self, line: Line, tenant: TenantId) -> ReadTransaction {
        ReadTransaction::new(self, Source::Own(Arc::new(line)), tenant)
    }

    /// Enters again with the credential of the context, to read.
    pub async fn read(&self, context: &RequestContext) -> Result<ReadTransaction, EnterError> {
        let line = self.same_line(&self.0.lines, context).await?;
        Ok(self.reader(line, context.tenant()))
    }

    /// As [`Self::enter`], to write: where the request has a key, it is claimed, which
    /// [`WriteTransaction::claimed`] tells of.
    pub async fn enter_to_write(
        &self,
        credential: &Credential,
        request: &RequestFacts,
        named: &[AnyId],
        asking: Asking,
    ) -> Result<(RequestContext, WriteTransaction), EnterError> {
        let (lines, keys) = (&self.0.writing, &self.0.keys);
        loop {
            let (context, line) = self.open_line(lines, credential, request, named).await?;
            let tenant = context.tenant();
            let Some(key) = keys.opened(tenant) else {
                // Whose keys they are is known only now, and their keeper may be slow: everybody needs the line.
                line.leave();
                keys.audit(tenant).await?;
                continue;
            };
            let writing = Writing::claiming(self, context.clone(), key, line, asking);
            return Ok((context, WriteTransaction::new(self, writing)));
        }
    }

    /// As [`Self::presume`], to write: PostgreSQL is asked when the transaction is first asked for
    /// something, and heard by [`WriteTransaction::claimed`] and before anything is written. `None` as well
    /// where the tenant's key is not open yet.
    pub fn presume_to_write(
        &self,
        credential: &Credential,
        request: &RequestFacts,
        named: &[AnyId],
        asking: Asking,
    ) -> Option<(RequestContext, WriteTransaction)> {
        let (context, presumed) = self.last(credential, request)?;
        let key = self.0.keys.opened(context.tenant())?;
        let named = named.iter().copied().collect();
        let writing = Writing::presuming(self, context.clone(), key, presumed, named, asking);
        Some((context, WriteTransaction::new(self, writing)))
    }

    /// Enters again with the credential of the context, to write. The request's key is claimed where it is
    /// said what is asked for.
    pub async fn write(
        &self,
        context: &RequestContext,
        asking: Option<Asking>,
    ) -> Result<WriteTransaction, EnterError> {
        let key = self.0.keys.audit(context.tenant()).await?;
        let line = self.same_line(&self.0.writing, context).await?;
        let context = context.clone();
        let writing = match asking {
            Some(asking) => Writing::claiming(self, context, key, line, asking),
            None => Writing::entered(self, context, key, line),
        };
        Ok(WriteTransaction::new(self, writing))
    }

    /// Whether the credential was let in of late. It may not be any more.
    pub fn was_let_in(&self, credential: &Credential) -> bool {
        self.0.let_in.knows(credential)
    }

    /// The context of a credential that was let in a moment ago, and what PostgreSQL said then.
    fn last(
        &self,
        credential: &Credential,
        request: &RequestFacts,
    ) -> Option<(RequestContext, Arc<Answer>)> {
        let inner = &self.0;
        let may_presume = inner.prepared && !credential.is_over(request.at);
        let (actor, answer) = may_presume.then(|| inner.let_in.last(credential))??;
        let context = RequestContext::new(actor, credential.clone(), *request);
        Some((context, answer))
    }

    /// Whether what PostgreSQL says is what was presumed. What does not hold is forgotten.
    pub(crate) fn holds(
        &self,
        presumed: &RequestContext,
        named: usize,
    ) -> impl Fn(&Done) -> bool + Send + Sync + 'static {
        let (presumed, let_in) = (presumed.clone(), self.0.let_in.clone());
        move |done: &Done| {
            let (credential, facts) = (presumed.credential(), presumed.facts());
            let rows: Result<Vec<Answer>, _> = done.rows();
            let answer = rows.ok().and_then(|rows| rows.into_iter().next());
            let holds = answer.is_some_and(|answer| {
                let entered = answer.into_context(credential, facts, named);
                entered.is_ok_and(|entered| {
                    if let Some(strange) = entered.strange() {
                        presumed.note_strange(strange);
                    }
                    entered.actor() == presumed.actor()
                })
            });
            if !holds {
                let_in.forget(credential);
            }
            holds
        }
    }

    async fn open_line(
        &self,
        lines: &Lines,
        credential: &Credential,
        facts: &RequestFacts,
        named: &[AnyId],
    ) -> Result<(RequestContext, Line), EnterError> {
        let named: BTreeSet<AnyId> = named.iter().copied().collect();
        let statement = enter::call(credential, facts.at, &named).statement();
        let inner = &self.0;
        let span = tracing::debug_span!(
            "database",
            otel.kind = "client",
            db.operation.name = "enter"
        );
        let opened = Line::open(lines, inner.prepared, &inner.begin_line, &statement)
            .instrument(span)
            .await;
        let (line, answer): (_, Answer) = opened?;
        match answer.clone().into_context(credential, facts, named.len()) {
            Ok(context) => {
                inner.let_in.remember(&context, answer);
                Ok((context, line))
            }
            Err(closed) => {
                drop(line);
                Err(self.closed(credential, facts, closed).await)
            }
        }
    }

    /// Enters again with the credential of the context, which may have ended since the request came.
    async fn same_line(&self, lines: &Lines, context: &RequestContext) -> Result<Line, EnterError> {
        let facts = RequestFacts {
            at: self.0.clock.now(),
            ..*context.facts()
        };
        let credential = context.credential();
        let (now, line) = self.open_line(lines, credential, &facts, &[]).await?;
        self.check_same(context, &now).await?;
        Ok(line)
    }

    /// Enters once more for nothing but the time at which the credential was last used, which was
    /// rolled back with what was not done. Where that fails, the time is an older one.
    pub async fn note_use(&self, context: &RequestContext) {
        let inner = &self.0;
        let (credential, facts) = (context.credential(), context.facts());
        let statement = enter::call(credential, facts.at, &BTreeSet::new()).statement();
        let opened = Line::open(&inner.lines, inner.prepared, &inner.begin_line, &statement).await;
        let noted = match opened {
            Ok((line, Answer { .. })) => line.commit().await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "that a credential was used is not noted"
            );
        }
    }

    /// What was decided for the context holds only while PostgreSQL says the same of who acts: a
    /// role or tenant that changed in between ends the request.
    async fn check_same(
        &self,
        context: &RequestContext,
        now: &RequestContext,
    ) -> Result<(), EnterError> {
        if now.actor() == context.actor() {
            return Ok(());
        }
        let rejection = Rejection {
            why: Why::Changed,
            holder: Some((context.tenant(), Attribution::actor(context.actor()))),
        };
        let (credential, facts) = (context.credential(), context.facts());
        let closed = Closed::Rejected(rejection);
        Err(self.closed(credential, facts, closed).await)
    }

    async fn closed(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        closed: Closed,
    ) -> EnterError {
        match closed {
            Closed::Error(error) => *error,
            Closed::Rejected(rejection) => {
                let why = rejection.why;
                match self.reject(credential.kind(), facts, rejection).await {
                    Ok(()) => EnterError::Unauthenticated(why),
                    Err(error) => error.into(),
                }
            }
        }
    }

    /// Records that a credential opened nothing: in the log of the tenant that it was for, or in
    /// the operator's own where it is nobody's.
    pub(super) async fn reject(
        &self,
        kind: CredentialKind,
        facts: &RequestFacts,
        rejection: Rejection,
    ) -> Result<(), StoreError> {
        let (tenant, by) = rejection
            .holder
            .unwrap_or_else(|| (TenantId::OPERATOR, Attribution::stranger()));
        let draft = EventDraft {
            action: "credential.refused",
            permission: Resolved::beside_policies("entrance"),
            outcome: audit::Outcome::Refused,
            targets: Vec::new(),
            payload: Facts::new()
                .word("credential", kind.name())
                .word("why", rejection.why.name())
                .into(),
        };
        let row = Unlinked::new(tenant, self.0.ids.uuid(), by, facts, draft);
        self.0.recorder.record(row).await
    }
}
