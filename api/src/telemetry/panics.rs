//! What is told of a panic: where it was. Its message may quote anything, so that it is told to nobody.

use std::panic::{self, PanicHookInfo};

/// Has panics written as lines, and nothing printed beside them.
pub(super) fn hook() {
    panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("unknown");
    tracing::error!(place, "a thread panicked");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LogFormat, telemetry::lines::tests::written};

    #[test]
    fn a_panic_says_where_it_was_and_not_what_it_says() {
        let lines = written(LogFormat::Json, || {
            let before = panic::take_hook();
            hook();
            let caught = panic::catch_unwind(|| panic!("canary {}", 12));
            panic::set_hook(before);
            assert!(caught.is_err());
        });
        assert!(lines.contains("a thread panicked"), "{lines}");
        assert!(lines.contains("telemetry/panics.rs:"), "{lines}");
        assert!(!lines.contains("canary"), "{lines}");
    }
}
