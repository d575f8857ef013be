//! The operator's port: `/livez`, `/readyz`, `/metrics`, `/policies/reload`. Never the public one.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_TYPE, web};
use countersign_entities::ToldBy;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::problem::Problem;
use crate::{
    causes::with_causes,
    code::Code,
    policies::{ReloadError, Reloaded},
    server::State,
};

/// Adds the routes.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(live))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics))
        .route("/policies/reload", web::post().to(reload));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

#[derive(Debug, Deserialize)]
struct ReadyQuery {
    verbose: Option<String>,
}

/// Ready where PostgreSQL answers and the isolation of tenants was found whole. What else may be
/// away is told by `?verbose` and makes nobody unready: people who are signed in go on working
/// without the provider, and limits are counted without Redis.
async fn ready(state: web::Data<State>, query: web::Query<ReadyQuery>) -> HttpResponse {
    let database = state.database.ready().await.is_ok();
    let open = state.is_open();
    let policies = state.policies.current();
    let status = if database && open { "ready" } else { "unready" };
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
    if database && open {
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
    match state.reload(ToldBy::Command(by)).await {
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
