//! Logs: structured lines with a request id, and never a body, a header, a query string or a name.

use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter};

use crate::config::{Log, LogFormat};

/// Starts writing lines to standard error. Does nothing where a subscriber is there already, as in
/// tests.
pub fn init(log: &Log) {
    init_to(log, std::io::stderr);
}

/// The same to another place: the proofs read what was written.
pub fn init_to<W>(log: &Log, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_target(true);
    // A subscriber that stands already is the caller's choice.
    let _ = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.compact().with_ansi(false).try_init(),
    };
}
