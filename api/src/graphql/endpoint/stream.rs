//! Subscriptions: a stream of answers, each decided anew.
//!
//! Whoever listens is let in again before every event, and at least every few seconds: a credential
//! that ends, a membership that is lost, a role that may no longer read ends the stream. The audit log
//! has the beginning of a stream, before its first event leaves, and its end with the number of events.

mod ending;
mod places;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use async_graphql::{Error, Pos, ServerError};
use countersign_domain::id::{RequestId, TenantId};
use countersign_entities::{Credential, EnterError, RequestFacts};
use countersign_policies::Decision;
use ending::Ending;
use places::STREAMS_MAX;
use tokio::sync::watch;

pub(super) use places::Streams;

use super::{
    super::{
        answer::Response,
        coerce,
        deprecation::Deprecation,
        error::GraphqlError,
        execute::Execution,
        field::Event,
        operation::{Operation, Way},
        plan::{Measure, Plan, RootField},
        record,
        request::{Answer, Stop},
        selection::What,
        subscriptions::Feed,
        value::{Object, Output},
    },
    Endpoint,
    execution::{Asked, Ready, answered},
    failed, refused,
};
use crate::code::Code;

/// How often a listener is let in again where nothing happens.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often something is sent where nothing happens, so that nobody on the way gives up.
const HEARTBEAT: Duration = Duration::from_secs(12);
/// How long a stream lasts.
const LIFETIME: Duration = Duration::from_hours(1);

/// What a stream sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An answer, as JSON.
    Next(Vec<u8>),
    /// Nothing, to say that the stream is there.
    Silence,
    /// There will be no more.
    Complete,
}

/// A subscription that was opened.
#[derive(Debug)]
pub struct EventStream {
    credential: Credential,
    facts: RequestFacts,
    tenant: TenantId,
    plan: Arc<Plan>,
    measure: Measure,
    own_text: bool,
    ready: Ready,
    feed: Feed,
    /// What is to be sent.
    frames: VecDeque<Frame>,
    sent: Instant,
    opened: Instant,
    /// Until when the principal's quota is used up.
    paused: Option<Instant>,
    closing: watch::Receiver<bool>,
    ending: Ending,
}

/// Who wants to listen, and to what.
#[derive(Clone, Copy)]
pub(super) struct Listener<'a> {
    pub(super) credential: &'a Credential,
    pub(super) facts: &'a RequestFacts,
    pub(super) plan: &'a Arc<Plan>,
    pub(super) own_text: bool,
}

impl Endpoint {
    /// Opens the stream of a subscription that was let in, decided and found valid.
    pub(super) async fn open_stream(
        &self,
        asked: Asked<'_>,
        ready: Ready,
        call: Listener<'_>,
    ) -> Result<EventStream, Stop> {
        let Listener {
            credential,
            facts,
            plan,
            own_text,
        } = call;
        let state = asked.state;
        let id = state.context.request();
        let Some(root) = plan.roots.first() else {
            return Err(failed(&GraphqlError::Internal, id).into());
        };
        let denied = denied(state, plan, root).await;
        if let Some(refusal) = denied.map_err(|error| failed(&error, id))? {
            return Err(Answer::Ran(Box::new(refusal)).into());
        }
        let Some(place) = self.streams.take(&state.context) else {
            let message = format!("at most {STREAMS_MAX} streams at a time: close another one");
            return Err(refused(Code::RateLimited, message, id).into());
        };
        let feed = match self.feed(asked, &ready).await {
            Ok(feed) => feed,
            Err(error) => return Err(Answer::Ran(Box::new(answer(error, id, false))).into()),
        };
        state.confirm().await?;
        let recorded = record::stream_opened(state, plan, asked.document).await;
        recorded.map_err(|error| failed(&error.into(), id))?;
        let now = Instant::now();
        Ok(EventStream {
            credential: credential.clone(),
            facts: *facts,
            tenant: state.tenant(),
            plan: Arc::clone(plan),
            measure: asked.measure.clone(),
            own_text,
            ready,
            feed,
            // At once, so that the caller knows that it is heard.
            frames: [Frame::Silence].into(),
            sent: now,
            opened: now,
            paused: None,
            closing: self.streams.closing.subscribe(),
            ending: Ending {
                database: state.services.database.clone(),
                context: state.context.clone(),
                permission: record::permissions(state, asked.plan),
                events: 0,
                why: None,
                is_recorded: false,
                _place: place,
            },
        })
    }

    /// Ends every stream: the process is about to stop.
    pub fn close_streams(&self) {
        self.streams.closing.send_replace(true);
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.streams.count()
    }

    async fn feed(&self, asked: Asked<'_>, ready: &Ready) -> Result<Feed, GraphqlError> {
        let selected = ready.selection.fields.first();
        let selected = selected
            .ok_or_else(|| GraphqlError::BadInput("the subscription selects nothing".to_owned()))?;
        let What::Field { on, name, .. } = &selected.what else {
            let sentence = "a subscription selects a field of `Subscription`";
            return Err(GraphqlError::BadInput(sentence.to_owned()));
        };
        let shape = self.shape.field(on, name).ok_or(GraphqlError::Internal)?;
        let given = &selected.arguments;
        let arguments = coerce::arguments(&self.shape, &shape.arguments, given, &ready.variables)
            .map_err(GraphqlError::BadInput)?;
        Feed::open(name, &arguments, asked.state).await
    }
}

impl EventStream {
    /// Whose events it tells.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whether what is listened to is on its way out, and until when it is there.
    pub(crate) fn deprecation(&self) -> Option<Deprecation> {
        self.plan.deprecation
    }

    /// The next frame, once there is one; `None` after the last.
    pub async fn next(&mut self, endpoint: &Endpoint) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                if frame == Frame::Complete {
                    self.ending.record().await;
                }
                self.sent = Instant::now();
                return Some(frame);
            }
            if self.ending.why.is_some() {
                return None;
            }
            let closing = tokio::select! {
                () = wait(&mut self.feed, self.paused) => false,
                _ = self.closing.wait_for(|closing| *closing) => true,
            };
            self.paused = None;
            if closing {
                self.end("the server stops");
            } else if self.opened.elapsed() > LIFETIME {
                self.end("its time is over");
            } else {
                self.look(endpoint).await;
            }
            if self.frames.is_empty() && self.sent.elapsed() > HEARTBEAT {
                self.frames.push_back(Frame::Silence);
            }
        }
    }

    /// Lets the listener in again, and reads what has happened.
    async fn look(&mut self, endpoint: &Endpoint) {
        let facts = RequestFacts {
            at: endpoint.database.clock().now(),
            ..self.facts
        };
        let entered = endpoint.database.enter(&self.credential, &facts, &[]).await;
        let (context, reader) = match entered {
            Ok((context, reader)) if context.tenant() == self.tenant => (context, reader),
            // Away for a moment. Nothing is lost: what happens meanwhile is read later.
            Err(EnterError::Unavailable(_) | EnterError::Store(_)) => return,
            // Whoever listens learns from the next stream's tenant.
            Ok(_) => return self.end("the session is in another tenant"),
            Err(_) => return self.fail(GraphqlError::Unauthenticated, "the credential ended"),
        };
        let way = Way::Read(reader);
        let state = endpoint.decide(context, way, &self.plan);
        let fit = endpoint.check_form(&state, &self.plan, self.own_text);
        match fit.await {
            Ok(()) => {}
            Err(Stop::Answer(Answer::Refused(_, error))) => {
                self.send(Response::refused(vec![*error]));
                return self.end("refused by policy");
            }
            Err(_) => return self.fail(GraphqlError::Unavailable, "failed"),
        }
        let denied = match self.plan.roots.first() {
            Some(root) => denied(&state, &self.plan, root).await,
            None => Err(GraphqlError::Internal),
        };
        match denied {
            Ok(None) => {}
            Ok(Some(response)) => {
                self.send(response);
                return self.end("refused by policy");
            }
            Err(error) => return self.fail(error, "failed"),
        }
        match self.feed.take(&state).await {
            Ok(happened) => self.tell(endpoint, &state, happened).await,
            Err(error @ GraphqlError::Unavailable) => drop(error),
            Err(error) => self.fail(error, "failed"),
        }
        state.close_reader().await;
    }

    /// Answers once for each thing that happened.
    async fn tell(&mut self, endpoint: &Endpoint, state: &Operation, happened: Vec<Output>) {
        if happened.is_empty() {
            return;
        }
        let events = u64::try_from(happened.len()).unwrap_or(u64::MAX);
        let cost = self.measure.cost.saturating_mul(events);
        let stands = endpoint
            .rate_limits
            .by_principal(&state.context, cost)
            .await;
        let pause = stands.retry_after.map(|s| Duration::from_secs(s.into()));
        self.paused = pause.and_then(|pause| Instant::now().checked_add(pause));
        for output in happened {
            let root = Object {
                ty: None,
                value: Arc::new(Event(output)),
            };
            let execution = Execution {
                operation: state,
                selection: &self.ready.selection,
                shape: &endpoint.shape,
                variables: &self.ready.variables,
                root: &root,
                introspected: &self.ready.introspected,
            };
            let time_max = endpoint.limits.time_max;
            let Ok(executed) = tokio::time::timeout(time_max, execution.run()).await else {
                return self.fail(GraphqlError::Unavailable, "an event took too long");
            };
            let hidden = executed.redactions.values().map(|one| one.count).sum();
            endpoint.metrics.redacted(hidden);
            let response = answered(executed, &self.measure, self.plan.deprecation, state);
            self.ending.events = self.ending.events.saturating_add(1);
            self.send(response);
        }
    }

    fn send(&mut self, response: Response) {
        self.frames.push_back(Frame::Next(response.into_json()));
    }

    fn fail(&mut self, error: GraphqlError, why: &'static str) {
        let response = answer(error, self.facts.request, false);
        self.send(response);
        self.end(why);
    }

    fn end(&mut self, why: &'static str) {
        self.frames.push_back(Frame::Complete);
        self.ending.why = Some(why);
    }
}

async fn wait(feed: &mut Feed, paused: Option<Instant>) {
    if let Some(until) = paused {
        tokio::time::sleep_until(until.into()).await;
    }
    feed.wait(LOOK_AGAIN).await;
}

/// The answer to a caller who may not listen, which is recorded.
async fn denied(
    state: &Operation,
    plan: &Plan,
    root: &RootField,
) -> Result<Option<Response>, GraphqlError> {
    let Decision::Deny(refusal) = state.decisions.get(root.action) else {
        return Ok(None);
    };
    state
        .confirm()
        .await
        .map_err(|_| GraphqlError::Unavailable)?;
    record::stream_refused(state, plan).await?;
    let (request, reveal) = (state.context.request(), state.reveal_rules);
    let error = GraphqlError::Refused(refusal.clone());
    Ok(Some(answer(error, request, reveal)))
}

fn answer(error: GraphqlError, request: RequestId, reveal_rules: bool) -> Response {
    let Error {
        message,
        extensions,
        ..
    } = error.into_error(request, reveal_rules);
    let mut error = ServerError::new(message, None::<Pos>);
    error.extensions = extensions;
    Response::refused(vec![error])
}
