//! Errors of GraphQL: what the caller sees, which is a code, a sentence and a request id.
//!
//! The cause of a failure goes to the log with the same request id, and never into an answer.

use async_graphql::{
    Error, ErrorExtensionValues, PathSegment, Pos, QueryPathNode, QueryPathSegment, ServerError,
    Value,
};
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
        if error.is_unavailable() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database is away"
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
            EnterError::ForeignIds { .. } => Self::NotFound,
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

/// The extension in which an error carries its path until the answer is put together:
/// async-graphql's dynamic schema gives the errors of resolvers none.
const PATH: &str = "countersign-path";

/// The error, at the place of its field.
pub(super) fn at(mut error: Error, path: Option<&QueryPathNode<'_>>) -> Error {
    if let Some(node) = path {
        let mut segments = vec![segment(node)];
        segments.extend(node.parents().map(segment));
        segments.reverse();
        let extensions = error.extensions.get_or_insert_default();
        extensions.set(PATH, Value::List(segments));
    }
    error
}

fn segment(node: &QueryPathNode<'_>) -> Value {
    match node.segment {
        QueryPathSegment::Index(index) => Value::from(index),
        QueryPathSegment::Name(name) => Value::from(name),
    }
}

/// Moves the path that an error carries to where the specification has it.
fn settle_path(error: &mut ServerError) {
    let Some(extensions) = &mut error.extensions else {
        return;
    };
    let Some(Value::List(segments)) = extensions.get(PATH).cloned() else {
        return;
    };
    extensions.unset(PATH);
    error.path = segments
        .into_iter()
        .filter_map(|segment| match segment {
            Value::String(name) => Some(PathSegment::Field(name)),
            Value::Number(index) => {
                let index = index
                    .as_u64()
                    .and_then(|index| usize::try_from(index).ok())?;
                Some(PathSegment::Index(index))
            }
            _ => None,
        })
        .collect();
}

/// An error of the whole request.
pub(super) fn request_error(code: Code, message: String, request: RequestId) -> ServerError {
    let mut error = ServerError::new(message, None::<Pos>);
    error.extensions = Some(extensions(code, request));
    error
}

/// Gives a code to an error of async-graphql's own, which has none: validation and coercion where
/// it has no path, otherwise a value that its own types refuse.
pub(super) fn complete(error: &mut ServerError, request: RequestId) {
    settle_path(error);
    let has_code = error
        .extensions
        .as_ref()
        .is_some_and(|e| e.get("code").is_some());
    if has_code {
        return;
    }
    let at_field = error
        .path
        .iter()
        .any(|segment| matches!(segment, PathSegment::Field(_)));
    if at_field && error.message.starts_with("internal: ") {
        tracing::error!(message = %error.message, path = ?error.path, "a resolver broke its type");
        "something failed on our side: name the request id to support"
            .clone_into(&mut error.message);
        error.extensions = Some(extensions(Code::InternalServerError, request));
    } else if at_field {
        error.extensions = Some(extensions(Code::BadUserInput, request));
    } else {
        error.extensions = Some(extensions(Code::GraphqlValidationFailed, request));
    }
}
