//! What a request asks for, read before anybody is let in: its document, and what it costs.

use std::sync::Arc;

use async_graphql::Variables;
use async_graphql_parser::types::{OperationDefinition, OperationType};
use countersign_domain::id::RequestId;

use super::{
    super::{
        document::{self, Document, DocumentError, Planned},
        plan::{Measure, MeasureError, Planner},
        request::{Answer, GraphqlRequest, Method, Source, named},
    },
    Endpoint, refused,
};
use crate::code::Code;

impl Endpoint {
    /// Reads what is asked for, and measures it.
    pub(super) fn read(
        &self,
        request: &GraphqlRequest,
        method: Method,
        id: RequestId,
    ) -> Result<(Arc<Document>, Measure), Answer> {
        let document = self.document(&request.source, id)?;
        let (definition, planned) = operation(&document, request, id)?;
        answers_to(request, method, planned.plan.kind, id)?;
        let measure = self.measure(&document, definition, &request.variables, id)?;
        Ok((document, measure))
    }

    fn document(&self, source: &Source, id: RequestId) -> Result<Arc<Document>, Answer> {
        let published = match source {
            Source::Text(_) => None,
            Source::Published(document) => {
                let text = self.documents.published(*document);
                let message = format!("no published document has the id `{document}`");
                Some(text.ok_or_else(|| refused(Code::DocumentNotFound, message, id))?)
            }
        };
        let text = match (source, &published) {
            (_, Some(text)) => text,
            (Source::Text(text), None) => text.as_str(),
            (Source::Published(_), None) => "",
        };
        let policies = self.policies.current();
        self.documents
            .get(
                text,
                &self.limits,
                &self.shape,
                &self.fields,
                &policies.engine,
            )
            .map_err(|error| match error {
                DocumentError::Parse(error) => {
                    refused(Code::GraphqlParseFailed, document::syntax(&error), id)
                }
                DocumentError::Limit(error) => refused(error.code(), error.to_string(), id),
            })
    }

    fn measure(
        &self,
        document: &Document,
        operation: &OperationDefinition,
        variables: &Variables,
        id: RequestId,
    ) -> Result<Measure, Answer> {
        let policies = self.policies.current();
        let planner = Planner {
            shape: &self.shape,
            engine: &policies.engine,
            document: &document.parsed,
        };
        planner
            .measure(operation, variables, &self.limits)
            .map_err(|error| match error {
                MeasureError::Limit(error) => refused(error.code(), error.to_string(), id),
                MeasureError::NotAnId => {
                    let message = "one of the ids is none: ids look like `acc_` and 32 digits";
                    refused(Code::BadUserInput, message.to_owned(), id)
                }
            })
    }
}

/// The operation of the document that is asked for.
pub(super) fn operation<'a>(
    document: &'a Document,
    request: &GraphqlRequest,
    id: RequestId,
) -> Result<(&'a OperationDefinition, Planned), Answer> {
    document
        .operation(named(request.operation_name.as_deref()))
        .map_err(|message| refused(Code::GraphqlValidationFailed, message, id))
}

/// Refuses what may not come by that method.
fn answers_to(
    request: &GraphqlRequest,
    method: Method,
    kind: OperationType,
    id: RequestId,
) -> Result<(), Answer> {
    let (code, message) = match (kind, method) {
        (OperationType::Query, _) | (OperationType::Mutation, Method::Post) => return Ok(()),
        (OperationType::Mutation, Method::Get) => {
            (Code::MethodNotAllowed, "send a mutation by POST")
        }
        (OperationType::Subscription, _) if request.streams || request.dry_run => return Ok(()),
        (OperationType::Subscription, _) => (
            Code::GraphqlValidationFailed,
            "a subscription is answered as `text/event-stream`: accept that",
        ),
    };
    Err(refused(code, message.to_owned(), id))
}
