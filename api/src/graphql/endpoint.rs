//! The way of a request, step by step.

mod admission;
mod execution;
mod long_reads;
mod reading;
mod stream;

use std::sync::Arc;

use admission::{Purpose, finds_out, within_quota};
use async_graphql::{Variables, dynamic::Schema};
use async_graphql_parser::types::{OperationDefinition, OperationType};
use countersign_domain::id::{RequestId, TenantId};
use countersign_entities::{Asking, Credential, Database, RequestContext, RequestFacts};
use countersign_policies::{ActionId, EXPLAIN_REFUSAL, INTROSPECT};
use execution::{Asked, faulty};
use long_reads::long_reads;
use reading::operation;
use stream::{Listener, Streams};
use tracing::{Instrument, field::Empty};

pub use stream::{Ask, EventStream, Frame};

use super::{
    BuildError,
    answer::Response,
    document::{Document, DocumentId, Documents},
    dry_run,
    error::{GraphqlError, request_error},
    field::Fields,
    limits::Limits,
    operation::Way,
    plan::{Measure, Plan},
    record, repeat,
    request::{Answer, GraphqlRequest, Method, Source, Stop, named},
    schema::{self, RootValue, Suggestions},
    selection::Selection,
    shape::SchemaShape,
    timing::Timing,
    value::Object,
};
use crate::{
    app::{Services, import_progress::ImportBoard, statements::ImportPlaces},
    code::Code,
    metrics::Metrics,
    places::Shares,
    policies::ServingPolicies,
    providers::Providers,
    rate_limit::{RateLimits, Standing},
};

/// How often a request begins anew whose caller is changed while it runs.
const ENTRANCES_MAX: usize = 3;

/// A request that was read, and has let nobody in yet.
#[derive(Clone)]
struct Call<'a> {
    services: Services,
    document: &'a Document,
    definition: &'a OperationDefinition,
    name: Option<&'a str>,
    selection: Option<Arc<Selection>>,
    plan: &'a Arc<Plan>,
    measure: &'a Measure,
    credential: &'a Credential,
    facts: &'a RequestFacts,
    /// Whether the text came with the request, and is not a published one.
    own_text: bool,
    dry_run: bool,
    variables: Variables,
    /// The tenant that it is meant for, where that is said.
    meant_for: Option<TenantId>,
    /// Where its principal stands after it was paid for, where it was.
    paid: Option<Standing>,
    timing: Timing,
}

impl Call<'_> {
    fn purpose(&self) -> Purpose {
        if self.plan.kind != OperationType::Mutation || self.dry_run {
            return Purpose::Read;
        }
        Purpose::Write(Asking {
            request: repeat::request(self.document, self.name, &self.variables),
            policies: *self.services.engine.sha256(),
        })
    }
}

/// The endpoint. One for the process.
#[derive(Debug)]
pub struct Endpoint {
    database: Database,
    policies: Arc<ServingPolicies>,
    imports: ImportBoard,
    import_places: Arc<ImportPlaces>,
    providers: Providers,
    /// For validation and introspection; it executes nothing.
    schema: Schema,
    /// The same, which says what may have been meant: for those who may know what there is.
    suggesting: Schema,
    fields: Fields,
    /// The value behind the root types.
    root: Object,
    shape: SchemaShape,
    documents: Documents,
    limits: Limits,
    explain: Option<ActionId>,
    introspect: Option<ActionId>,
    streams: Streams,
    long_reads: Shares,
    rate_limits: Arc<RateLimits>,
    metrics: Arc<Metrics>,
}

impl Endpoint {
    /// Builds the schema; fails where a field has no action, which is a fault of the build.
    pub fn new(
        database: Database,
        policies: Arc<ServingPolicies>,
        limits: Limits,
        providers: Providers,
        imports: ImportBoard,
        rate_limits: Arc<RateLimits>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BuildError> {
        // Actions have the same numbers in whatever policies come to serve.
        let engine = policies.current().engine.clone();
        let (schema, fields) = schema::build(&engine, Suggestions::Off)?;
        let (suggesting, _) = schema::build(&engine, Suggestions::On)?;
        let shape = SchemaShape::parse(&schema.sdl()).map_err(BuildError::Sdl)?;
        Ok(Self {
            schema,
            suggesting,
            fields,
            root: Object {
                ty: None,
                value: Arc::new(RootValue),
            },
            shape,
            documents: Documents::new().map_err(BuildError::Documents)?,
            limits,
            explain: engine.action(EXPLAIN_REFUSAL),
            introspect: engine.action(INTROSPECT),
            streams: Streams::new(&limits),
            long_reads: long_reads(),
            rate_limits,
            metrics,
            database,
            policies,
            imports,
            import_places: Arc::default(),
            providers,
        })
    }

    /// What one request works with: one set of policies, from its beginning to its end.
    fn services(&self) -> Services {
        let policies = self.policies.current();
        Services {
            database: self.database.clone(),
            engine: policies.engine.clone(),
            certificate: policies.certificate.clone(),
            imports: self.imports.clone(),
            import_places: Arc::clone(&self.import_places),
            providers: self.providers.clone(),
        }
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
        let span = tracing::debug_span!(
            "graphql",
            graphql.operation.type = Empty,
            graphql.document.hash = Empty,
        );
        let answer = self
            .try_run(credential, facts, method, request, &mut standing)
            .instrument(span)
            .await;
        let answer = match answer {
            Ok((kind, response)) => {
                self.metrics.operation(kind, response.first_code());
                Answer::Ran(Box::new(response))
            }
            Err(answer) => {
                match &answer {
                    Answer::Refused(code, _) => self.metrics.operation("refused", Some(*code)),
                    Answer::Streams(_) => self.metrics.operation("subscription", None),
                    _ => {}
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
        let own_text = matches!(request.source, Source::Text(_));
        let (document, measure) = match self.read(&request, method, id) {
            Ok(read) => read,
            Err(answer) => {
                let told = self.unread(credential, facts, own_text, answer, standing);
                return Err(told.await);
            }
        };
        let (definition, planned) = operation(&document, &request, id)?;
        let GraphqlRequest {
            operation_name,
            variables,
            dry_run,
            meant_for,
            ..
        } = request;
        let name = named(operation_name.as_deref());
        let span = tracing::Span::current();
        if !span.is_disabled() {
            span.record("graphql.operation.type", kind(planned.plan.kind));
            span.record("graphql.document.hash", hex::encode(document.sha256));
        }
        let mut call = Call {
            services: self.services(),
            document: &document,
            definition,
            name,
            selection: planned.selection,
            plan: &planned.plan,
            measure: &measure,
            credential,
            facts,
            own_text,
            dry_run,
            variables,
            meant_for,
            paid: None,
            timing: Timing::start(),
        };
        let purpose = call.purpose();
        if call.plan.kind == OperationType::Query || matches!(purpose, Purpose::Write(_)) {
            let presumed = self.presume(credential, facts, &measure, purpose).await;
            if let Some((context, way)) = presumed {
                let again = call.clone();
                match self.run_entered(context, way, call, standing).await {
                    Ok(done) => return Ok(done),
                    Err(Stop::Answer(answer)) => return Err(answer),
                    // It was paid for, and nobody has been let in.
                    Err(Stop::Rebutted | Stop::Strange) => {
                        call = Call {
                            paid: standing.take(),
                            ..again
                        }
                    }
                }
            }
        }
        self.let_in_and_run(call, purpose, standing).await
    }

    /// Lets the caller in and runs it, and once more where they are changed while it runs.
    async fn let_in_and_run(
        &self,
        mut call: Call<'_>,
        purpose: Purpose,
        standing: &mut Option<Standing>,
    ) -> Result<(&'static str, Response), Answer> {
        for _ in 0..ENTRANCES_MAX {
            let (context, way) = self.enter(&call, purpose).await?;
            let entered = self.run_entered(context, way, call.clone(), standing);
            match entered.await {
                Ok(done) => return Ok(done),
                Err(Stop::Answer(answer)) => return Err(answer),
                // Whoever has entered was changed or ended before it was done.
                Err(Stop::Rebutted | Stop::Strange) => call.paid = standing.take(),
            }
        }
        Err(failed(&GraphqlError::Unavailable, call.facts.request))
    }

    /// Decides, runs and records what a caller who was let in, or is presumed to be, asks for. What names
    /// something that the caller may know nothing of is refused here, whatever it is.
    async fn run_entered(
        &self,
        context: RequestContext,
        way: Way,
        call: Call<'_>,
        standing: &mut Option<Standing>,
    ) -> Result<(&'static str, Response), Stop> {
        let (by, measure) = (context.clone(), call.measure);
        match self.run_let_in(context, way, call, standing).await {
            Err(Stop::Strange) => Err(self.strange_ids(&by, measure).await.into()),
            done => done,
        }
    }

    async fn run_let_in(
        &self,
        context: RequestContext,
        way: Way,
        mut call: Call<'_>,
        standing: &mut Option<Standing>,
    ) -> Result<(&'static str, Response), Stop> {
        let id = context.request();
        let (plan, measure) = (call.plan, call.measure);
        let stands = if let Some(paid) = call.paid {
            paid
        } else {
            self.charge(&context, measure, call.dry_run).await
        };
        *standing = Some(stands);
        let way = within_quota(way, stands, id).await?;
        call.timing.part("entrance");
        let state = self.decide(call.services.clone(), context, way, plan);
        self.check_tenant(&state, call.meant_for).await?;
        let finds_out = finds_out(&state, &call);
        if !finds_out {
            self.look_for_named(&state, measure).await?;
        }
        self.check_form(&state, plan, call.own_text).await?;
        call.timing.part("authorization");
        let asked = Asked {
            document: call.document,
            definition: call.definition,
            plan,
            measure,
            state: &state,
        };
        let (name, variables) = (call.name, call.variables);
        let ready = self.prepare(asked, call.selection, name, variables, call.dry_run);
        let ready = ready.await;
        if ready.is_err() && finds_out {
            self.look_for_named(&state, measure).await?;
        }
        if ready.is_err() || call.dry_run {
            state.confirm().await?;
        }
        let ready = match ready {
            Ok(ready) => ready,
            // Nothing was invoked where the document is not valid.
            Err(faults) => return Ok((kind(plan.kind), faulty(faults, measure, id))),
        };
        if call.dry_run {
            let recorded = record::dry_run(&state, call.document).await;
            recorded.map_err(|error| failed(&error.into(), id))?;
            let described = dry_run::describe(&state, plan, measure, &self.limits);
            return Ok(("dry_run", described));
        }
        if plan.kind == OperationType::Subscription {
            let listener = Listener {
                credential: call.credential,
                facts: call.facts,
                plan,
                own_text: call.own_text,
            };
            let stream = self.open_stream(asked, ready, listener).await?;
            return Err(Answer::Streams(Box::new(stream)).into());
        }
        let Some(writer) = state.mutates() else {
            let _place = self.place(&state, measure).await?;
            let response = self.execute(asked, &ready, call.timing).await?;
            return Ok((kind(plan.kind), response));
        };
        repeat::claimed(&state, writer, plan, asked.document).await?;
        let response = self.execute(asked, &ready, call.timing).await?;
        repeat::settle(&state, writer, plan, asked.document, &response).await?;
        Ok((kind(plan.kind), response))
    }
}

const fn kind(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
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
