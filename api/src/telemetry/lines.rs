//! Lines of the log: one for each event, with the fields of [`FIELDS`] and no others (TEL-1).
//!
//! A field that somebody adds to an event, here or in a library, is not written before it stands in
//! that list: what is in it was looked at.

use std::{
    fmt::{Debug, Write as _},
    io::Write as _,
    time::SystemTime,
};

use chrono::{DateTime, SecondsFormat, Utc};
use countersign_domain::name::is_deceiving;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::MakeWriter,
    layer::Context,
    registry::{LookupSpan, Scope},
};

use crate::{causes::with_causes, config::LogFormat};

/// What may stand in a line. None of them carries what people type, see or send: ids, names of our
/// own, numbers, and causes, which say what failed and quote no row.
const FIELDS: [&str; 32] = [
    "action",
    "address",
    "before",
    "cause",
    "column",
    "condition",
    "duration_us",
    "ended",
    "error",
    "expected",
    "field",
    "foreign",
    "holders",
    "message",
    "method",
    "migration",
    "path",
    "place",
    "policies",
    "policy",
    "proved_at",
    "provider",
    "published",
    "request",
    "request_id",
    "route",
    "row",
    "solvers",
    "status",
    "table",
    "tenant",
    "why",
];

/// The most characters of a field. Causes may chain.
const FIELD_MAX: usize = 2_000;

/// Writes the lines.
#[derive(Debug)]
pub(super) struct Lines<W> {
    format: LogFormat,
    writer: W,
}

impl<W> Lines<W> {
    pub(super) const fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer }
    }
}

/// The fields of a span, kept until it closes.
struct OfSpan(Fields);

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(OfSpan(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(OfSpan(fields)) = span.extensions_mut().get_mut()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // From the outermost span inwards: what is said nearer holds.
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(Scope::from_root)
        {
            if let Some(OfSpan(outer)) = span.extensions().get() {
                fields.0.extend(outer.0.clone());
            }
        }
        event.record(&mut fields);
        #[expect(
            clippy::disallowed_methods,
            reason = "a line says when it was written, whatever clock the product is given"
        )]
        let now = DateTime::<Utc>::from(SystemTime::now());
        let metadata = event.metadata();
        let line = match self.format {
            LogFormat::Json => json(now, metadata, fields),
            LogFormat::Text => text(now, metadata, fields),
        };
        // Nobody is told where the log can not be written.
        let _ = self
            .writer
            .make_writer_for(metadata)
            .write_all(line.as_bytes());
    }
}

fn json(now: DateTime<Utc>, metadata: &tracing::Metadata<'_>, fields: Fields) -> String {
    let mut line = Map::new();
    let time = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    line.insert("timestamp".to_owned(), time.into());
    line.insert("level".to_owned(), metadata.level().as_str().into());
    line.insert("target".to_owned(), metadata.target().into());
    line.extend(fields.0);
    // These stand in texts alone, where JSON takes them by their number as well.
    let mut written = String::new();
    for c in Value::Object(line).to_string().chars() {
        if is_deceiving(c) {
            // Writing to a string does not fail.
            let _ = write!(written, "\\u{:04x}", u32::from(c));
        } else {
            written.push(c);
        }
    }
    written.push('\n');
    written
}

fn text(now: DateTime<Utc>, metadata: &tracing::Metadata<'_>, mut fields: Fields) -> String {
    let time = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    let (level, target) = (metadata.level(), metadata.target());
    let message = fields.0.remove("message");
    let message = message.as_ref().and_then(Value::as_str).unwrap_or_default();
    let mut line = format!("{time} {level:>5} {target}: {}", one_line(message));
    for (name, value) in &fields.0 {
        let value = match value {
            Value::String(text) => value_of(text),
            other => other.to_string(),
        };
        // Writing to a string does not fail.
        let _ = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}

/// A text as a value: in quotes where it could be taken for another field, as logfmt has it.
fn value_of(text: &str) -> String {
    let line = one_line(text);
    let is_plain = !line.is_empty()
        && !line
            .chars()
            .any(|c| c.is_whitespace() || matches!(c, '=' | '"' | '\\'));
    if is_plain {
        return line;
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            _ => written(c, &mut quoted),
        }
    }
    quoted.push('"');
    quoted
}

/// A line break in a value would let it forge a line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        written(c, &mut line);
    }
    line
}

fn written(c: char, into: &mut String) {
    if is_deceiving(c) {
        into.extend(c.escape_default());
    } else {
        into.push(c);
    }
}

/// What was recorded and may be written.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let name = field.name();
        if FIELDS.contains(&name) {
            self.0.insert(name.to_owned(), value());
        }
    }

    fn put_text(&mut self, field: &Field, text: impl FnOnce() -> String) {
        self.put(field, || {
            let text = text();
            match text.char_indices().nth(FIELD_MAX) {
                Some((end, _)) => text.get(..end).unwrap_or_default().into(),
                None => text.into(),
            }
        });
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, || value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, || value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, || value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, || value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put_text(field, || with_causes(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_text(field, || format!("{value:?}"));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    pub(in crate::telemetry) fn written(format: LogFormat, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = Lines::new(format, move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    fn noise() {
        let span = tracing::info_span!("request", request_id = "req_1", email = "canary@x.test");
        let _entered = span.enter();
        tracing::warn!(
            amount = "canary 12.34",
            status = 503_u16,
            "a store failed\nforged"
        );
        tracing::info!(token = "canary", "without");
    }

    #[test]
    fn a_line_of_json_shows_what_is_there() {
        let cause = "a\u{202e}b\u{2028}c";
        let line = written(LogFormat::Json, || tracing::info!(%cause, "x"));
        assert!(line.contains("a\\u202eb\\u2028c"), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["cause"], cause);
    }

    #[test]
    fn a_field_that_is_not_allowed_is_not_written() {
        let lines = written(LogFormat::Json, noise);
        assert!(!lines.contains("canary"), "{lines}");
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first["request_id"], "req_1");
        assert_eq!(first["status"], 503);
        assert_eq!(first["level"], "WARN");
        assert_eq!(first["message"], "a store failed\nforged");
        assert_eq!(lines.lines().count(), 2);
    }

    #[test]
    fn a_value_can_not_forge_a_line() {
        let lines = written(LogFormat::Text, noise);
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert!(
            lines.contains(r"a store failed\nforged request_id=req_1 status=503"),
            "{lines}"
        );
    }

    #[test]
    fn a_value_can_not_forge_a_field() {
        let lines = written(LogFormat::Text, || {
            tracing::warn!(
                cause = "no status=200 said=\"yes\"",
                path = "/a\u{2028}b\u{202E}c\u{2066}d\u{200F}e",
                place = "",
                why = "C:\\x",
                route = "/errors/{code}",
                "refused"
            );
        });
        for field in [
            r#"cause="no status=200 said=\"yes\"" "#,
            r#"path="/a\u{2028}b\u{202e}c\u{2066}d\u{200f}e" "#,
            r#"place="" "#,
            r#"why="C:\\x""#,
            "route=/errors/{code} ",
        ] {
            assert!(lines.contains(field), "{field} in {lines}");
        }
    }

    #[test]
    fn an_error_is_written_with_its_causes_and_not_without_end() {
        let lines = written(LogFormat::Json, || {
            let cause = std::io::Error::other("the disk is full");
            let error = std::io::Error::other(cause);
            tracing::error!(error = &error as &dyn std::error::Error, "failed");
            tracing::error!(cause = "x".repeat(9_000), "long");
        });
        assert!(lines.contains("the disk is full"), "{lines}");
        assert!(lines.len() < 3_000, "{}", lines.len());
    }
}
