//! The backend-for-frontend: sign-in, who is signed in, the tenant in hand; and, in files of their own,
//! logout and the export of the audit log.
//!
//! The browser holds one cookie and no token. The endpoints have the names that the field knows.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    cookie::{Cookie, SameSite, time::Duration},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION},
    middleware::{Next, from_fn},
    web,
};
use countersign_domain::name::is_slug;
use countersign_entities::{SessionRecord, SessionSecret};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{
    RequestInfo, audit_exports,
    body::{InTime, Object},
    credential::{SESSION_COOKIE, own_page, refused, session},
    limited, other_methods,
    problem::Problem,
    sign_out,
};
use crate::{
    code::Code,
    identity::{Callback, IdentityError},
    rate_limit::Policy,
    server::State,
};

/// Binds a sign-in under way to the browser that began it.
const SIGN_IN_COOKIE: &str = "__Host-countersign-signin";
/// Days that browsers keep the session cookie. The session itself ends before, in the database.
const SESSION_COOKIE_DAYS: i64 = 365;
/// Minutes that a person has for signing in at the provider.
const SIGN_IN_MINUTES: i64 = 15;

/// What the sign-in page is told where this product can not sign anybody in.
const UNAVAILABLE: &str = "unavailable";

/// Adds the routes.
pub fn configure(config: &mut web::ServiceConfig) {
    // As resources, so that another method is told which one it is.
    let only = |allow, path, route| {
        let resource = web::resource(path).route(route);
        resource.default_service(other_methods(allow))
    };
    let scope = web::scope("/bff")
        .wrap(from_fn(limit))
        .service(only("GET", "/login", web::get().to(login)))
        .service(only("GET", "/callback", web::get().to(callback)))
        .service(only("GET", "/user", web::get().to(user)))
        .service(only("POST", "/tenant", web::post().to(tenant)))
        .service(only(
            "POST",
            "/audit/export",
            web::post().to(audit_exports::post),
        ))
        .service(only("GET", "/logout", web::get().to(sign_out::logout)))
        .service(only(
            "POST",
            "/backchannel",
            web::post().to(sign_out::backchannel),
        ));
    config.service(scope);
}

/// Sign-ins have a quota of their own, which is smaller.
async fn limit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // What the router goes by, and not the path as it came, which may be written in many ways.
    let policy = match request.match_info().unprocessed() {
        "/login" | "/callback" => Policy::SignIn,
        _ => Policy::Public,
    };
    limited::before(policy, request, next).await
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::ProviderAway { cause } => {
                tracing::warn!(%cause, "the OpenID provider is away");
                Self::unavailable(
                    "the sign-in provider does not answer: whoever is signed in can go on working, \
                     others try again in a moment",
                )
            }
            IdentityError::Refused { reason, cause, .. } => {
                tracing::warn!(%cause, "a sign-in was refused");
                Self::new(Code::SignInRefused, reason)
            }
            IdentityError::Store(error) => error.into(),
        }
    }
}

/// Why nobody is signed in: for programs, and for the sign-in page, which says it to a person.
struct NotSignedIn {
    problem: Problem,
    word: &'static str,
}

impl From<IdentityError> for NotSignedIn {
    fn from(error: IdentityError) -> Self {
        let word = match &error {
            IdentityError::ProviderAway { .. } => "provider_unavailable",
            IdentityError::Refused { refusal, .. } => refusal.word(),
            IdentityError::Store(_) => UNAVAILABLE,
        };
        let problem = error.into();
        Self { problem, word }
    }
}

/// What else stops a sign-in is a matter of ours, and neither the person's nor the provider's.
impl From<Problem> for NotSignedIn {
    fn from(problem: Problem) -> Self {
        let word = UNAVAILABLE;
        Self { problem, word }
    }
}

#[derive(Debug, Deserialize)]
struct LoginQuery {
    #[serde(rename = "returnUrl")]
    return_url: Option<String>,
}

async fn login(
    request: HttpRequest,
    state: web::Data<State>,
    query: web::Query<LoginQuery>,
) -> Result<HttpResponse, Problem> {
    let begun = begin(&state, query.return_url.as_deref().unwrap_or("/")).await;
    begun.or_else(|why| explained(&request, why))
}

async fn begin(state: &State, return_to: &str) -> Result<HttpResponse, NotSignedIn> {
    state.open()?;
    let at = state.database.clock().now();
    let begun = state.identity.begin(return_to, at).await?;
    // Lax, because the provider's answer comes by a navigation from its own site.
    let cookie = Cookie::build(SIGN_IN_COOKIE, begun.browser.expose_secret().to_owned())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::minutes(SIGN_IN_MINUTES))
        .finish();
    Ok(see_other(begun.authorize.as_str()).cookie(cookie).finish())
}

#[derive(Debug, Deserialize)]
struct CallbackQuery {
    code: Option<SecretString>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

async fn callback(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
    query: web::Query<CallbackQuery>,
) -> Result<HttpResponse, Problem> {
    let finished = finish(&request, &state, &info, query.into_inner()).await;
    finished.or_else(|why| explained(&request, why))
}

/// A person who came by a navigation is told by the app's own page; a program gets the problem.
fn explained(request: &HttpRequest, why: NotSignedIn) -> Result<HttpResponse, Problem> {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return Err(why.problem);
    }
    Ok(see_other(&format!("/sign-in?error={}", why.word))
        .cookie(removed(SIGN_IN_COOKIE, SameSite::Lax))
        .finish())
}

async fn finish(
    request: &HttpRequest,
    state: &State,
    info: &RequestInfo,
    query: CallbackQuery,
) -> Result<HttpResponse, NotSignedIn> {
    state.open()?;
    let answer = Callback {
        code: query.code,
        state: query.state,
        error: query.error,
        iss: query.iss,
    };
    let browser = request.cookie(SIGN_IN_COOKIE);
    let browser = browser.as_ref().map(Cookie::value);
    let facts = info.facts(state);
    let signed_in = state.identity.complete(answer, browser, &facts).await?;
    // A page of our own and not a redirect: the strict cookie that is set here would not be sent
    // with a navigation that a chain of redirects from the provider's site goes on to.
    let target = escape(&signed_in.return_to);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"refresh\" content=\"0;url={target}\"><title>Signed in</title></head>\
         <body><p>Signed in. <a href=\"{target}\">Continue</a></p></body></html>"
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(session_cookie(&signed_in.session))
        .cookie(removed(SIGN_IN_COOKIE, SameSite::Lax))
        .body(page))
}

async fn user(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
) -> Result<HttpResponse, Problem> {
    let (secret, record) = signed_in(&request, &state).await?;
    let facts = info.facts(&state);
    own_page(&request, &secret, &facts, &state).await?;
    state.identity.hold_to_provider(&secret, &facts);
    let active = record
        .tenants
        .iter()
        .find(|tenant| Some(tenant.id) == record.active_tenant);
    let tenants = record.tenants.iter().map(|tenant| {
        json!({
            "id": tenant.id,
            "slug": tenant.slug,
            "name": tenant.name,
            "role": tenant.role.name(),
        })
    });
    let body = json!({
        "user": { "id": record.user, "name": record.name, "email": record.email },
        "tenants": tenants.collect::<Vec<_>>(),
        "activeTenant": active.map(|tenant| &tenant.slug),
        "sessionExpiresAt": record.expires_at,
        "logoutUrl": format!("/bff/logout?sid={}", record.id),
    });
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(body))
}

#[derive(Debug, Deserialize)]
struct TenantBody {
    slug: String,
}

/// Chooses the tenant that the session works in. The database says whether the person belongs to
/// it; a tenant that they do not belong to is answered like one that does not exist.
async fn tenant(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
    body: InTime<web::Json<Object<TenantBody>>>,
) -> Result<HttpResponse, Problem> {
    state.open()?;
    let secret = session(&request).ok_or_else(signed_out)?;
    let facts = info.facts(&state);
    own_page(&request, &secret, &facts, &state).await?;
    let InTime(web::Json(Object(body))) = body;
    let entry = state.database.entry();
    // What can not be one is not looked for: the database takes a text with a zero in it for a fault of ours.
    if is_slug(&body.slug) && entry.switch_tenant(&secret, &body.slug, &facts).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    let problem = Problem::new(Code::NotFound, "you belong to no tenant of that name");
    Err(refused(&secret, &facts, &state, "membership", problem).await)
}

async fn signed_in(
    request: &HttpRequest,
    state: &State,
) -> Result<(SessionSecret, SessionRecord), Problem> {
    state.open()?;
    let secret = session(request).ok_or_else(signed_out)?;
    let at = state.database.clock().now();
    let record = state
        .database
        .entry()
        .session(&secret, at)
        .await?
        .ok_or_else(signed_out)?;
    Ok((secret, record))
}

fn signed_out() -> Problem {
    Problem::no_credential("nobody is signed in: sign in first")
}

pub(super) fn see_other(location: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"));
    response
}

fn session_cookie(secret: &SessionSecret) -> Cookie<'static> {
    Cookie::build(SESSION_COOKIE, secret.reveal())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(Duration::days(SESSION_COOKIE_DAYS))
        .finish()
}

pub(super) fn removed(name: &'static str, same_site: SameSite) -> Cookie<'static> {
    let mut cookie = Cookie::build(name, "")
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(same_site)
        .finish();
    cookie.make_removal();
    cookie
}

/// Text for an attribute's value.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
