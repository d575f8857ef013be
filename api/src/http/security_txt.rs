//! `/.well-known/security.txt` (RFC 9116): whom to tell of a weakness.

use actix_web::{HttpResponse, http::header::CONTENT_TYPE, middleware::from_fn, web};
use chrono::{Duration, SecondsFormat};

use super::{limited, other_methods, problem::Problem};
use crate::server::State;

/// Days for which what it says may be believed.
const DAYS: i64 = 180;

/// Adds the route.
pub fn configure(config: &mut web::ServiceConfig) {
    let resource = web::resource("/.well-known/security.txt")
        .wrap(from_fn(limited::public))
        .route(web::get().to(text))
        .route(web::head().to(text))
        .default_service(other_methods("GET, HEAD"));
    config.service(resource);
}

async fn text(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let http = &state.config.http;
    let contact = http.security_contact.as_ref();
    let contact = contact.ok_or_else(Problem::not_found)?;
    let expires = state.database.clock().now() + Duration::days(DAYS);
    let expires = expires.to_rfc3339_opts(SecondsFormat::Secs, true);
    let canonical = state.config.address(".well-known/security.txt");
    let text = format!("Contact: {contact}\nExpires: {expires}\nCanonical: {canonical}\n");
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(text))
}
