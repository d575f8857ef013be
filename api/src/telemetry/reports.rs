//! Error reports to Sentry (TEL-1): what failed and in which request, and nothing of what was in it.
//!
//! A report is made of a log line of level `ERROR`: its constant text, where in the program it
//! stands, and the request's id, under which the operator's own log has the rest. Whatever else an
//! event has, because a library put it there, is left behind by `redact`, which builds a new event
//! of what may go and takes nothing away from the old one.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sentry::{
    Client, ClientOptions, Envelope, Transport,
    protocol::{Event, Level as SentryLevel},
    types::Dsn,
};
use thiserror::Error;
use tokio::sync::mpsc;
use tracing::{
    Event as LogEvent, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// How many reports wait to be sent. Beyond that they are dropped: reporting must not hold up work.
const WAITING_MAX: usize = 100;
/// How long Sentry may take for one.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The tags that a report may have.
const TAGS: [&str; 2] = ["request_id", "place"];

/// Why reports are not sent.
#[derive(Debug, Error)]
pub enum ReportsError {
    /// The address is none.
    #[error("`sentry.dsn` is not an address of Sentry's")]
    Dsn,
    /// The client does not start.
    #[error("reports can not be sent")]
    Client(#[from] reqwest::Error),
}

/// Makes reports of log lines.
#[derive(Clone)]
pub struct Reports(Arc<Client>);

impl Reports {
    /// Reports to that address. Wants the runtime that sends them.
    pub fn new(dsn: &SecretString, environment: &str) -> Result<Self, ReportsError> {
        let dsn = Dsn::from_str(dsn.expose_secret()).map_err(|_| ReportsError::Dsn)?;
        let sender = Sender::new(&dsn)?;
        let mut options = ClientOptions::new();
        options.dsn = Some(dsn);
        options.release = Some(env!("CARGO_PKG_VERSION").into());
        options.environment = Some(environment.to_owned().into());
        options.default_integrations = false;
        options.send_default_pii = false;
        options.max_breadcrumbs = 0;
        options.before_send = Some(Arc::new(|event| Some(redact(event))));
        options.transport = Some(Arc::new(Arc::new(sender)));
        Ok(Self(Arc::new(Client::from(options))))
    }

    /// Sends an event, by the same filter as all.
    pub fn send(&self, event: Event<'static>) {
        self.0.capture_event(event, None);
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reports")
    }
}

/// A new event of what may leave.
fn redact(mut event: Event<'static>) -> Event<'static> {
    event.tags.retain(|name, _| TAGS.contains(&name.as_str()));
    Event {
        event_id: event.event_id,
        timestamp: event.timestamp,
        level: event.level,
        message: event.message,
        tags: event.tags,
        release: event.release,
        environment: event.environment,
        ..Event::default()
    }
}

/// The request's id, kept with its span.
struct RequestId(String);

/// Reads the fields that a report is made of.
#[derive(Default)]
struct Fields {
    message: String,
    request_id: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "request_id" => self.request_id = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

impl<S> Layer<S> for Reports
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(span), Some(request)) = (context.span(id), fields.request_id) {
            span.extensions_mut().insert(RequestId(request));
        }
    }

    fn on_event(&self, event: &LogEvent<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut report = Event {
            level: SentryLevel::Error,
            message: Some(fields.message),
            ..Event::default()
        };
        let place = event.metadata().target().to_owned();
        report.tags.insert("place".to_owned(), place);
        let request = context.event_scope(event).and_then(|mut spans| {
            spans.find_map(|span| {
                let extensions = span.extensions();
                extensions
                    .get::<RequestId>()
                    .map(|request| request.0.clone())
            })
        });
        if let Some(request) = request {
            report.tags.insert("request_id".to_owned(), request);
        }
        self.send(report);
    }
}

/// Sends reports one after the other, beside the work.
struct Sender(mpsc::Sender<Envelope>);

impl Sender {
    fn new(dsn: &Dsn) -> Result<Self, reqwest::Error> {
        let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
        let (url, auth) = (dsn.envelope_api_url(), dsn.to_auth(Some(agent)).to_string());
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let (sender, mut waiting) = mpsc::channel::<Envelope>(WAITING_MAX);
        tokio::spawn(async move {
            while let Some(envelope) = waiting.recv().await {
                let mut body = Vec::new();
                if envelope.to_writer(&mut body).is_err() {
                    continue;
                }
                let request = http.post(url.clone()).header("x-sentry-auth", &auth);
                // A report that is lost is in the log all the same.
                let _ = request.body(body).send().await;
            }
        });
        Ok(Self(sender))
    }
}

impl Transport for Sender {
    fn send_envelope(&self, envelope: Envelope) {
        // Full: the log has it.
        let _ = self.0.try_send(envelope);
    }
}

#[cfg(test)]
mod tests;
