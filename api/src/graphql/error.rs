//! Errors of GraphQL: what the caller sees, which is a code, a sentence and a request id.
//!
//! The cause of a failure goes to the log with the same request id, and never into an answer.

use async_graphql::{Error, ErrorExtensionValues, Pos, ServerError};
use countersign_domain::id::RequestId;
use countersign_entities::{EnterError, StoreError};
use countersign_policies::Refusal;

use crate::code::Code;

/// What a resolver may fail with.
#[derive(Debug)]
pub(crate) enum GraphqlError {
    /// A policy refused.
    Refused(Refusal),
    /// Nothing of that id here, or nothing that this caller may see.
    NotFound,
    /// An argument is wrong; the sentence says what to do.
    BadInput(String),
    /// The credential ended while the request ran.
    Unauthenticated,
    /// The database is away.
    Unavailable,
    /// The key of the tenant is destroyed.
    KeyDestroyed,
    /// Ours. The cause is in the log.
    Internal,
}

impl GraphqlError {
    /// The stable code.
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Refused(_) => Code::Forbidden,
            Self::NotFound => Code::NotFound,
            Self::BadInput(_) => Code::BadUserInput,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Unavailable => Code::ServiceUnavailable,
            Self::KeyDestroyed => Code::KeyDestroyed,
            Self::Internal => Code::InternalServerError,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Refused(refusal) => format!("`{}` is refused by policy", refusal.action()),
            Self::NotFound => "there is nothing with that id".to_owned(),
            Self::BadInput(sentence) => sentence.clone(),
            Self::Unauthenticated => "sign in, or use a token that is valid".to_owned(),
            Self::Unavailable => "the service is away for a moment: try again".to_owned(),
            Self::KeyDestroyed => {
                "the tenant's key is destroyed: the operator gives it a new one".to_owned()
            }
            Self::Internal => {
                "something failed on our side: name the request id to support".to_owned()
            }
        }
    }

    /// The GraphQL error. The rule that refused is named only where `reveal_rules`.
    pub(crate) fn into_error(self, request: RequestId, reveal_rules: bool) -> Error {
        let mut extensions = extensions(self.code(), request);
        if let Self::Refused(refusal) = &self
            && reveal_rules
        {
            extensions.set("rule", refusal.rule());
        }
        let mut error = Error::new(self.sentence());
        error.extensions = Some(extensions);
        error
    }
}

impl From<StoreError> for GraphqlError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Rebutted) {
            // Never answered: the request begins anew.
            Self::Unavailable
        } else if matches!(error, StoreError::KeyDestroyed) {
            Self::KeyDestroyed
        } else if error.is_unavailable() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database or the key service is away"
            );
            Self::Unavailable
        } else {
            tracing::error!(error = &error as &dyn std::error::Error, "a store failed");
            Self::Internal
        }
    }
}

impl From<EnterError> for GraphqlError {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Unauthenticated(_) | EnterError::NoTenant => Self::Unauthenticated,
            EnterError::Unavailable(error) | EnterError::Store(error) => error.into(),
        }
    }
}

/// The extensions that every error has.
pub(super) fn extensions(code: Code, request: RequestId) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.name());
    extensions.set("requestId", request.to_string());
    extensions
}

/// An error of the whole request.
pub(super) fn request_error(code: Code, message: String, request: RequestId) -> ServerError {
    let mut error = ServerError::new(message, None::<Pos>);
    error.extensions = Some(extensions(code, request));
    error
}

/// Gives its code to an error of async-graphql's validation.
pub(super) fn complete(error: &mut ServerError, request: RequestId) {
    error.extensions = Some(extensions(Code::GraphqlValidationFailed, request));
}
