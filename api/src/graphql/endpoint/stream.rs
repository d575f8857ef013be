//! Subscriptions: a stream of answers, each decided anew.
//!
//! Whoever listens is let in again before every event, and at least every few seconds: a credential
//! that ends, a membership that is lost, a role that may no longer read ends the stream. That goes on beside
//! whoever reads, however slowly they do: what was decided a while ago is decided anew before it is sent. The
//! audit log has the beginning of a stream, before its first event leaves, and its end with the number of events.

mod ending;
mod places;
mod standing;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_domain::id::TenantId;
use countersign_entities::{Credential, RequestFacts};
use ending::Ending;
use standing::{Over, denied, told};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

pub(super) use places::Streams;

use super::{
    super::{
        coerce,
        deprecation::Deprecation,
        error::GraphqlError,
        execute::Execution,
        field::Event,
        operation::Operation,
        plan::{Measure, Plan},
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

/// How often a listener is let in again where nothing happens, and after how long what was decided is decided anew.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often something is sent where nothing happens, so that nobody on the way gives up.
const HEARTBEAT: Duration = Duration::from_secs(12);

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

/// Somebody who waits for the next frame.
pub type Ask = oneshot::Sender<Frame>;

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
    /// When that was decided.
    decided: Instant,
    /// What is sent after it has ended.
    last: VecDeque<Frame>,
    sent: Instant,
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
        let place = self.streams.take(&state.context);
        let place = place.map_err(|full| refused(Code::RateLimited, full.to_string(), id))?;
        let feed = match self.feed(asked, &ready).await {
            Ok(feed) => feed,
            Err(error) => return Err(Answer::Ran(Box::new(told(error, id, false))).into()),
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
            decided: now,
            last: VecDeque::new(),
            sent: now,
            paused: None,
            closing: self.streams.closing.subscribe(),
            ending: Ending {
                database: state.services.database.clone(),
                context: state.context.clone(),
                permission: record::permissions(state, asked.plan),
                events: 0,
                why: None,
                is_recorded: false,
                place: Some(place),
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

    /// Gives frames to whoever asks for them, and ends in its time whether anybody asks or not: whoever stops
    /// reading does not ask.
    pub async fn run(mut self, endpoint: &Endpoint, mut asks: mpsc::Receiver<Ask>) {
        loop {
            match timeout(LOOK_AGAIN, asks.recv()).await {
                Ok(Some(mut ask)) => {
                    let Some(frame) = self.next(endpoint, &mut ask).await else {
                        return;
                    };
                    // Whoever has left meanwhile asks no more.
                    let _ = ask.send(frame);
                }
                Ok(None) => return,
                Err(_) => self.look_beside(endpoint).await,
            }
        }
    }

    /// The next frame, once there is one; `None` after the last, or where whoever asks has left.
    async fn next(&mut self, endpoint: &Endpoint, ask: &mut Ask) -> Option<Frame> {
        if self.decided.elapsed() > LOOK_AGAIN {
            self.frames.retain(|frame| *frame == Frame::Silence);
        }
        loop {
            if let Some(frame) = self.frames.pop_front() {
                if let Frame::Next(_) = frame {
                    self.feed.sent();
                    self.ending.events = self.ending.events.saturating_add(1);
                }
                self.sent = Instant::now();
                return Some(frame);
            }
            if self.ending.why.is_some() {
                self.ending.record().await;
                return self.last.pop_front();
            }
            tokio::select! {
                () = wait(&mut self.feed, self.paused) => {}
                _ = self.closing.wait_for(|closing| *closing) => {}
                () = ask.closed() => return None,
            }
            self.paused = None;
            self.look(endpoint).await;
            if self.frames.is_empty() && self.sent.elapsed() > HEARTBEAT {
                self.frames.push_back(Frame::Silence);
            }
        }
    }

    /// Ends the stream where it has to, while nobody asks what has happened.
    async fn look_beside(&mut self, endpoint: &Endpoint) {
        if self.ending.why.is_some() {
            return;
        }
        if let Some(state) = self.let_in_again(endpoint).await {
            state.close_reader().await;
        }
        if self.ending.why.is_some() {
            self.ending.record().await;
        }
    }

    /// Lets the listener in again, and reads what has happened.
    async fn look(&mut self, endpoint: &Endpoint) {
        self.decided = Instant::now();
        let Some(state) = self.let_in_again(endpoint).await else {
            return;
        };
        match self.feed.take(&state).await {
            Ok(happened) => self.tell(endpoint, &state, happened).await,
            Err(error @ GraphqlError::Unavailable) => drop(error),
            Err(error) => self.end(Over::failed(error, self.facts.request, "failed")),
        }
        state.close_reader().await;
    }

    /// What the listener may do now. `None` where that is nothing any more, and the stream has ended, and while
    /// nobody can say.
    async fn let_in_again(&mut self, endpoint: &Endpoint) -> Option<Operation> {
        match self.admitted(endpoint).await {
            Ok(admitted) => admitted,
            Err(over) => {
                self.end(over);
                None
            }
        }
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
            let Ok(executed) = timeout(time_max, execution.run()).await else {
                // What is before it is told first.
                if self.frames.is_empty() {
                    let (error, why) = (GraphqlError::Unavailable, "an event took too long");
                    self.end(Over::failed(error, self.facts.request, why));
                }
                return;
            };
            let hidden = executed.redactions.values().map(|one| one.count).sum();
            endpoint.metrics.redacted(hidden);
            let response = answered(executed, &self.measure, self.plan.deprecation, state);
            self.frames.push_back(Frame::Next(response.into_json()));
        }
    }

    /// What was not sent yet is not sent any more.
    fn end(&mut self, over: Over) {
        self.frames.clear();
        let told = over.told.map(|told| Frame::Next(told.into_json()));
        self.last.extend(told.into_iter().chain([Frame::Complete]));
        self.ending.why = Some(over.why);
    }
}

async fn wait(feed: &mut Feed, paused: Option<Instant>) {
    if let Some(until) = paused {
        tokio::time::sleep_until(until.into()).await;
    }
    feed.wait(LOOK_AGAIN).await;
}
