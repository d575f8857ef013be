//! Running what was let in and decided.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_graphql::{Name, ServerError, Value, Variables, indexmap::IndexMap};
use async_graphql_parser::types::{OperationDefinition, OperationType};
use countersign_domain::id::RequestId;
use countersign_entities::StoreError;

use super::{
    super::{
        answer::Response,
        coerce,
        deprecation::Deprecation,
        document::Document,
        error::{self, GraphqlError},
        execute::{Executed, Execution},
        limits::LimitError,
        operation::{Operation, Redaction},
        plan::{Measure, Plan},
        record,
        request::Stop,
        selection::{Compiler, Selection},
        timing::Timing,
        validation,
    },
    Endpoint, failed, refused,
};

/// The most errors of an answer to a request that did not run.
const ERRORS_MAX: usize = 20;
/// The most characters of one of them: async-graphql's repeat names, of which some have many.
const MESSAGE_MAX: usize = 500;

/// A request that was let in and decided.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) document: &'a Document,
    pub(super) definition: &'a OperationDefinition,
    pub(super) plan: &'a Plan,
    pub(super) measure: &'a Measure,
    pub(super) state: &'a Operation,
}

/// What is run.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) variables: Variables,
    pub(super) selection: Arc<Selection>,
    pub(super) introspected: BTreeMap<String, Vec<u8>>,
}

impl Endpoint {
    /// Makes the operation ready to run: its document is valid, its variables are of their types.
    pub(super) async fn prepare(
        &self,
        asked: Asked<'_>,
        selection: Option<Arc<Selection>>,
        name: Option<&str>,
        given: Variables,
        is_dry: bool,
    ) -> Result<Ready, Vec<ServerError>> {
        let document = asked.document;
        let faults = document
            .faults
            .get_or_init(|| validation::validate(&self.schema, &self.shape, document, name))
            .await;
        if !faults.is_empty() && asked.state.may_explore {
            // The same faults, and what may have been meant.
            let (schema, shape) = (&self.suggesting, &self.shape);
            return Err(validation::validate(schema, shape, document, name).await);
        }
        if !faults.is_empty() {
            return Err(faults.clone());
        }
        let variables = coerce::variables(&self.shape, asked.definition, given)
            .map_err(|misfit| vec![ServerError::new(misfit, None)])?;
        let selection = selection.unwrap_or_else(|| {
            let compiler = Compiler::new(&self.shape, &self.fields, &document.parsed, &variables);
            Arc::new(compiler.compile(asked.definition))
        });
        let introspected = if asked.plan.introspects && !is_dry {
            let (parsed, definition) = (&document.parsed, asked.definition);
            validation::introspect(&self.schema, parsed, definition, &selection, &variables).await?
        } else {
            BTreeMap::new()
        };
        Ok(Ready {
            variables,
            selection,
            introspected,
        })
    }

    /// A query that runs too long is cut off, recorded, and not answered.
    async fn within_time(
        &self,
        asked: Asked<'_>,
        run: impl Future<Output = Executed>,
    ) -> Result<Executed, Stop> {
        if asked.plan.kind != OperationType::Query {
            return Ok(run.await);
        }
        let time_max = self.limits.time_max;
        if let Ok(executed) = tokio::time::timeout(time_max, run).await {
            return Ok(executed);
        }
        let (state, id) = (asked.state, asked.state.context.request());
        let limit = LimitError::Time(time_max);
        // On a connection that is dead this would not come either.
        let Ok(confirmed) = tokio::time::timeout(time_max, state.confirm()).await else {
            return Err(failed(&GraphqlError::Unavailable, id).into());
        };
        confirmed?;
        let recorded = record::refused_request(state, "limit on time", limit.code()).await;
        recorded.map_err(|error| failed(&error.into(), id))?;
        Err(refused(limit.code(), limit.to_string(), id).into())
    }

    /// Runs the operation and records it. Law 4: the answer leaves after its audit row is durable,
    /// or not at all.
    pub(super) async fn execute(
        &self,
        asked: Asked<'_>,
        ready: &Ready,
        mut timing: Timing,
    ) -> Result<Response, Stop> {
        let state = asked.state;
        let execution = Execution {
            operation: state,
            selection: &ready.selection,
            shape: &self.shape,
            variables: &ready.variables,
            root: &self.root,
            introspected: &ready.introspected,
        };
        let executed = self.within_time(asked, execution.run()).await?;
        let id = state.context.request();
        state.confirm().await?;
        timing.part("data");
        let hidden = executed.redactions.values().map(|one| one.count).sum();
        self.metrics.redacted(hidden);
        let recorded = match asked.plan.kind {
            OperationType::Query => {
                record::query(state, asked.plan, asked.measure, asked.document, hidden).await
            }
            OperationType::Mutation | OperationType::Subscription => {
                record::refused_mutations(state).await
            }
        };
        recorded.map_err(|error: StoreError| failed(&error.into(), id))?;
        timing.part("audit");
        let response = answered(executed, asked.measure, asked.plan.deprecation, state);
        Ok(Response {
            timing: state.may_explore.then_some(timing),
            ..response
        })
    }
}

/// The answer to what ran.
pub(super) fn answered(
    executed: Executed,
    measure: &Measure,
    deprecation: Option<Deprecation>,
    state: &Operation,
) -> Response {
    let mut response = Response {
        data: Some(executed.data),
        errors: executed.errors,
        extensions: cost(measure),
        deprecation,
        timing: None,
    };
    if !executed.redactions.is_empty() {
        let told = told(executed.redactions, state.reveal_rules);
        response.extensions.insert("redactions", told);
    }
    response
}

/// The answer to a request whose document or variables are not right.
pub(super) fn faulty(mut faults: Vec<ServerError>, measure: &Measure, id: RequestId) -> Response {
    let mut told = HashSet::new();
    faults.retain(|fault| told.insert((fault.message.clone(), fault.locations.clone())));
    faults.truncate(ERRORS_MAX);
    for fault in &mut faults {
        if let Some((end, _)) = fault.message.char_indices().nth(MESSAGE_MAX) {
            fault.message.truncate(end);
            fault.message.push('…');
        }
        error::complete(fault, id);
    }
    Response {
        extensions: cost(measure),
        ..Response::refused(faults)
    }
}

fn cost(measure: &Measure) -> BTreeMap<&'static str, Value> {
    let cost = IndexMap::from([(Name::new("requested"), Value::from(measure.cost))]);
    [("cost", Value::Object(cost))].into()
}

/// What was hidden, with the rules for those who may know them.
fn told(redactions: BTreeMap<String, Redaction>, reveal_rules: bool) -> Value {
    let told = redactions.into_iter().map(|(path, redaction)| {
        let rule = reveal_rules.then(|| Value::from(redaction.rule));
        Value::Object(IndexMap::from([
            (Name::new("path"), Value::from(path)),
            (Name::new("rule"), rule.unwrap_or_default()),
            (Name::new("count"), Value::from(redaction.count)),
        ]))
    });
    Value::List(told.collect())
}
