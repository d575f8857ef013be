//! Documents, parsed and planned once and kept by their hash.

use std::{collections::HashMap, sync::Arc};

use async_graphql::Name;
use async_graphql_parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use countersign_policies::Engine;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::{
    limits::{self, LimitError, Limits},
    plan::{Plan, Planner},
    shape::SchemaShape,
};

/// A document with the plan of each of its operations.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) parsed: ExecutableDocument,
    /// SHA-256 of the text, which the audit log keeps.
    pub(super) sha256: [u8; 32],
    plans: HashMap<Option<Name>, Arc<Plan>>,
}

/// Why a text is not a document that is run.
#[derive(Debug)]
pub(super) enum DocumentError {
    Parse(async_graphql_parser::Error),
    Limit(LimitError),
}

impl Document {
    /// The operation to run, with its plan. A sentence says why there is none.
    pub(super) fn operation(
        &self,
        name: Option<&str>,
    ) -> Result<(&OperationDefinition, Arc<Plan>), String> {
        let found = match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => Some((None, operation)),
            (DocumentOperations::Single(_), Some(_)) => None,
            (DocumentOperations::Multiple(operations), Some(name)) => operations
                .get_key_value(name)
                .map(|(key, operation)| (Some(key), operation)),
            (DocumentOperations::Multiple(operations), None) => {
                let mut all = operations.iter();
                match (all.next(), all.next()) {
                    (Some((key, operation)), None) => Some((Some(key), operation)),
                    _ => return Err("name the operation to run in `operationName`".to_owned()),
                }
            }
        };
        let planned = found.and_then(|(key, operation)| {
            Some((&operation.node, Arc::clone(self.plans.get(&key.cloned())?)))
        });
        planned.ok_or_else(|| "the document has no operation of that name".to_owned())
    }
}

/// The documents that were asked for last.
#[derive(Debug)]
pub(super) struct Documents {
    cache: Cache<[u8; 32], Arc<Document>>,
}

impl Documents {
    pub(super) fn new() -> Self {
        Self {
            cache: Cache::new(1_024),
        }
    }

    pub(super) fn get(
        &self,
        text: &str,
        limits: &Limits,
        shape: &SchemaShape,
        engine: &Engine,
    ) -> Result<Arc<Document>, DocumentError> {
        if text.len() > limits.document_bytes_max {
            let limit = LimitError::DocumentBytes(limits.document_bytes_max);
            return Err(DocumentError::Limit(limit));
        }
        let sha256 = Sha256::digest(text.as_bytes()).into();
        if let Some(known) = self.cache.get(&sha256) {
            return Ok(known);
        }
        let parsed = async_graphql_parser::parse_query(text).map_err(DocumentError::Parse)?;
        limits::check_expansion(&parsed, limits).map_err(DocumentError::Limit)?;
        let mut plans = HashMap::new();
        let planner = Planner {
            shape,
            engine,
            document: &parsed,
        };
        for (name, operation) in parsed.operations.iter() {
            let plan = planner
                .plan(&operation.node, limits)
                .map_err(DocumentError::Limit)?;
            plans.insert(name.cloned(), Arc::new(plan));
        }
        let document = Arc::new(Document {
            parsed,
            sha256,
            plans,
        });
        self.cache.insert(sha256, Arc::clone(&document));
        Ok(document)
    }
}
