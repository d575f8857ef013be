//! The HTTP surface: sign-in, GraphQL, health, and the web app.

pub mod audit_exports;
pub mod bff;
pub mod body;
pub mod credential;
pub mod errors;
pub mod event_stream;
pub mod forwarded;
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
pub mod sign_out;
pub mod spa;

use crate::{code::Code, config::Http, server::State};
use actix_web::{
    App, Error, HttpRequest, Route,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    error::{JsonPayloadError, UrlencodedError},
    middleware::{Compress, from_fn},
    web,
};
use forwarded::refuse_plain;
use problem::Problem;
pub use request_info::RequestInfo;
use request_info::{Requests, name_encodings, name_problems};
use security_headers::security_headers;

/// What people and partners are answered by.
///
/// Whatever can not be read as a request of HTTP/1.1 does not come so far: two `Host` headers, an address of
/// 64 KiB, headers of 128 KiB, a head that takes half a minute. actix-http refuses it while it reads, and
/// has no place to say how: by 400, 431 or 408 without a body, without an id or a header of ours, and
/// without a line in the log. Nothing of what was sent is repeated, and the connection ends.
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
        .app_data(input_limits())
        .app_data(query_limits())
        .app_data(form_limits())
        // From the inside outwards.
        .wrap(from_fn(refuse_plain))
        .wrap(from_fn(name_problems))
        .wrap(Compress::default())
        .wrap(from_fn(name_encodings))
        .wrap(security_headers(state.is_https()))
        .wrap(Requests)
        .configure(|config| configure(config, &state.config.http))
}

/// Adds every route. The web app comes last: it answers what nothing else does.
fn configure(config: &mut web::ServiceConfig, http: &Http) {
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
fn input_limits() -> web::JsonConfig {
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
fn query_limits() -> web::QueryConfig {
    web::QueryConfig::default()
        .error_handler(|_, _| bad_request("the query string is not what is wanted here").into())
}

/// Forms come from the provider only and are small.
fn form_limits() -> web::FormConfig {
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
