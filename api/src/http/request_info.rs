//! What every request is given on arrival: an id, and the address that it came from. What can not be read
//! as a request is given neither: see [`super::app`].

use std::{net::IpAddr, panic::AssertUnwindSafe, rc::Rc};

use actix_web::{
    Error, HttpMessage,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        Method, StatusCode,
        header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY},
    },
    middleware::Next,
    web,
};
use countersign_domain::id::RequestId;
use countersign_entities::RequestFacts;
use futures::{
    FutureExt,
    future::{LocalBoxFuture, Ready, ready},
};
use opentelemetry::propagation::Extractor;
use tracing::{Instrument, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{forwarded, limited, problem::Problem};
use crate::{code::Code, rate_limit::Standing, server::State, telemetry::traces};

/// The header that tells a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every request is given on arrival.
#[derive(Debug, Clone, Copy)]
pub struct RequestInfo {
    /// Its id, as answers, logs and the audit log have it. None is taken from outside.
    pub request: RequestId,
    /// Where it came from.
    pub source: Option<IpAddr>,
}

impl RequestInfo {
    /// What storage is told of the request.
    pub fn facts(&self, state: &State) -> RequestFacts {
        RequestFacts {
            request: self.request,
            source: self.source,
            at: state.database.clock().now(),
            idempotency_key: None,
        }
    }
}

/// Gives each request its id, writes one line for it, and puts the id into its answer.
#[derive(Debug, Clone, Copy)]
pub struct Requests;

impl<S, B> Transform<S, ServiceRequest> for Requests
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = RequestsMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequestsMiddleware {
            service: Rc::new(service),
        }))
    }
}

/// The middleware of [`Requests`].
#[derive(Debug)]
pub struct RequestsMiddleware<S> {
    service: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for RequestsMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
            return Box::pin(ready(Err(Problem::internal().into())));
        };
        let ids = state.database.ids();
        let (peer, proxies) = (
            forwarded::peer(&request),
            &state.config.http.trusted_proxies,
        );
        let info = RequestInfo {
            request: RequestId::new(ids.uuid()),
            source: forwarded::source(peer, request.headers(), proxies),
        };
        request.extensions_mut().insert(info);
        let started = std::time::Instant::now();
        let method = known(request.method());
        let span = tracing::info_span!(
            "request",
            request_id = %info.request,
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = Empty,
            http.response.status_code = Empty,
        );
        if forwarded::is_proxy(peer, proxies)
            && let Some(parent) = traces::parent(&TraceHeaders(request.headers()))
        {
            // Where there is no collector there is no trace to join.
            let _ = span.set_parent(parent);
        }
        let service = Rc::clone(&self.service);
        Box::pin(
            async move {
                // A panic is a fault of ours like any other, and is answered like one.
                let called = AssertUnwindSafe(service.call(request)).catch_unwind().await;
                let response = called.unwrap_or_else(|_| {
                    tracing::error!("a handler panicked");
                    state.metrics.panicked();
                    Err(Problem::internal().of(info, state.is_https()).into())
                });
                let (status, route) = match &response {
                    Ok(response) => (response.status(), response.request().match_pattern()),
                    Err(error) => (error.as_response_error().status_code(), None),
                };
                // The pattern, never the path: paths and queries may carry what people type.
                let route = route.as_deref().unwrap_or("-");
                let took = started.elapsed();
                state.metrics.request(method, route, status.as_u16(), took);
                trace(route, status);
                tracing::info!(
                    method,
                    route,
                    status = status.as_u16(),
                    duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    "answered"
                );
                let mut response = response?;
                finish(&mut response, info);
                Ok(response)
            }
            .instrument(span),
        )
    }
}

/// The method, where it is one of HTTP's: a caller may send any word in its place.
fn known(method: &Method) -> &'static str {
    let known = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    let found = known.into_iter().find(|name| *name == method.as_str());
    found.unwrap_or("_OTHER")
}

/// Says on the request's span how it ended.
fn trace(route: &str, status: StatusCode) {
    let span = tracing::Span::current();
    span.record("http.route", route);
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The headers that carry a trace.
struct TraceHeaders<'a>(&'a HeaderMap);

impl Extractor for TraceHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Puts the id into the headers, and where the caller stands with its quota.
pub(super) fn finish<B>(response: &mut ServiceResponse<B>, info: RequestInfo) {
    if let Ok(value) = HeaderValue::from_str(&info.request.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let standing = response.request().extensions().get::<Standing>().copied();
    if let Some(standing) = standing {
        limited::write(response.headers_mut(), &standing);
    }
}

/// Puts the id into the body of a problem. Stands where bodies are as they were written, and not yet
/// compressed.
pub async fn name_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    let info = response
        .request()
        .extensions()
        .get::<RequestInfo>()
        .copied();
    let Some(info) = info.filter(|_| is_problem(&response)) else {
        return Ok(response.map_into_left_body());
    };
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.unwrap_or_default();
    let body = match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(serde_json::Value::Object(mut problem)) => {
            problem.insert("requestId".to_owned(), info.request.to_string().into());
            serde_json::Value::Object(problem).to_string().into()
        }
        Ok(_) | Err(_) => body,
    };
    let response = head.set_body(body).map_into_boxed_body();
    Ok(ServiceResponse::new(
        request,
        response.map_into_right_body(),
    ))
}

/// Makes a problem of what the middleware that compresses says to a caller who takes no answer, however it
/// is compressed or not.
pub async fn name_encodings(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    if response.status() != StatusCode::NOT_ACCEPTABLE || is_problem(&response) {
        return Ok(response.map_into_left_body());
    }
    let detail = "accept `identity`, `gzip` or `deflate` as the encoding of answers";
    let problem = Problem::new(Code::NotAcceptable, detail);
    let problem = problem.with(VARY, "Accept-Encoding");
    let answer = problem.respond(response.request());
    Ok(response.into_response(answer).map_into_right_body())
}

fn is_problem<B>(response: &ServiceResponse<B>) -> bool {
    let media = response.headers().get(CONTENT_TYPE);
    media.is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"))
}
