//! What comes in, and what leaves.

use async_graphql::{ServerError, Variables};
use countersign_domain::id::TenantId;
use countersign_entities::EnterError;

use super::{answer::Response, document::DocumentId, endpoint::EventStream};
use crate::code::Code;

/// Where the document of a request comes from.
#[derive(Debug)]
pub enum Source {
    /// The request has its text. Sessions without the explorer capability may not, nor may tokens
    /// that were issued for published documents only.
    Text(String),
    /// It names a published one.
    Published(DocumentId),
}

/// A GraphQL request, whatever it came in.
#[derive(Debug)]
pub struct GraphqlRequest {
    /// The document.
    pub source: Source,
    /// Which of its operations, where there are several.
    pub operation_name: Option<String>,
    /// The variables.
    pub variables: Variables,
    /// Whether it is only to be told what it would cost and be decided to.
    pub dry_run: bool,
    /// Whether answers may follow one another, as those of a subscription do.
    pub streams: bool,
    /// The tenant that it is meant for, where that is said. It chooses none: in another one it is refused.
    pub meant_for: Option<TenantId>,
}

/// The operation that is named, where one is.
pub(super) fn named(operation_name: Option<&str>) -> Option<&str> {
    operation_name.filter(|name| !name.is_empty())
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Safe: queries only.
    Get,
    /// Anything.
    Post,
}

/// What leaves.
#[derive(Debug)]
pub enum Answer {
    /// The request was not let in; nothing was read.
    NotEntered(Box<EnterError>),
    /// The request was refused before it ran, with one error.
    Refused(Code, Box<ServerError>),
    /// It ran.
    Ran(Box<Response>),
    /// It ran before, under the same key: the body of that answer.
    Replayed(Vec<u8>),
    /// It is a subscription, whose answers come one after the other.
    Streams(Box<EventStream>),
}

/// Why a request goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is answered.
    Answer(Answer),
    /// Who was presumed to ask is not who asks: it begins anew.
    Rebutted,
    /// It names what its caller may know nothing of.
    Strange,
}

impl From<Answer> for Stop {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}
