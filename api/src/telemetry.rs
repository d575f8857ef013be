//! Logs: structured lines with a request id, and never a body, a header, a query string or a name.
//! What fails on our side is reported to Sentry as well, where the operator names one.

mod lines;
pub mod reports;

use lines::Lines;
use reports::{Reports, ReportsError};
use tracing_subscriber::{
    EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

use crate::config::{Log, Sentry};

/// Starts writing lines to standard error. Does nothing where a subscriber is there already, as in
/// tests.
pub fn init(log: &Log, sentry: &Sentry) -> Result<(), ReportsError> {
    let reports = sentry.dsn.as_ref();
    let reports = reports.map(|dsn| Reports::new(dsn, &sentry.environment));
    start(log, reports.transpose()?, std::io::stderr);
    Ok(())
}

/// Starts writing lines to another place: the proofs read what was written.
pub fn init_to<W>(log: &Log, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    start(log, None, writer);
}

fn start<W>(log: &Log, reports: Option<Reports>, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Lines::new(log.format, writer);
    // A subscriber that stands already is the caller's choice.
    let _ = registry()
        .with(lines.with_filter(filter))
        .with(reports)
        .try_init();
}
