//! From a request to the credential that storage is entered with.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use countersign_domain::token::PlainToken;
use countersign_entities::{Credential, SessionSecret};

use super::{problem::Problem, same_origin};
use crate::{identity::IdentityError, server::State};

/// The session cookie. The prefix makes browsers refuse it without `Secure`, or for other hosts.
pub const SESSION_COOKIE: &str = "__Host-countersign";

/// Reads the one credential of a request: a bearer token, or the session cookie of a request that
/// this product's own pages have sent.
pub async fn credential(request: &HttpRequest, state: &State) -> Result<Credential, Problem> {
    state.open()?;
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or_else(|| {
            Problem::unauthenticated("send the token as `Authorization: Bearer …`")
        })?;
        return machine(token, state).await;
    }
    let Some(secret) = session(request) else {
        return Err(Problem::no_credential(
            "sign in, or use a token that is valid",
        ));
    };
    same_origin::check(request, &state.config.http.public_url)?;
    Ok(Credential::Session(secret))
}

/// The session that a request's cookie names, good or not.
pub fn session(request: &HttpRequest) -> Option<SessionSecret> {
    let cookie = request.cookie(SESSION_COOKIE)?;
    SessionSecret::parse(cookie.value())
}

async fn machine(token: &str, state: &State) -> Result<Credential, Problem> {
    let refused = |kind: &'static str| {
        // Nobody's chain: strangers must not be able to write into a tenant's log.
        tracing::warn!(kind, "a forged or foreign token was refused");
        Problem::unauthenticated("the token is not one of ours, or is damaged")
    };
    if token.starts_with(countersign_domain::token::PREFIX) {
        let plain = PlainToken::parse(token).map_err(|_| refused("api token"))?;
        return Ok(Credential::ApiToken(plain.hashed()));
    }
    let at = state.database.clock().now();
    state
        .identity
        .machine(token, at)
        .await
        .map_err(|error| match error {
            IdentityError::Refused { cause, .. } => {
                tracing::info!(%cause, "a machine's token does not verify");
                refused("jwt")
            }
            other => other.into(),
        })
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let good = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() < 8_192;
    good.then_some(token)
}
