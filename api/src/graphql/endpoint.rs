//! The way of a request, step by step.

mod admission;

use std::sync::Arc;

use admission::within_quota;
use async_graphql::{Name, Response, Value, Variables, dynamic::Schema, indexmap::IndexMap};
use async_graphql_parser::types::{OperationDefinition, OperationType};
use countersign_domain::id::RequestId;
use countersign_entities::{Credential, Database, RequestFacts, StoreError};
use countersign_policies::{ActionId, Engine};

use super::{
    BuildError, answer,
    completion::{self, Completion},
    cursor::CursorKey,
    document::{self, Document, DocumentError, DocumentId, Documents},
    dry_run,
    error::{self, GraphqlError, request_error},
    limits::Limits,
    operation::Operation,
    plan::{Measure, MeasureError, Plan, Planner, root_type},
    record, repeat,
    request::{Answer, GraphqlRequest, Method, Source},
    schema,
    shape::SchemaShape,
};
use crate::{
    app::Services,
    code::Code,
    metrics::Metrics,
    rate_limit::{RateLimits, Standing},
};

/// The most errors of an answer to a request that did not run.
const ERRORS_MAX: usize = 20;

/// The endpoint. One for the process.
#[derive(Debug)]
pub struct Endpoint {
    services: Services,
    schema: Schema,
    shape: SchemaShape,
    documents: Documents,
    limits: Limits,
    cursor_key: CursorKey,
    explain: Option<ActionId>,
    introspect: Option<ActionId>,
    rate_limits: Arc<RateLimits>,
    metrics: Arc<Metrics>,
}

impl Endpoint {
    /// Builds the schema; fails where a field has no action, which is a fault of the build.
    pub fn new(
        database: Database,
        engine: Engine,
        limits: Limits,
        cursor_key: CursorKey,
        rate_limits: Arc<RateLimits>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BuildError> {
        let schema = schema::build(&engine)?;
        let shape = SchemaShape::parse(&schema.sdl()).map_err(BuildError::Sdl)?;
        Ok(Self {
            schema,
            shape,
            documents: Documents::new().map_err(BuildError::Documents)?,
            limits,
            cursor_key,
            explain: engine.action("Capability.explainRefusal"),
            introspect: engine.action("Capability.introspect"),
            rate_limits,
            metrics,
            services: Services { database, engine },
        })
    }

    /// The bounds of a request.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets everybody run that text by its id, which is returned. The web app's own documents are
    /// published from the start.
    pub fn publish(&self, text: &str) -> DocumentId {
        self.documents.publish(text)
    }

    /// Publishes every document of a manifest, and says how many: a JSON object of texts, or of
    /// objects with a `text`.
    pub fn publish_manifest(&self, json: &str) -> Result<usize, serde_json::Error> {
        self.documents.publish_manifest(json)
    }

    /// Runs a request for a credential, and says where its principal stands with its quota.
    pub async fn run(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        method: Method,
        request: GraphqlRequest,
    ) -> (Answer, Option<Standing>) {
        let mut standing = None;
        let answer = self
            .try_run(credential, facts, method, request, &mut standing)
            .await;
        let answer = match answer {
            Ok((kind, response)) => {
                self.metrics.operation(kind, answer::first_code(&response));
                Answer::Ran(Box::new(response))
            }
            Err(answer) => {
                if let Answer::Refused(code, _) = &answer {
                    self.metrics.operation("refused", Some(*code));
                }
                answer
            }
        };
        (answer, standing)
    }

    async fn try_run(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        method: Method,
        request: GraphqlRequest,
        standing: &mut Option<Standing>,
    ) -> Result<(&'static str, Response), Answer> {
        let id = facts.request;
        let document = self.document(&request.source, id)?;
        let invalid = |message| refused(Code::GraphqlValidationFailed, message, id);
        let name = request
            .operation_name
            .as_deref()
            .filter(|name| !name.is_empty());
        let (operation, plan) = document.operation(name).map_err(invalid)?;
        match (plan.kind, method) {
            (OperationType::Query, _) | (OperationType::Mutation, Method::Post) => {}
            (OperationType::Mutation, Method::Get) => {
                let message = "send a mutation by POST".to_owned();
                return Err(refused(Code::MethodNotAllowed, message, id));
            }
            (OperationType::Subscription, _) => {
                return Err(invalid("there are no subscriptions here".to_owned()));
            }
        }
        let variables = completion::with_defaults(&request.variables, operation);
        let measure = self.measure(&document, operation, &variables, id)?;
        let (context, reader) = self.enter(credential, facts, &measure).await?;
        let charged = if request.dry_run { 1 } else { measure.cost };
        let stands = self.rate_limits.by_principal(&context, charged).await;
        *standing = Some(stands);
        let reader = within_quota(reader, stands, id).await?;
        let own_text = matches!(request.source, Source::Text(_));
        let state = self
            .decide(context, reader, &plan, own_text, request.dry_run)
            .await?;
        if request.dry_run || plan.kind == OperationType::Mutation {
            // A mutation takes a connection of its own.
            state
                .close_reader()
                .await
                .map_err(|error| failed(&error, id))?;
        }
        if request.dry_run {
            let variables = request.variables;
            return self
                .dry_run(&state, &document, &plan, &measure, name, variables)
                .await;
        }
        if plan.kind == OperationType::Mutation {
            let request = repeat::request(&document, name, &request.variables);
            repeat::claim(&state, &plan, request).await?;
        }
        let response = self
            .execute(&state, &document, name, request.variables)
            .await;
        state
            .close_reader()
            .await
            .map_err(|error| failed(&error, id))?;
        let response = self.complete(response, &state, &document, operation, &variables, &measure);
        self.record(&state, &plan, &measure, &document, &response)
            .await?;
        if plan.kind == OperationType::Mutation {
            repeat::settle(&state, &plan, &response).await;
        }
        let kind = match plan.kind {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        Ok((kind, response))
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
        let services = &self.services;
        self.documents
            .get(text, &self.limits, &self.shape, &services.engine)
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
        let planner = Planner {
            shape: &self.shape,
            engine: &self.services.engine,
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

    /// Validates the document, with every field closed, and describes what would run.
    async fn dry_run(
        &self,
        state: &Arc<Operation>,
        document: &Document,
        plan: &Plan,
        measure: &Measure,
        name: Option<&str>,
        variables: Variables,
    ) -> Result<(&'static str, Response), Answer> {
        let request = state.context.request();
        let mut response = self.execute(state, document, name, variables).await;
        if answer::is_request_error(&response) {
            response.errors.truncate(ERRORS_MAX);
            for error in &mut response.errors {
                error::complete(error, request);
            }
        } else {
            response.errors.clear();
            dry_run::describe(&mut response, state, plan, measure, &self.limits);
        }
        let recorded = record::dry_run(state, document).await;
        recorded.map_err(|error| failed(&error.into(), request))?;
        Ok(("dry_run", response))
    }

    async fn execute(
        &self,
        operation: &Arc<Operation>,
        document: &Document,
        name: Option<&str>,
        variables: Variables,
    ) -> Response {
        // The text is not needed: the parsed document is set below.
        let mut request = async_graphql::Request::new(String::new())
            .variables(variables)
            .data(Arc::clone(operation));
        request.operation_name = name.map(str::to_owned);
        request.set_parsed_query(document.parsed.clone());
        self.schema.execute(request).await
    }

    fn complete(
        &self,
        mut response: Response,
        operation: &Operation,
        document: &Document,
        definition: &OperationDefinition,
        variables: &Variables,
        measure: &Measure,
    ) -> Response {
        let request = operation.context.request();
        if answer::is_request_error(&response) {
            response.errors.truncate(ERRORS_MAX);
        }
        for error in &mut response.errors {
            error::complete(error, request);
        }
        let ran = response.errors.is_empty() || !answer::is_request_error(&response);
        let set = &definition.selection_set.node;
        if ran && (!response.errors.is_empty() || set.items.len() > 1) {
            let completion = Completion {
                shape: &self.shape,
                document: &document.parsed,
                variables,
            };
            let data = std::mem::take(&mut response.data);
            response.data = completion.data(data, set, root_type(definition.ty));
        }
        let hidden = operation.redactions();
        self.metrics
            .redacted(hidden.values().map(|one| one.count).sum());
        let redactions = redactions(operation);
        if !redactions.is_empty() {
            response
                .extensions
                .insert("redactions".to_owned(), Value::List(redactions));
        }
        let cost = IndexMap::from([(Name::new("requested"), Value::from(measure.cost))]);
        response
            .extensions
            .insert("cost".to_owned(), Value::Object(cost));
        response
    }

    /// Law 4: the answer leaves after its audit row is durable, or not at all.
    async fn record(
        &self,
        operation: &Operation,
        plan: &Plan,
        measure: &Measure,
        document: &Document,
        response: &Response,
    ) -> Result<(), Answer> {
        let recorded = match plan.kind {
            // Nothing was invoked where the document is not valid.
            _ if answer::is_request_error(response) && operation.refusals().is_empty() => Ok(()),
            OperationType::Query => record::query(operation, plan, measure, document).await,
            OperationType::Mutation | OperationType::Subscription => {
                record::refused_mutations(operation).await
            }
        };
        recorded.map_err(|error: StoreError| failed(&error.into(), operation.context.request()))
    }
}

fn redactions(operation: &Operation) -> Vec<Value> {
    let redactions = operation.redactions().into_iter().map(|(path, redaction)| {
        let rule = if operation.reveal_rules {
            Value::from(redaction.rule)
        } else {
            Value::Null
        };
        Value::Object(IndexMap::from([
            (Name::new("path"), Value::from(path)),
            (Name::new("rule"), rule),
            (Name::new("count"), Value::from(redaction.count)),
        ]))
    });
    redactions.collect()
}

pub(super) fn refused(code: Code, message: String, request: RequestId) -> Answer {
    Answer::Refused(code, Box::new(request_error(code, message, request)))
}

pub(super) fn failed(error: &GraphqlError, request: RequestId) -> Answer {
    let message = match error {
        GraphqlError::Unavailable => "the service is away for a moment: try again",
        _ => "something failed on our side: name the request id to support",
    };
    refused(error.code(), message.to_owned(), request)
}
