//! The answer as it is written.

use std::collections::BTreeMap;

use async_graphql::{ServerError, Value};

use super::{deprecation::Deprecation, timing::Timing, value::write_json};
use crate::code::Code;

/// The answer to a request.
#[derive(Debug, Default)]
pub struct Response {
    /// JSON. None where the document itself was refused, by validation or coercion: no field ran.
    pub(super) data: Option<Vec<u8>>,
    pub(super) errors: Vec<ServerError>,
    pub(super) extensions: BTreeMap<&'static str, Value>,
    /// Whether a field that was asked for is on its way out.
    pub(crate) deprecation: Option<Deprecation>,
    /// How long its parts took, where the caller may know.
    pub(crate) timing: Option<Timing>,
}

impl Response {
    /// The answer to a request that was refused before it ran.
    pub(crate) fn refused(errors: Vec<ServerError>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }

    /// Whether the document itself was refused.
    pub(crate) const fn is_request_error(&self) -> bool {
        self.data.is_none()
    }

    /// Whether it has data and errors.
    pub(crate) fn is_partial(&self) -> bool {
        let data = self.data.as_deref();
        data.is_some_and(|data| data != b"null") && !self.errors.is_empty()
    }

    /// The answer as JSON: no `data` where the request was refused before it ran.
    pub(crate) fn write(&self) -> Vec<u8> {
        let data = self.data.as_deref().unwrap_or_default();
        let mut out = Vec::with_capacity(data.len().saturating_add(256));
        out.push(b'{');
        if self.data.is_some() {
            out.extend_from_slice(b"\"data\":");
            out.extend_from_slice(data);
        }
        if !self.errors.is_empty() {
            member(&mut out, "\"errors\":");
            write_json(&mut out, &self.errors);
        }
        if !self.extensions.is_empty() {
            member(&mut out, "\"extensions\":");
            write_json(&mut out, &self.extensions);
        }
        out.push(b'}');
        out
    }

    /// The code of the answer's first error.
    pub(super) fn first_code(&self) -> Option<Code> {
        let extensions = self.errors.first()?.extensions.as_ref()?;
        match extensions.get("code")? {
            Value::String(name) => Code::ALL.iter().copied().find(|code| code.name() == name),
            _ => None,
        }
    }
}

fn member(out: &mut Vec<u8>, key: &str) {
    if out.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(key.as_bytes());
}
