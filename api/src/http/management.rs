//! The operator's port: `/livez`, `/readyz`, `/metrics`, `/policies/reload`. Never the public one.

use std::time::Duration;

use actix_web::{
    App, Error, HttpMessage, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    http::header::CONTENT_TYPE,
    middleware::{Next, from_fn},
    web,
};
use countersign_domain::id::RequestId;
use countersign_entities::ToldBy;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tracing::Instrument;

use super::{
    RequestInfo, forwarded, other_methods,
    problem::Problem,
    query_limits,
    request_info::{finish, name_problems},
    security_headers::security_headers,
};
use crate::{
    causes::with_causes,
    code::Code,
    policies::{ReloadError, Reloaded},
    server::State,
};

/// What the operator is answered by.
pub fn app(
    state: &web::Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(web::Data::clone(state))
        .app_data(query_limits())
        // From the inside outwards.
        .wrap(from_fn(let_in))
        .wrap(from_fn(name_problems))
        .wrap(security_headers(false))
        .wrap(from_fn(identify))
        .configure(configure)
}

/// Adds the routes.
fn configure(config: &mut web::ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let resource = |path: &str, route, methods| {
        let resource = web::resource(path).route(route);
        resource.default_service(other_methods(methods))
    };
    config
        .service(resource("/livez", read().to(live), "GET, HEAD"))
        .service(resource("/readyz", read().to(ready), "GET, HEAD"))
        .service(resource("/metrics", read().to(metrics), "GET, HEAD"))
        .service(resource("/policies/reload", web::post().to(reload), "POST"))
        .default_service(web::to(async |request: HttpRequest| {
            Problem::not_found().respond(&request)
        }));
}

/// Gives each request its id and puts it into the answer. No line is written: probes ask all the time.
async fn identify<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or_else(Problem::internal)?;
    let info = RequestInfo {
        request: RequestId::new(state.database.ids().uuid()),
        source: forwarded::peer(&request),
    };
    request.extensions_mut().insert(info);
    let span = tracing::info_span!("operator", request_id = %info.request);
    let mut response = next.call(request).instrument(span).await?;
    finish(&mut response, info);
    Ok(response)
}

/// Answers this machine, and the networks that the configuration names.
async fn let_in<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let state = request.app_data::<web::Data<State>>();
    let http = &state.ok_or_else(Problem::internal)?.config.http;
    let own = http.management_listen.map(|address| address.ip());
    let is_let_in = forwarded::peer(&request).is_some_and(|peer| {
        let is_here = peer.is_loopback() || own == Some(peer);
        is_here || http.management_networks.contains(peer)
    });
    if is_let_in {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let detail =
        "this port answers the networks that `http.management_networks` names, and yours is none";
    let answer = Problem::new(Code::Forbidden, detail).respond(request.request());
    Ok(request.into_response(answer).map_into_right_body())
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

#[derive(Debug, Deserialize)]
struct ReadyQuery {
    verbose: Option<String>,
}

/// Ready where PostgreSQL answers and the isolation of tenants was found whole, until it is told to stop. What else
/// may be away is told by `?verbose` and makes nobody unready: people who are signed in go on working without the
/// provider, and limits are counted without Redis.
async fn ready(state: web::Data<State>, query: web::Query<ReadyQuery>) -> HttpResponse {
    let database = state.database.ready().await.is_ok();
    let open = state.is_open();
    let policies = state.policies.current();
    let is_ready = database && open && !state.is_stopping();
    let status = if is_ready { "ready" } else { "unready" };
    let body = if query.verbose.is_some() {
        let at = state.database.clock().now();
        json!({ "status": status, "checks": {
            "database": database,
            "isolation": open,
            "policies": policies.engine.version(),
            "policiesProved": policies.certificate.is_some(),
            "schemaVersion": state.database.schema_version().await.ok(),
            "provider": state.identity.is_reachable(at).await,
            "sharedLimits": state.rate_limits.is_shared(),
        } })
    } else {
        json!({ "status": status, "policies": policies.engine.version() })
    };
    if is_ready {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("retry-after", "2"))
            .json(body)
    }
}

/// How long a reader of the counts waits for PostgreSQL.
const BACKUP_TOLD: Duration = Duration::from_secs(1);

async fn metrics(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    for (pool, open, idle) in state.database.connections() {
        state.metrics.connections(pool, open, idle);
    }
    state.metrics.streams(state.graphql.streams());
    state.metrics.exports(state.exports.count());
    let policies = state.policies.current();
    state.metrics.policies(policies.engine.version());
    let operator = state.database.operator();
    // What PostgreSQL does not tell in time stays what it was: the other counts are wanted then most.
    if let Ok(Ok(Some(at))) = timeout(BACKUP_TOLD, operator.newest_backup()).await {
        state.metrics.newest_backup(at);
    }
    let text = state.metrics.text().map_err(|error| {
        tracing::error!(%error, "the metrics can not be written");
        Problem::internal()
    })?;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media))
        .body(text))
}

/// Who tells the server to do something. That it is a header of its own keeps pages in a browser of the same
/// machine from sending it unasked.
pub const OPERATOR: &str = "countersign-operator";
/// The longest name of an operator.
const NAME_MAX: usize = 64;

/// Whether a text is an operator's name.
pub fn is_operator(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@-".contains(&b);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// Reads the policies again: those that serve after it are told, and why they are none other.
async fn reload(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let by = request.headers().get(OPERATOR);
    let by = by.and_then(|name| name.to_str().ok()).unwrap_or_default();
    if !is_operator(by) {
        let detail =
            "say who you are by a header `Countersign-Operator`: 1 to 64 letters, digits or `._@-`";
        return Err(Problem::new(Code::BadRequest, detail));
    }
    state.open()?;
    let by = by.to_owned();
    // In a task: what is recorded as changed is changed, though whoever asked leaves meanwhile.
    let reloading = async move { state.reload(ToldBy::Command(&by)).await };
    let reloaded = tokio::spawn(reloading.in_current_span()).await;
    match reloaded.map_err(|_| Problem::internal())? {
        Ok(Reloaded {
            from,
            to,
            certified,
        }) => {
            Ok(HttpResponse::Ok().json(json!({ "from": from, "to": to, "certified": certified })))
        }
        Err(ReloadError::Refused(error)) => {
            let detail = with_causes(&error);
            Err(Problem::new(Code::PoliciesRefused, &detail))
        }
        Err(ReloadError::Store(error)) => Err(error.into()),
    }
}
