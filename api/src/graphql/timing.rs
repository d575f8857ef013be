//! How long the parts of a request took, for those who may know what it is made of.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

/// A clock that is read at the end of each part.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    read: Instant,
    parts: Vec<(&'static str, Duration)>,
}

impl Timing {
    pub(crate) fn start() -> Self {
        Self {
            read: Instant::now(),
            parts: Vec::with_capacity(4),
        }
    }

    /// The part that just ended.
    pub(crate) fn part(&mut self, name: &'static str) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.read);
        self.parts.push((name, took));
        self.read = now;
    }

    /// As the header `Server-Timing` has it: milliseconds.
    pub(crate) fn header(&self) -> String {
        let mut header = String::new();
        for (name, took) in &self.parts {
            let comma = if header.is_empty() { "" } else { ", " };
            let (ms, rest) = (took.as_millis(), took.subsec_micros() % 1_000);
            // Writing to a string does not fail.
            let _ = write!(header, "{comma}{name};dur={ms}.{rest:03}");
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_in_milliseconds() {
        let mut timing = Timing::start();
        timing.parts = vec![
            ("authorization", Duration::from_micros(7)),
            ("audit", Duration::from_micros(2_041)),
        ];
        assert_eq!(timing.header(), "authorization;dur=0.007, audit;dur=2.041");
        timing.part("data");
        assert!(timing.header().contains("data;dur="));
    }
}
