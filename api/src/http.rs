//! The HTTP surface: sign-in, GraphQL, health, and the web app.

pub mod bff;
pub mod credential;
pub mod graphql;
pub mod health;
pub mod problem;
pub mod request_info;
pub mod same_origin;
pub mod security_headers;
pub mod spa;

use actix_web::web;
pub use request_info::RequestInfo;

/// Adds every route. The web app comes last: it answers what nothing else does.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .configure(graphql::configure)
        .configure(bff::configure)
        .configure(health::configure)
        .configure(spa::configure);
}

/// JSON bodies outside GraphQL are small.
pub fn input_limits() -> web::JsonConfig {
    web::JsonConfig::default()
        .limit(16 * 1024)
        .error_handler(|_, _| {
            problem::Problem::new(
                actix_web::http::StatusCode::BAD_REQUEST,
                "BAD_REQUEST",
                "the body is not the JSON that is wanted here",
            )
            .into()
        })
}

/// A query string that does not fit says so as a problem.
pub fn query_limits() -> web::QueryConfig {
    web::QueryConfig::default().error_handler(|_, _| {
        problem::Problem::new(
            actix_web::http::StatusCode::BAD_REQUEST,
            "BAD_REQUEST",
            "the query string is not what is wanted here",
        )
        .into()
    })
}

/// Forms come from the provider only and are small.
pub fn form_limits() -> web::FormConfig {
    web::FormConfig::default()
        .limit(16 * 1024)
        .error_handler(|_, _| {
            problem::Problem::new(
                actix_web::http::StatusCode::BAD_REQUEST,
                "BAD_REQUEST",
                "the form is not what is wanted here",
            )
            .into()
        })
}
