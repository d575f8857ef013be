//! The body of a request, and its parameters where it is a GET.

use async_graphql::Variables;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::Value;

use crate::graphql::{DocumentId, GraphqlRequest, Source};

/// The members of a request that mean something; others are ignored, as the specification demands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Body {
    pub(super) query: Option<Value>,
    #[serde(rename = "documentId")]
    pub(super) document_id: Option<Value>,
    #[serde(rename = "operationName")]
    pub(super) operation_name: Option<Value>,
    pub(super) variables: Option<Value>,
    pub(super) extensions: Option<Value>,
}

impl Body {
    /// The same from the parameters of a GET. Each is given once: whoever stands between could go by
    /// another one than we do.
    pub(super) fn from_query(query: &str) -> Result<Self, &'static str> {
        let mut body = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let (place, value) = match name.as_str() {
                "query" => (&mut body.query, Value::String(value)),
                "documentId" => (&mut body.document_id, Value::String(value)),
                "operationName" => (&mut body.operation_name, text(value)),
                "variables" => (&mut body.variables, json(&value)?),
                "extensions" => (&mut body.extensions, json(&value)?),
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err("a parameter is given twice");
            }
        }
        Ok(body)
    }

    /// Checks the form of each member and says which one is wrong.
    pub(super) fn into_request(self, streams: bool) -> Result<GraphqlRequest, &'static str> {
        let source = match (self.query, self.document_id) {
            (Some(Value::String(query)), None) => Source::Text(query),
            (None, Some(Value::String(id))) => DocumentId::parse(&id)
                .map(Source::Published)
                .ok_or("`documentId` is not `sha256:` and 64 digits of hexadecimal")?,
            (None, Some(_)) => return Err("`documentId` is not a text"),
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
            meant_for: None,
        })
    }
}

/// A part of a query string (URL Standard, section 5.1), where it is a text.
fn decoded(part: &str) -> Result<String, &'static str> {
    let spaced = part.replace('+', " ");
    let text = percent_decode(spaced.as_bytes()).decode_utf8();
    let text = text.map_err(|_| "the query string is not UTF-8")?;
    Ok(text.into_owned())
}

/// A parameter that may be left empty.
fn text(value: String) -> Value {
    if value.is_empty() {
        Value::Null
    } else {
        Value::String(value)
    }
}

fn json(text: &str) -> Result<Value, &'static str> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|_| "`variables` or `extensions` is not JSON")
}
