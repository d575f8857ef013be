//! The body of a request, and its parameters where it is a GET.

use async_graphql::Variables;
use serde::Deserialize;

use crate::graphql::{DocumentId, GraphqlRequest, Source};

/// The members of a request that mean something; others are ignored, as the specification demands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Body {
    pub(super) query: Option<serde_json::Value>,
    #[serde(rename = "documentId")]
    pub(super) document_id: Option<serde_json::Value>,
    #[serde(rename = "operationName")]
    pub(super) operation_name: Option<serde_json::Value>,
    pub(super) variables: Option<serde_json::Value>,
    pub(super) extensions: Option<serde_json::Value>,
}

impl Body {
    /// Checks the form of each member and says which one is wrong.
    pub(super) fn into_request(self, streams: bool) -> Result<GraphqlRequest, &'static str> {
        use serde_json::Value;
        let source = match (self.query, self.document_id) {
            (Some(Value::String(query)), None) => Source::Text(query),
            (None, Some(Value::String(id))) => DocumentId::parse(&id)
                .map(Source::Published)
                .ok_or("`documentId` is not `sha256:` and 64 digits of hexadecimal")?,
            (Some(_), Some(_)) => return Err("send `query` or `documentId`, and not both"),
            _ => return Err("`query` is missing, or is not a text"),
        };
        let operation_name = match self.operation_name {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err("`operationName` is not a text"),
        };
        let variables = match self.variables {
            None | Some(Value::Null) => Variables::default(),
            Some(object @ Value::Object(_)) => Variables::from_json(object),
            Some(_) => return Err("`variables` is not an object"),
        };
        let dry_run = match &self.extensions {
            None | Some(Value::Null) => false,
            Some(Value::Object(extensions)) => match extensions.get("dryRun") {
                None => false,
                Some(Value::Bool(dry_run)) => *dry_run,
                Some(_) => return Err("`extensions.dryRun` is neither true nor false"),
            },
            Some(_) => return Err("`extensions` is not an object"),
        };
        Ok(GraphqlRequest {
            source,
            operation_name,
            variables,
            dry_run,
            streams,
        })
    }
}
