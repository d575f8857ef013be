//! The answer as it is written.

use std::collections::BTreeMap;

use async_graphql::{ServerError, Value};

use super::{deprecation::Deprecation, timing::Timing, value::write_json};
use crate::code::Code;

/// What stands before an answer's data.
const HEAD: &[u8] = b"{\"data\":";

/// An answer's data, as the beginning of the answer: it is most of it, and not copied.
#[derive(Debug, Clone)]
pub(super) struct Data(Vec<u8>);

impl Data {
    /// Where the data is written, as JSON. The whole answer is likely to have so many bytes.
    pub(super) fn begin(likely_bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(likely_bytes);
        out.extend_from_slice(HEAD);
        out
    }

    /// What [`Self::begin`] gave, with the data written.
    pub(super) const fn end(written: Vec<u8>) -> Self {
        Self(written)
    }

    /// That of what did not run.
    pub(super) fn null() -> Self {
        Self([HEAD, b"null"].concat())
    }

    fn is_null(&self) -> bool {
        self.0.strip_prefix(HEAD) == Some(b"null")
    }
}

/// The answer to a request.
#[derive(Debug, Default)]
pub struct Response {
    /// None where the document itself was refused, by validation or coercion: no field ran.
    pub(super) data: Option<Data>,
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
        let data = self.data.as_ref();
        data.is_some_and(|data| !data.is_null()) && !self.errors.is_empty()
    }

    /// The answer as JSON: no `data` where the request was refused before it ran.
    pub(crate) fn into_json(mut self) -> Vec<u8> {
        let data = self.data.take();
        self.complete(data)
    }

    /// The same, for whoever needs both.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        self.complete(self.data.clone())
    }

    fn complete(&self, data: Option<Data>) -> Vec<u8> {
        let mut out = data.map_or_else(|| b"{".to_vec(), |Data(written)| written);
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
