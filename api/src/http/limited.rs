//! Rate limits at the edge, and what answers say of them.

use std::time::Duration;

use actix_web::{
    Error, HttpMessage, HttpRequest, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use countersign_domain::token::HashedToken;
use countersign_entities::{Credential, RequestContext, RequestFacts, Why};
use moka::sync::Cache;

use super::{RequestInfo, problem::Problem};
use crate::{
    rate_limit::{Policy, Standing, WINDOW_SECONDS},
    server::State,
};

/// draft-ietf-httpapi-ratelimit-headers, section 3.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The same, section 4.
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
/// How many tokens are remembered as refused.
const REMEMBERED: u64 = 10_000;
/// How long one is. Then the database is asked again.
const REFUSED_FOR: Duration = Duration::from_mins(5);

/// Takes one from the quota of the caller's address.
pub async fn by_address(
    request: &HttpRequest,
    state: &State,
    info: &RequestInfo,
    policy: Policy,
) -> Result<(), Problem> {
    let standing = state.rate_limits.by_address(policy, info.source).await;
    tell(request, standing);
    match standing.retry_after {
        None => Ok(()),
        Some(_) => Err(limited(request, state, standing)),
    }
}

/// Lets a request through to a public address that its own address has a quota for.
pub async fn public(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    before(Policy::Public, request, next).await
}

/// The same for the quota of that policy.
pub async fn before<B: MessageBody + 'static>(
    policy: Policy,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let state = request.extract::<web::Data<State>>().await?;
    let info = request.extract::<web::ReqData<RequestInfo>>().await?;
    let taken = by_address(request.request(), &state, &info, policy).await;
    if let Err(problem) = taken {
        // An answer and no error: errors pass by the middleware that writes the headers.
        let answer = request.into_response(problem.error_response());
        return Ok(answer.map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// Takes one from the quota of exports of whoever was let in.
pub async fn export(
    request: &HttpRequest,
    state: &State,
    context: &RequestContext,
) -> Result<(), Problem> {
    let standing = state.rate_limits.export(context).await;
    tell(request, standing);
    match standing.retry_after {
        None => Ok(()),
        Some(_) => Err(limited(request, state, standing)),
    }
}

/// Notes where the caller stands, for the answer's headers.
pub fn tell(request: &HttpRequest, standing: Standing) {
    request.extensions_mut().insert(standing);
}

/// Writes where the caller stands.
pub fn write(headers: &mut HeaderMap, standing: &Standing) {
    let (name, quota, remaining) = (standing.policy.name(), standing.quota, standing.remaining);
    let policy = format!("\"{name}\";q={quota};w={WINDOW_SECONDS}");
    let reset = standing.retry_after.map(|seconds| format!(";t={seconds}"));
    let standing = format!("\"{name}\";r={remaining}{}", reset.unwrap_or_default());
    for (header, value) in [(POLICY, policy), (STANDING, standing)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(header, value);
        }
    }
}

/// What is known of tokens that were used lately. It decides nothing but who has to wait.
#[derive(Debug)]
pub struct SeenTokens {
    /// What was revoked or never made never becomes good. What has expired may be good by another clock.
    refused: Cache<HashedToken, ()>,
    /// Was let in, and does not wait for what others at its address do.
    admitted: Cache<HashedToken, ()>,
}

impl Default for SeenTokens {
    fn default() -> Self {
        Self {
            refused: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REFUSED_FOR)
                .build(),
            admitted: Cache::new(REMEMBERED),
        }
    }
}

impl SeenTokens {
    /// Notes that a token was let in.
    pub fn admit(&self, credential: &Credential) {
        if let Credential::ApiToken(token) = credential
            && self.admitted.get(token).is_none()
        {
            self.admitted.insert(*token, ());
        }
    }
}

/// Refuses a token without the database, and without another row in the audit log: one that was
/// refused before, and any that is new from an address that has had its share of refusals.
pub async fn check_token(
    request: &HttpRequest,
    state: &State,
    facts: &RequestFacts,
    token: &HashedToken,
) -> Result<(), Problem> {
    if state.seen_tokens.refused.contains_key(token) {
        let problem = Problem::unauthenticated("the token is revoked, expired, or not one of ours");
        return Err(count_refusal(request, state, facts, problem).await);
    }
    let waits = state.rate_limits.waits(Policy::Refused, facts.source);
    match waits.filter(|_| !state.seen_tokens.admitted.contains_key(token)) {
        None => Ok(()),
        Some(standing) => Err(limited(request, state, standing)),
    }
}

/// Notes a credential that the database refused, for that reason, and counts it.
pub async fn refused(
    request: &HttpRequest,
    state: &State,
    facts: &RequestFacts,
    (credential, why): (&Credential, Why),
    problem: Problem,
) -> Problem {
    if let Credential::ApiToken(token) = credential {
        state.seen_tokens.admitted.invalidate(token);
        if matches!(why, Why::Unknown | Why::Ended) {
            state.seen_tokens.refused.insert(*token, ());
        }
    }
    count_refusal(request, state, facts, problem).await
}

/// Counts a refused credential against its address. Where the address has had its share, the answer
/// is that it must wait.
pub async fn count_refusal(
    request: &HttpRequest,
    state: &State,
    facts: &RequestFacts,
    problem: Problem,
) -> Problem {
    let standing = state
        .rate_limits
        .by_address(Policy::Refused, facts.source)
        .await;
    if standing.retry_after.is_some() {
        limited(request, state, standing)
    } else {
        problem
    }
}

/// The answer to one who must wait.
fn limited(request: &HttpRequest, state: &State, standing: Standing) -> Problem {
    state.metrics.limited(standing.policy.name());
    tell(request, standing);
    Problem::limited(standing.retry_after.unwrap_or(1))
}
