//! What is behind an error, for the operator alone.

use std::{error::Error, iter::successors};

/// The error and what caused it, the nearest first, in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = successors(Some(error), |error| <dyn Error>::source(*error));
    let mut told = String::new();
    for cause in causes.map(ToString::to_string) {
        // Some errors of libraries have their cause in their own words already.
        if told.is_empty() {
            told = cause;
        } else if !told.ends_with(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::with_causes;

    #[derive(Debug, Error)]
    #[error("{what}")]
    struct Link {
        what: &'static str,
        #[source]
        cause: Option<Box<Link>>,
    }

    fn link(what: &'static str, cause: Option<Link>) -> Link {
        let cause = cause.map(Box::new);
        Link { what, cause }
    }

    #[test]
    fn every_cause_is_told_the_nearest_first() {
        let deep = link("the disk is full", None);
        let near = link("the file was not written", Some(deep));
        let error = link("nothing was kept", Some(near));
        let told = "nothing was kept: the file was not written: the disk is full";
        assert_eq!(with_causes(&error), told);
        assert_eq!(with_causes(&link("alone", None)), "alone");
    }

    #[test]
    fn a_cause_is_told_once() {
        let deep = link("connection refused", None);
        let near = link("no answer: connection refused", Some(deep));
        let error = link("the database is away", Some(near));
        let told = "the database is away: no answer: connection refused";
        assert_eq!(with_causes(&error), told);
    }
}
