//! What commands say: results on standard output, faults on standard error.

use std::io::{self, Write as _};

/// A line of result. A closed pipe is the reader's business.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// A line about a fault.
pub(super) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "countersign: {text}");
}
