//! Why the policies do not load. The server does not start then.

use thiserror::Error;

/// A fault of the policies as they were built in.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The schema does not parse.
    #[error("the policy schema does not parse: {0}")]
    Schema(String),
    /// A policy does not parse.
    #[error("the policies do not parse: {0}")]
    Parse(String),
    /// A policy has no `@id`, or two have the same.
    #[error("{0}")]
    Id(String),
    /// The validator has an error or a warning.
    #[error("the policies are not valid: {0}")]
    Invalid(String),
    /// A policy breaks a rule that the engine's caching stands on.
    #[error("policy `{id}` {fault}")]
    Form {
        /// The policy.
        id: String,
        /// What it does that it must not.
        fault: String,
    },
    /// The certificate of their proof is none.
    #[error("`certificate.json` is no certificate: {0}")]
    Certificate(String),
    /// More actions than an [`crate::ActionId`] can number.
    #[error("there are too many actions")]
    TooManyActions,
}
