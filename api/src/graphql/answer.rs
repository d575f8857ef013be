//! The answer as it is written.

use async_graphql::{Response, Value};

use crate::code::Code;

/// Whether the document itself was refused, by validation or coercion: no field ran.
pub(crate) fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// The answer as JSON: no `data` where the request was refused before it ran.
pub(crate) fn write(response: &Response) -> Vec<u8> {
    let written = if is_request_error(response) {
        serde_json::to_vec(&serde_json::json!({
            "errors": response.errors,
            "extensions": response.extensions,
        }))
    } else {
        serde_json::to_vec(response)
    };
    written.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer can not be written");
        br#"{"errors":[{"message":"something failed on our side"}]}"#.to_vec()
    })
}

/// The code of the answer's first error.
pub(super) fn first_code(response: &Response) -> Option<Code> {
    let extensions = response.errors.first()?.extensions.as_ref()?;
    match extensions.get("code")? {
        Value::String(name) => Code::ALL.iter().copied().find(|code| code.name() == name),
        _ => None,
    }
}
