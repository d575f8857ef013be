//! What async-graphql does for us: validating documents, and answering `__schema` and `__type`.
//! It executes nothing of ours.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{
    CacheControl, Name, Request, Response, ServerError, ValidationResult, Value, Variables,
    dynamic::Schema,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
};
use async_graphql_parser::{
    Positioned,
    types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, Selection as Node,
        SelectionSet,
    },
};

use super::{
    document::Document,
    rules,
    selection::{Selection, What},
    shape::SchemaShape,
    value::write_json,
};

/// Ends a request after its document was validated, unless it is of introspection.
#[derive(Debug)]
pub(super) struct StopBeforeExecution;

/// Marks a request that is of introspection alone.
struct Introspect;

impl ExtensionFactory for StopBeforeExecution {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for StopBeforeExecution {
    /// What is cut out of a valid document may leave fragments and variables that nothing uses.
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        if context.data_opt::<Introspect>().is_none() {
            return next.run(context).await;
        }
        Ok(ValidationResult {
            cache_control: CacheControl::default(),
            complexity: 0,
            depth: 0,
        })
    }

    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if context.data_opt::<Introspect>().is_some() {
            next.run(context, operation_name).await
        } else {
            Response::default()
        }
    }
}

/// What is wrong with the document, whatever its variables are.
pub(super) async fn validate(
    schema: &Schema,
    shape: &SchemaShape,
    document: &Document,
    name: Option<&str>,
) -> Vec<ServerError> {
    let parsed = &document.parsed;
    let validated = schema.execute(request(parsed.clone(), name, Variables::default()));
    let mut faults = validated.await.errors;
    if faults.is_empty() {
        faults = rules::faults(shape, parsed);
    }
    faults.extend(document.repeated_member.clone());
    faults
}

/// Answers what the selection asks of the schema itself, as JSON by response key.
pub(super) async fn introspect(
    schema: &Schema,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    selection: &Selection,
    variables: &Variables,
) -> Result<BTreeMap<String, Vec<u8>>, Vec<ServerError>> {
    let nodes = selection
        .fields
        .iter()
        .filter_map(|selected| match &selected.what {
            What::Introspection(node) => {
                let field = Positioned::new(node.as_ref().clone(), selected.at);
                Some(Positioned::new(Node::Field(field), selected.at))
            }
            What::TypeName(_) | What::Field { .. } => None,
        });
    let nodes: Vec<_> = nodes.collect();
    let Some(at) = nodes.first().map(|node| node.pos) else {
        return Ok(BTreeMap::new());
    };
    let mut operation = operation.clone();
    operation.selection_set = Positioned::new(SelectionSet { items: nodes }, at);
    let document = ExecutableDocument {
        operations: DocumentOperations::Single(Positioned::new(operation, at)),
        fragments: document.fragments.clone(),
    };
    let request = request(document, None, variables.clone()).data(Introspect);
    let response = schema.execute(request).await;
    if !response.errors.is_empty() {
        return Err(response.errors);
    }
    let Value::Object(members) = response.data else {
        return Ok(BTreeMap::new());
    };
    let written = members.into_iter().map(|(key, value): (Name, Value)| {
        let mut json = Vec::new();
        write_json(&mut json, &value);
        (key.to_string(), json)
    });
    Ok(written.collect())
}

fn request(document: ExecutableDocument, name: Option<&str>, variables: Variables) -> Request {
    // The text is not needed: the parsed document is set.
    let mut request = Request::new(String::new()).variables(variables);
    request.operation_name = name.map(str::to_owned);
    request.set_parsed_query(document);
    request
}
