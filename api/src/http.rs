//! The HTTP surface: sign-in, GraphQL, health, and the web app.

pub mod audit_exports;
pub mod bff;
pub mod body;
pub mod credential;
pub mod errors;
pub mod event_stream;
pub mod graphql;
pub mod limited;
pub mod management;
pub mod meant_for;
pub mod media;
pub mod problem;
pub mod request_info;
pub mod same_origin;
pub mod security_headers;
pub mod security_txt;
pub mod spa;

use crate::{code::Code, config::Http};
use actix_web::{
    HttpRequest, Route,
    error::{JsonPayloadError, UrlencodedError},
    web,
};
use problem::Problem;
pub use request_info::RequestInfo;

/// Adds every route. The web app comes last: it answers what nothing else does.
pub fn configure(config: &mut web::ServiceConfig, http: &Http) {
    config
        .configure(|config| graphql::configure(config, &http.cors_origins))
        .configure(bff::configure)
        .configure(errors::configure)
        .configure(security_txt::configure)
        .configure(spa::configure);
}

/// The most bytes of a body outside GraphQL.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What a resource says to every other method than its own.
fn other_methods(allow: &'static str) -> Route {
    web::to(move |request: HttpRequest| async move {
        Problem::method_not_allowed(allow).respond(&request)
    })
}

/// JSON bodies outside GraphQL are small.
pub fn input_limits() -> web::JsonConfig {
    web::JsonConfig::default()
        .limit(BODY_BYTES_MAX)
        .error_handler(|error, _| {
            match error {
                JsonPayloadError::Overflow { .. }
                | JsonPayloadError::OverflowKnownLength { .. } => body::too_large(BODY_BYTES_MAX),
                JsonPayloadError::ContentType => unsupported("application/json"),
                JsonPayloadError::Deserialize(error) => bad_request(&body::fault(&error)),
                _ => bad_request("the body is not the JSON that is wanted here"),
            }
            .into()
        })
}

/// A query string that does not fit says so as a problem.
pub fn query_limits() -> web::QueryConfig {
    web::QueryConfig::default()
        .error_handler(|_, _| bad_request("the query string is not what is wanted here").into())
}

/// Forms come from the provider only and are small.
pub fn form_limits() -> web::FormConfig {
    web::FormConfig::default()
        .limit(BODY_BYTES_MAX)
        .error_handler(|error, _| {
            match error {
                UrlencodedError::Overflow { .. } => body::too_large(BODY_BYTES_MAX),
                UrlencodedError::ContentType => unsupported("application/x-www-form-urlencoded"),
                _ => bad_request("the form is not what is wanted here"),
            }
            .into()
        })
}

fn bad_request(detail: &str) -> Problem {
    Problem::new(Code::BadRequest, detail)
}

fn unsupported(wanted: &str) -> Problem {
    let detail = format!("send the body as `{wanted}`");
    Problem::new(Code::UnsupportedMediaType, &detail)
}
