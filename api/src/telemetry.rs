//! Logs: structured lines with a request id, and never a body, a header, a query string or a name.
//! What fails on our side is reported to Sentry as well, where the operator names one.

mod lines;
mod panics;
pub mod reports;
pub mod traces;

use lines::Lines;
use reports::{Reports, ReportsError};
use thiserror::Error;
use traces::{Traces, TracesError};
use tracing_subscriber::{
    EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

use crate::config::{self, Log, Sentry};

/// Why nothing is told of what goes on.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// Reports do not start.
    #[error(transparent)]
    Reports(#[from] ReportsError),
    /// Traces do not start.
    #[error(transparent)]
    Traces(#[from] TracesError),
}

/// What leaves beside the lines.
#[derive(Debug, Clone, Default)]
pub struct Exports {
    reports: Option<Reports>,
    traces: Option<Traces>,
}

impl Exports {
    /// What the operator wants. Wants the runtime that sends it.
    pub fn new(sentry: &Sentry, traces: &config::Traces) -> Result<Self, TelemetryError> {
        let reports = sentry.dsn.as_ref();
        let reports = reports.map(|dsn| Reports::new(dsn, &sentry.environment));
        let endpoint = traces.endpoint.as_ref();
        let traces = endpoint.map(|endpoint| Traces::new(endpoint, traces.percent));
        Ok(Self {
            reports: reports.transpose()?,
            traces: traces.transpose()?,
        })
    }

    /// Sends what waits, at the end of the process.
    pub fn flush(&self) {
        if let Some(traces) = &self.traces {
            traces.flush();
        }
    }
}

/// Starts writing lines to standard error, those of panics among them. Does nothing where a subscriber is there already, as in
/// tests.
pub fn init(log: &Log, exports: &Exports) {
    panics::hook();
    init_to(log, exports, std::io::stderr);
}

/// Starts writing lines to another place: the proofs read what was written.
pub fn init_to<W>(log: &Log, exports: &Exports, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Lines::new(log.format, writer);
    // A subscriber that stands already is the caller's choice.
    let _ = registry()
        .with(lines.with_filter(filter))
        .with(exports.reports.clone())
        .with(exports.traces.as_ref().map(Traces::layer))
        .try_init();
}
