//! API tokens: `createApiToken`, `api_token.created`; `revokeApiToken`, `api_token.revoked`.

use std::{collections::BTreeSet, sync::Arc};

use chrono::Duration;
use countersign_domain::{
    access::Scope,
    audit::{Facts, Payload},
    id::{ApiTokenId, UserId},
    sealed::TextColumn,
    token::PlainToken,
};
use countersign_entities::{ApiToken, NewApiToken, Reader, RequestContext};
use countersign_policies::{Permit, resource};

use super::{
    AppError, Fault, FaultCode, Mutation, Services, Writer, attempt, constraint, grants, name,
};

/// The longest name of a token, in characters.
pub const NAME_MAX: usize = 60;
/// The longest life of a token, in days.
pub const DAYS_MAX: i64 = 365;

/// The input of [`create`], as the caller gave it.
#[derive(Debug, Clone)]
pub struct CreateApiToken {
    /// What it is for.
    pub name: String,
    /// Names of scopes.
    pub scopes: Vec<String>,
    /// Whether it may send published documents only.
    pub documents_only: bool,
    /// From 1 to [`DAYS_MAX`].
    pub expires_in_days: i64,
}

/// Makes a token, which may no more than its maker. The plain token is returned this once and is not kept.
pub async fn create(
    services: &Services,
    writer: &Writer,
    input: CreateApiToken,
) -> Result<(ApiToken, PlainToken), AppError> {
    let mutation = Mutation::begin(services, writer, "createApiToken").await?;
    let permit = attempt!(mutation, vec![], mutation.permit_books());
    let (name, scopes, life) = attempt!(mutation, vec![], parse(&input));
    let within = grants::check_scopes(&services.engine, writer.context(), &scopes);
    attempt!(mutation, vec![], within);
    let database = &services.database;
    let id = ApiTokenId::new(database.ids().uuid());
    let (tenant, column) = (writer.context().tenant(), TextColumn::ApiTokenName);
    let name = database.seal_text(tenant, column, id.uuid(), &name).await;
    let name = attempt!(mutation, vec![], name);
    let plain = PlainToken::from_random(&database.ids().random32());
    let new = NewApiToken {
        id,
        name,
        scopes,
        documents_only: input.documents_only,
        hash: plain.hashed(),
        last_four: plain.last_four(),
        expires_at: writer.context().now() + life,
    };
    let made = mutation.transaction.new_api_token(&permit, &new);
    let (token, insertion) = attempt!(mutation, vec![], made);
    let event = (vec![token.id.into()], Payload::created(recorded(&token)));
    let changed = |error| {
        constraint(error, || {
            let message = "your own role was changed meanwhile: look again at what you may do";
            Fault::new(FaultCode::ExceedsGranter, "scopes", message)
        })
    };
    let inserted = mutation.insert_unless(permit, insertion, event, changed);
    inserted.await?;
    Ok((token, plain))
}

fn parse(input: &CreateApiToken) -> Result<(String, BTreeSet<Scope>, Duration), AppError> {
    let mut faults = Vec::new();
    let name = name(&input.name, NAME_MAX, "name").map_err(|fault| faults.push(fault));
    let scopes: Result<BTreeSet<Scope>, _> = input.scopes.iter().map(|s| s.parse()).collect();
    let scopes = match scopes {
        Ok(scopes) if scopes.is_empty() => Err("choose at least one scope".to_owned()),
        Ok(scopes) => Ok(scopes),
        Err(unknown) => Err(unknown.to_string()),
    };
    let scopes = scopes.map_err(|message| {
        faults.push(Fault::new(FaultCode::Invalid, "scopes", message));
    });
    let days = (1..=DAYS_MAX).contains(&input.expires_in_days);
    if !days {
        let message = format!("choose from 1 to {DAYS_MAX} days");
        faults.push(Fault::new(FaultCode::Invalid, "expiresInDays", message));
    }
    match (name, scopes) {
        (Ok(name), Ok(scopes)) if days => Ok((name, scopes, Duration::days(input.expires_in_days))),
        _ => Err(AppError::Faults(faults)),
    }
}

/// Revokes a token; its next use is refused.
pub async fn revoke(
    services: &Services,
    writer: &Writer,
    id: ApiTokenId,
) -> Result<ApiToken, AppError> {
    let mutation = Mutation::begin(services, writer, "revokeApiToken").await?;
    let targets = vec![id.into()];
    let permit = attempt!(mutation, targets, mutation.permit_plain(id.uuid()));
    let scope = services
        .engine
        .read_scope::<resource::ApiToken>(writer.context().actor());
    let scope = attempt!(mutation, targets, scope);
    let found = attempt!(
        mutation,
        targets,
        mutation.transaction.lock_api_token(&scope, id).await
    );
    let unknown = Fault::new(
        FaultCode::NotFound,
        "apiTokenId",
        "there is no token with that id",
    );
    let before = attempt!(mutation, targets, found.ok_or(unknown));
    if before.revoked_at.is_some() {
        let done = Fault::new(
            FaultCode::AlreadyDone,
            "apiTokenId",
            "that token is revoked already",
        );
        return Err(mutation.refuse(done.into(), targets).await);
    }
    let at = writer.context().now();
    attempt!(
        mutation,
        targets,
        mutation.transaction.revoke_api_token(&permit, id, at).await
    );
    let after = ApiToken {
        revoked_at: Some(at),
        ..before.clone()
    };
    let payload = Payload::changed(recorded(&before), recorded(&after));
    mutation.finish(permit, targets, payload).await?;
    Ok(after)
}

/// Revokes, in the mutation's own transaction and before it writes anything else, the good tokens of those
/// members that `ends` says. Their ids are for the mutation's event: it is the one row that tells of them.
pub(super) async fn revoke_of(
    mutation: &Mutation<'_>,
    permit: &Permit,
    makers: impl Iterator<Item = UserId>,
    mut ends: impl FnMut(&ApiToken) -> bool,
) -> Result<Vec<ApiTokenId>, AppError> {
    let transaction = &mutation.transaction;
    let tokens = transaction.lock_good_api_tokens_of(permit, makers).await?;
    let ended = tokens.iter().filter(|token| ends(token));
    let ended: Vec<_> = ended.map(|token| token.id).collect();
    if !ended.is_empty() {
        transaction.revoke_api_tokens(permit, &ended).await?;
    }
    Ok(ended)
}

/// The good tokens of those members that `ends` says; nothing where whoever asks sees no tokens.
pub(super) async fn seen_of(
    services: &Services,
    context: &RequestContext,
    reader: &Reader,
    makers: impl Iterator<Item = UserId>,
    mut ends: impl FnMut(&ApiToken) -> bool,
) -> Result<Vec<Arc<ApiToken>>, AppError> {
    let scope = services
        .engine
        .read_scope::<resource::ApiToken>(context.actor());
    let Ok(scope) = scope else {
        return Ok(Vec::new());
    };
    let good = reader.good_api_tokens_of(&scope, makers, context.now());
    let mut tokens = good.await?;
    tokens.retain(|token| ends(token));
    Ok(tokens.into_iter().map(Arc::new).collect())
}

/// What the audit log keeps of a token: neither its name nor a digit of it.
fn recorded(token: &ApiToken) -> Facts {
    Facts::new()
        .words("scopes", token.scopes.iter().map(|scope| scope.name()))
        .flag("documentsOnly", token.documents_only)
        .at("expiresAt", Some(token.expires_at))
        .at("revokedAt", token.revoked_at)
}
