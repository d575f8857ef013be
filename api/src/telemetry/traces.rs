//! Traces to an OpenTelemetry collector (OTLP over HTTP): what a request was made of and how long each
//! part took, and nothing of what was in it.
//!
//! Spans are those of this product alone; what stands on them is rebuilt by `Redacting` from an
//! allow-list before it leaves, as reports to Sentry are.

use std::{fmt, time::Duration};

use async_graphql::async_trait::async_trait;
use opentelemetry::{
    Context as TraceContext, KeyValue,
    propagation::{Extractor, TextMapPropagator},
    trace::{SpanContext, Status, TraceContextExt, TraceState, TracerProvider},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanEvents, SpanLinks},
};
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use url::Url;

/// How long a collector may take for a batch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a span may say of itself. Every value is of a closed set, a number, or an identifier of ours.
const ATTRIBUTES: [&str; 8] = [
    "request_id",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "graphql.operation.type",
    "graphql.document.hash",
    "db.operation.name",
    "rows",
];

/// Why traces are not sent.
#[derive(Debug, Error)]
pub enum TracesError {
    /// The client does not start.
    #[error("traces can not be sent")]
    Client(#[from] reqwest::Error),
    /// The exporter does not start.
    #[error("traces can not be exported")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Sends spans to a collector, in batches, beside the work.
#[derive(Debug, Clone)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// To the collector at `endpoint`, of so many requests in a hundred. Wants the runtime that sends
    /// them.
    pub fn new(endpoint: &Url, percent: u8) -> Result<Self, TracesError> {
        let mut address = endpoint.clone();
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "traces"]);
        }
        let client = Sender {
            http: reqwest::Client::builder().timeout(TIMEOUT).build()?,
            runtime: Handle::current(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address.as_str())
            .with_timeout(TIMEOUT)
            .build()?;
        #[expect(clippy::float_arithmetic, reason = "the sampler wants a ratio")]
        let sampled = Sampler::TraceIdRatioBased(f64::from(percent) / 100.0);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(sampled)))
            .with_resource(
                Resource::builder_empty()
                    .with_service_name("countersign")
                    .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                    .build(),
            )
            .with_batch_exporter(Redacting(exporter))
            .build();
        Ok(Self(provider))
    }

    /// The layer that makes spans of this product's.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.0.tracer("countersign");
        OpenTelemetryLayer::new(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_error_records_to_exceptions(false)
            .with_filter(filter_fn(is_ours).with_max_level_hint(Level::DEBUG))
    }

    /// Sends what waits. Takes the thread until the collector has it.
    pub fn flush(&self) {
        if self.0.force_flush().is_err() {
            tracing::warn!("the last traces were not sent");
        }
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("countersign")
}

/// The trace that a proxy in front has begun, by its `traceparent` header (W3C Trace Context). What stands
/// beside it in `tracestate` is not taken: it may be anybody's words. `None` where it has begun none: a trace
/// that goes on from nowhere is never sampled.
pub fn parent(headers: &dyn Extractor) -> Option<TraceContext> {
    let told = TraceContextPropagator::new().extract_with_context(&TraceContext::new(), headers);
    let begun = without_state(told.span().span_context());
    begun
        .is_valid()
        .then(|| TraceContext::new().with_remote_span_context(begun))
}

/// The same place in the trace, and nothing that others have written beside it.
fn without_state(context: &SpanContext) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags(),
        context.is_remote(),
        TraceState::NONE,
    )
}

/// Hands on new spans of what may leave.
#[derive(Debug)]
struct Redacting<E>(E);

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter
    for Redacting<E>
{
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.export(batch.into_iter().map(redact).collect()).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn redact(span: SpanData) -> SpanData {
    let attributes = span.attributes.into_iter();
    let attributes = attributes.filter(|attribute| ATTRIBUTES.contains(&attribute.key.as_str()));
    let attributes: Vec<_> = attributes.collect();
    SpanData {
        span_context: without_state(&span.span_context),
        name: name(&attributes).map_or(span.name, Into::into),
        attributes,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: match span.status {
            Status::Error { .. } => Status::error(""),
            other => other,
        },
        ..span
    }
}

/// A request is called by its method and route, which is known when it was answered.
fn name(attributes: &[KeyValue]) -> Option<String> {
    let value = |key: &str| {
        let found = attributes.iter().find(|one| one.key.as_str() == key);
        found.map(|found| found.value.as_str())
    };
    let (method, route) = (value("http.request.method")?, value("http.route")?);
    Some(format!("{method} {route}"))
}

/// Sends batches on the process's runtime: they are made on a thread of their own.
#[derive(Clone)]
struct Sender {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let response = http.execute(request).await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::trace::Tracer;
    use opentelemetry_sdk::trace::InMemorySpanExporter;
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;

    #[test]
    fn the_state_of_a_trace_stays_where_it_came_from() {
        let state = TraceState::from_key_value([("vendor", "canary")]).unwrap();
        let headers = HashMap::from([
            (
                "traceparent".to_owned(),
                "00-00000000000000000000000000000001-0000000000000002-01".to_owned(),
            ),
            ("tracestate".to_owned(), state.header()),
        ]);
        assert!(parent(&HashMap::new()).is_none());
        let parent = parent(&headers).unwrap();
        let context = parent.span().span_context().clone();
        assert!(context.is_remote() && context.is_valid() && context.is_sampled());
        assert_eq!(context.trace_state().header(), "");

        let sent = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(Redacting(sent.clone()))
            .build();
        let begun = SpanContext::new(
            context.trace_id(),
            context.span_id(),
            context.trace_flags(),
            true,
            state,
        );
        let begun = TraceContext::new().with_remote_span_context(begun);
        drop(
            provider
                .tracer("countersign")
                .start_with_context("x", &begun),
        );
        let told = format!("{:?}", sent.get_finished_spans().unwrap());
        assert!(told.contains("trace_state"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }

    #[test]
    fn a_span_leaves_with_what_is_allowed_and_no_event() {
        let sent = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(Redacting(sent.clone()))
            .build();
        // Kept: with the last of it goes what was sent.
        let traces = Traces(provider);
        let subscriber = Registry::default().with(traces.layer());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::debug_span!(
                "request",
                request_id = "req_1",
                http.request.method = "POST",
                http.route = "/graphql",
                merchant = "canary",
                otel.status_code = "ERROR",
                otel.status_message = "canary",
            );
            let _entered = span.enter();
            tracing::error!(amount = "canary", "canary");
            let _elsewhere = tracing::info_span!(target: "hyper", "canary").entered();
        });
        let spans = sent.get_finished_spans().unwrap();
        let told = format!("{spans:?}");
        assert_eq!(spans.len(), 1, "{told}");
        assert!(
            told.contains("req_1") && told.contains("/graphql"),
            "{told}"
        );
        assert!(!told.contains("canary"), "{told}");
        assert_eq!(spans[0].name, "POST /graphql");
        assert_eq!(spans[0].status, Status::error(""));
        assert!(spans[0].events.is_empty());
    }
}
