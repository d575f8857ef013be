//! `/livez` and `/readyz`.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::server::State;

/// Adds the routes.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(live))
        .route("/readyz", web::get().to(ready));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive" }))
}

/// Ready where PostgreSQL answers and the isolation of tenants was found whole.
async fn ready(state: web::Data<State>) -> HttpResponse {
    let database = state.database.ready().await.is_ok();
    let isolation = state.is_isolated();
    let body = json!({
        "status": if database && isolation { "ready" } else { "unready" },
        "checks": { "database": database, "isolation": isolation },
    });
    if database && isolation {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("retry-after", "2"))
            .json(body)
    }
}
