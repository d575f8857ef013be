//! Logout: by the person, and by the provider.

use actix_web::{HttpRequest, HttpResponse, cookie::SameSite, http::header::CACHE_CONTROL, web};
use countersign_domain::id::SessionId;
use countersign_entities::{CredentialKind, StoreError};
use serde::Deserialize;

use super::{
    RequestInfo,
    bff::{removed, see_other},
    body::InTime,
    credential::{SESSION_COOKIE, record_forgery, session},
    problem::Problem,
};
use crate::{code::Code, identity::IdentityError, server::State};

/// Which session is to end.
#[derive(Debug, Deserialize)]
pub struct LogoutQuery {
    sid: Option<String>,
}

/// Ends the session. It wants the session's id, which only a page that has read `/bff/user` knows,
/// so that no other site can sign people out.
pub async fn logout(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
    query: web::Query<LogoutQuery>,
) -> Result<HttpResponse, Problem> {
    state.open()?;
    let facts = info.facts(&state);
    let signed_in = match session(&request) {
        Some(secret) => {
            let id = state.database.entry().session_id(&secret, facts.at).await?;
            id.map(|id| (secret, id))
        }
        None => None,
    };
    let Some((secret, id)) = signed_in else {
        return Ok(signed_out_at("/"));
    };
    let named = query
        .sid
        .as_deref()
        .and_then(|sid| sid.parse::<SessionId>().ok());
    if named != Some(id) {
        let detail = "sign out from the product's own page";
        return Err(Problem::new(Code::SessionMismatch, detail));
    }
    let identity = state.identity.clone();
    let ended = to_its_end(async move { identity.logout(&secret, &facts).await });
    Ok(signed_out_at(ended.await?.as_str()))
}

/// Where a browser goes on without a session.
fn signed_out_at(location: &str) -> HttpResponse {
    see_other(location)
        .cookie(removed(SESSION_COOKIE, SameSite::Strict))
        .finish()
}

/// In a task: a caller who leaves meanwhile does not leave a session alive whose end is recorded.
async fn to_its_end<T: Send + 'static>(
    ending: impl Future<Output = Result<T, IdentityError>> + Send + 'static,
) -> Result<T, IdentityError> {
    let ended = tokio::spawn(ending).await;
    ended.unwrap_or_else(|_| Err(StoreError::inconsistent("a task was cut off").into()))
}

/// Whom the provider signed out.
#[derive(Debug, Deserialize)]
pub struct BackchannelForm {
    logout_token: String,
}

/// `OpenID` Connect Back-Channel Logout 1.0: the provider says that somebody signed out there.
pub async fn backchannel(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
    form: InTime<web::Form<BackchannelForm>>,
) -> Result<HttpResponse, Problem> {
    state.open()?;
    let facts = info.facts(&state);
    let identity = state.identity.clone();
    let ended = to_its_end(async move { identity.backchannel(&form.0.logout_token, &facts).await });
    match ended.await {
        Ok(()) => Ok(HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish()),
        Err(IdentityError::Refused { cause, .. }) => {
            tracing::warn!(%cause, "a logout token was refused");
            let detail = "the logout token does not verify";
            let problem = Problem::new(Code::InvalidLogoutToken, detail);
            let kind = CredentialKind::LogoutToken;
            Err(record_forgery(&request, kind, &facts, &state, problem).await)
        }
        Err(other) => Err(other.into()),
    }
}
