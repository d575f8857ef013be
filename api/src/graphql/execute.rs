//! Executes a selection, after every action of it was decided.
//!
//! Two walks. The first one gathers what has to be waited for, level by level: a field of a list's
//! rows is asked for all rows at once. The second one never waits: it reads every field through its
//! gate and writes the answer, in the selection's order, with nulls where the specification has
//! them (GraphQL, section 6.4).

mod gather;
mod write;

use std::collections::BTreeMap;

use async_graphql::{Error, ServerError, Variables};
use hashbrown::HashMap;

use super::{
    answer::Data,
    operation::{Operation, Redaction},
    selection::Selection,
    shape::SchemaShape,
    value::{Object, Output},
};

/// What is executed, and with what.
#[derive(Clone, Copy)]
pub(super) struct Execution<'a> {
    pub(super) operation: &'a Operation,
    pub(super) selection: &'a Selection,
    pub(super) shape: &'a SchemaShape,
    pub(super) variables: &'a Variables,
    /// The value behind the root type.
    pub(super) root: &'a Object,
    /// What `__schema` and `__type` gave, by their response keys.
    pub(super) introspected: &'a BTreeMap<String, Vec<u8>>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) data: Data,
    pub(super) errors: Vec<ServerError>,
    /// The fields that were hidden, by the pattern of their path.
    pub(super) redactions: BTreeMap<String, Redaction>,
}

/// What fields gave that had to be waited for, by the field's slot and the address of the value
/// that it was read from.
#[derive(Default)]
struct Gathered {
    given: HashMap<(usize, usize), Result<Output, Error>>,
    /// Keeps the values alive, so that no address is used twice.
    kept: Vec<Object>,
}

impl Execution<'_> {
    /// Runs it to its end.
    pub(super) async fn run(self) -> Executed {
        let mut gathered = Gathered::default();
        self.gather(self.selection, vec![self.root.clone()], &mut gathered)
            .await;
        write::write(self, &gathered)
    }
}
