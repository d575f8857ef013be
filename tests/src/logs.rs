//! What the product logs, of all tests of the process.

use std::{
    io,
    sync::{LazyLock, Mutex, PoisonError},
};

use countersign::{config::Log, telemetry};

use crate::exports;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CAPTURED: LazyLock<()> = LazyLock::new(|| {
    let log = Log {
        // Everything that this product has to say; of libraries what operators are told to turn on.
        filter: "debug,countersign=trace,countersign_entities=trace".to_owned(),
        ..Log::default()
    };
    telemetry::init_to(&log, exports::capture(), || Writer);
});

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what is logged.
pub(crate) fn capture() {
    LazyLock::force(&CAPTURED);
}

/// What was logged so far.
pub fn text() -> String {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&lines).into_owned()
}
