//! The operator's port: `/livez`, `/readyz`, `/metrics`. Never the public one.

use actix_web::{HttpResponse, http::header::CONTENT_TYPE, web};
use serde::Deserialize;
use serde_json::json;

use super::problem::Problem;
use crate::server::State;

/// Adds the routes.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(live))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics));
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
    let status = if database && open { "ready" } else { "unready" };
    let body = if query.verbose.is_some() {
        let at = state.database.clock().now();
        json!({ "status": status, "checks": {
            "database": database,
            "isolation": open,
            "schemaVersion": state.database.schema_version().await.ok(),
            "provider": state.identity.is_reachable(at).await,
            "sharedLimits": state.rate_limits.is_shared(),
        } })
    } else {
        json!({ "status": status })
    };
    if database && open {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("retry-after", "2"))
            .json(body)
    }
}

async fn metrics(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    for (pool, open, idle) in state.database.connections() {
        state.metrics.connections(pool, open, idle);
    }
    state.metrics.streams(state.graphql.streams());
    let text = state.metrics.text().map_err(|error| {
        tracing::error!(%error, "the metrics can not be written");
        Problem::internal()
    })?;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media))
        .body(text))
}
