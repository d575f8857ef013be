//! The ways in.

use std::{collections::BTreeSet, sync::Arc};

use countersign_domain::{
    audit,
    id::{AnyId, TenantId},
};
use serde_json::json;
use tracing::Instrument;

use super::Database;
use crate::{
    audit::{Attribution, EventDraft, Unlinked},
    context::{Credential, CredentialKind, RequestContext, RequestFacts},
    enter::{self, Answer, Closed, Rejection},
    error::{EnterError, StoreError, Why},
    line::Line,
    transaction::{ReadTransaction, WriteTransaction},
    wire::{Durability, End, Wire},
};

impl Database {
    /// Lets a credential in, in one round trip: PostgreSQL says who acts where, sets the tenant for
    /// row-level security, and counts the named ids, all of which must be the tenant's (ISO-4).
    pub async fn enter(
        &self,
        credential: &Credential,
        request: &RequestFacts,
        named: &[AnyId],
    ) -> Result<(RequestContext, ReadTransaction), EnterError> {
        let (context, line) = self.open_line(credential, request, named).await?;
        let tenant = context.tenant();
        Ok((context, ReadTransaction::new(line, tenant)))
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
        let inner = &self.0;
        let actor = inner.prepared.then(|| inner.let_in.last(credential))??;
        let tenant = actor.tenant;
        let context = RequestContext::new(actor, credential.clone(), *request);
        let named: BTreeSet<AnyId> = named.iter().copied().collect();
        let statement = enter::statement(credential, request.at, &named);
        let (presumed, let_in) = (context.clone(), inner.let_in.clone());
        let holds = move |answer: Answer| {
            let (credential, facts) = (presumed.credential(), presumed.facts());
            let entered = answer.into_context(credential, facts, named.len());
            let holds = entered.is_ok_and(|entered| entered.actor() == presumed.actor());
            if !holds {
                let_in.forget(credential);
            }
            holds
        };
        let line = Line::presume(&inner.lines, statement, holds).await.ok()?;
        Some((context, ReadTransaction::new(line, tenant)))
    }

    /// Enters again with the credential of the context, to read.
    pub async fn read(&self, context: &RequestContext) -> Result<ReadTransaction, EnterError> {
        let (credential, facts) = (context.credential(), context.facts());
        let (now, line) = self.open_line(credential, facts, &[]).await?;
        self.check_same(context, &now).await?;
        Ok(ReadTransaction::new(line, context.tenant()))
    }

    /// Enters again with the credential of the context, to write.
    pub async fn write(&self, context: &RequestContext) -> Result<WriteTransaction, EnterError> {
        Ok(WriteTransaction::new(
            self.open_again(context, Durability::AtOnce).await?,
            context.clone(),
            Arc::clone(&self.0.keys),
            Arc::clone(&self.0.ids),
            self.0.recorder.clone(),
        ))
    }

    async fn open_line(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        named: &[AnyId],
    ) -> Result<(RequestContext, Line), EnterError> {
        let named: BTreeSet<AnyId> = named.iter().copied().collect();
        let statement = enter::statement(credential, facts.at, &named);
        let inner = &self.0;
        let span = tracing::debug_span!(
            "database",
            otel.kind = "client",
            db.operation.name = "enter"
        );
        let opened = Line::open(&inner.lines, inner.prepared, &inner.begin_line, &statement)
            .instrument(span)
            .await;
        let (line, answer): (_, Answer) = opened?;
        match answer.into_context(credential, facts, named.len()) {
            Ok(context) => {
                inner.let_in.remember(&context);
                Ok((context, line))
            }
            Err(closed) => {
                drop(line);
                Err(self.closed(credential, facts, closed).await)
            }
        }
    }

    async fn open_wire(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        durability: Durability,
    ) -> Result<(RequestContext, Wire), EnterError> {
        let enter = enter::statement(credential, facts.at, &BTreeSet::new());
        let begin = format!("{}{}", self.0.begin, durability.sql());
        let (wire, row) = Wire::open(&self.0.books, self.0.prepared, &begin, &enter).await?;
        match Answer::of_wire(&row)?.into_context(credential, facts, 0) {
            Ok(context) => Ok((context, wire)),
            Err(closed) => {
                wire.end(End::Rollback).await?;
                Err(self.closed(credential, facts, closed).await)
            }
        }
    }

    /// Enters again to write.
    pub(crate) async fn open_again(
        &self,
        context: &RequestContext,
        durability: Durability,
    ) -> Result<Wire, EnterError> {
        let (credential, facts) = (context.credential(), context.facts());
        let (now, wire) = self.open_wire(credential, facts, durability).await?;
        self.check_same(context, &now).await?;
        Ok(wire)
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
            why: Why::NoMembership,
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
            action: "credential.refused".to_owned(),
            permission: "entrance".to_owned(),
            outcome: audit::Outcome::Refused,
            targets: Vec::new(),
            payload: json!({ "credential": kind.name(), "why": rejection.why.name() }),
        };
        let row = Unlinked::new(tenant, self.0.ids.uuid(), by, facts, draft);
        self.0.recorder.record(row).await
    }
}
