//! From a request to the credential that storage is entered with.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use countersign_domain::token::PlainToken;
use countersign_entities::{Credential, CredentialKind, EnterError, RequestFacts, SessionSecret};

use super::{limited, problem::Problem, same_origin};
use crate::{app::refusals, identity::IdentityError, server::State};

/// The session cookie. The prefix makes browsers refuse it without `Secure`, or for other hosts.
pub const SESSION_COOKIE: &str = "__Host-countersign";

/// Reads the one credential of a request: a bearer token, or the session cookie of a request that
/// this product's own pages have sent.
///
/// A token that is damaged, forged or foreign is recorded before it is refused. Whoever was not let in of late
/// is let in first: a stranger does not make us read megabytes, nor any document. A session that is used is held to
/// the provider.
pub async fn credential(
    request: &HttpRequest,
    facts: &RequestFacts,
    state: &State,
) -> Result<Credential, Problem> {
    state.open()?;
    let credential = presented(request, facts, state).await?;
    if !state.database.was_let_in(&credential) {
        match state.database.enter(&credential, facts, &[]).await {
            Ok((_, reader)) => reader.leave(),
            Err(error) => {
                return Err(not_entered(request, facts, state, &credential, error).await);
            }
        }
    }
    if let Credential::Session(secret) = &credential {
        state.identity.hold_to_provider(secret, facts);
    }
    Ok(credential)
}

/// What a caller is told whom PostgreSQL does not let in. Where that is for the credential, it is counted.
pub async fn not_entered(
    request: &HttpRequest,
    facts: &RequestFacts,
    state: &State,
    credential: &Credential,
    error: EnterError,
) -> Problem {
    let why = match &error {
        EnterError::Unauthenticated(why) => Some(*why),
        _ => None,
    };
    let problem = Problem::from(error);
    match why {
        Some(why) => limited::refused(request, state, facts, (credential, why), problem).await,
        None => problem,
    }
}

async fn presented(
    request: &HttpRequest,
    facts: &RequestFacts,
    state: &State,
) -> Result<Credential, Problem> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    if let Some(value) = values.next() {
        let token = value.to_str().ok().and_then(bearer);
        // Of several, whoever stands between may have gone by another one.
        let only = token.filter(|_| values.next().is_none());
        let Some(token) = only else {
            let detail = "send one token, as `Authorization: Bearer …`";
            let problem = Problem::unauthenticated(detail);
            return Err(limited::count_refusal(request, state, facts, problem).await);
        };
        return machine(request, token, facts, state).await;
    }
    let Some(secret) = session(request) else {
        let problem = Problem::no_credential("sign in, or use a token that is valid");
        return Err(limited::count_refusal(request, state, facts, problem).await);
    };
    own_page(request, &secret, facts, state).await?;
    Ok(Credential::Session(secret))
}

/// Refuses a request with that session that another site may have sent.
pub async fn own_page(
    request: &HttpRequest,
    secret: &SessionSecret,
    facts: &RequestFacts,
    state: &State,
) -> Result<(), Problem> {
    let Err(problem) = same_origin::check(request, &state.config.http.public_url) else {
        return Ok(());
    };
    Err(refused(secret, facts, state, "same origin", problem).await)
}

/// What a session is told whose request is refused before anybody is let in by it: it is recorded in the tenant
/// that the session is in, within its principal's quota, so that no page of another site fills the log.
pub async fn refused(
    secret: &SessionSecret,
    facts: &RequestFacts,
    state: &State,
    rule: &'static str,
    problem: Problem,
) -> Problem {
    let credential = Credential::Session(secret.clone());
    let Ok((context, reader)) = state.database.enter(&credential, facts, &[]).await else {
        // A session that opens nothing has no tenant whose log it would be in.
        return problem;
    };
    reader.leave();
    let standing = state.rate_limits.by_principal(&context, 1).await;
    if standing.retry_after.is_some() {
        return problem;
    }
    let draft = refusals::of_request(rule, problem.code());
    match state.database.record(&context, draft).await {
        Ok(()) => problem,
        Err(error) => error.into(),
    }
}

/// The session that a request's cookie names, good or not.
pub fn session(request: &HttpRequest) -> Option<SessionSecret> {
    let cookie = request.cookie(SESSION_COOKIE)?;
    SessionSecret::parse(cookie.value())
}

async fn machine(
    request: &HttpRequest,
    token: &str,
    facts: &RequestFacts,
    state: &State,
) -> Result<Credential, Problem> {
    if token.starts_with(countersign_domain::token::PREFIX) {
        let Ok(plain) = PlainToken::parse(token) else {
            return Err(forged(request, CredentialKind::ApiToken, facts, state).await);
        };
        let token = plain.hashed();
        limited::check_token(request, state, facts, &token).await?;
        return Ok(Credential::ApiToken(token));
    }
    match state.identity.machine(token, facts.at).await {
        Ok(credential) => Ok(credential),
        Err(IdentityError::Refused { cause, .. }) => {
            tracing::info!(%cause, "a machine's token does not verify");
            Err(forged(request, CredentialKind::ClientCredentials, facts, state).await)
        }
        Err(other) => Err(other.into()),
    }
}

async fn forged(
    request: &HttpRequest,
    kind: CredentialKind,
    facts: &RequestFacts,
    state: &State,
) -> Problem {
    let problem = Problem::unauthenticated("the token is not one of ours, or is damaged");
    record_forgery(request, kind, facts, state, problem).await
}

/// What a caller with a forged credential is told. It is counted first, so that nobody fills the log.
pub async fn record_forgery(
    request: &HttpRequest,
    kind: CredentialKind,
    facts: &RequestFacts,
    state: &State,
    problem: Problem,
) -> Problem {
    let code = problem.code();
    let problem = limited::count_refusal(request, state, facts, problem).await;
    if problem.code() != code {
        return problem;
    }
    match state.database.record_forgery(kind, facts).await {
        Ok(()) => problem,
        Err(error) => error.into(),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let good = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() < 8_192;
    good.then_some(token)
}
