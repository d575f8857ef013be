//! Whether whoever listens may go on.

use std::time::Duration;

use async_graphql::{Error, Pos, ServerError};
use countersign_domain::id::RequestId;
use countersign_entities::{EnterError, RequestFacts};
use countersign_policies::Decision;

use super::{
    super::{
        super::{
            answer::Response,
            error::GraphqlError,
            operation::{Operation, Way},
            plan::{Plan, RootField},
            record,
            request::{Answer, Stop},
        },
        Endpoint,
    },
    EventStream,
};

/// How long a stream lasts.
const LIFETIME: Duration = Duration::from_hours(1);

/// Why a stream has ended, in a word of the log, and what its listener is told of it.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) why: &'static str,
    pub(super) told: Option<Response>,
}

impl Over {
    const fn quietly(why: &'static str) -> Self {
        Self { why, told: None }
    }

    fn told(told: Response, why: &'static str) -> Self {
        let told = Some(told);
        Self { why, told }
    }

    pub(super) fn failed(error: GraphqlError, request: RequestId, why: &'static str) -> Self {
        Self::told(told(error, request, false), why)
    }
}

impl EventStream {
    /// What the listener may do now; nothing while nobody can say.
    pub(super) async fn admitted(&self, endpoint: &Endpoint) -> Result<Option<Operation>, Over> {
        let facts = RequestFacts {
            at: endpoint.database.clock().now(),
            ..self.facts
        };
        let open_for = facts.at.signed_duration_since(self.facts.at).to_std();
        if *self.closing.borrow() {
            return Err(Over::quietly("the server stops"));
        }
        if open_for.is_ok_and(|open_for| open_for > LIFETIME) {
            return Err(Over::quietly("its time is over"));
        }
        let failed = |error, why| Over::failed(error, facts.request, why);
        let entered = endpoint.database.enter(&self.credential, &facts, &[]).await;
        let (context, reader) = match entered {
            Ok((context, reader)) if context.tenant() == self.tenant => (context, reader),
            // Away for a moment. Nothing is lost: what happens meanwhile is read later.
            Err(EnterError::Unavailable(_) | EnterError::Store(_)) => return Ok(None),
            // Whoever listens learns from the next stream's tenant.
            Ok(_) => return Err(Over::quietly("the session is in another tenant")),
            Err(_) => {
                return Err(failed(
                    GraphqlError::Unauthenticated,
                    "the credential ended",
                ));
            }
        };
        let way = Way::Read(reader);
        let state = endpoint.decide(endpoint.services(), context, way, &self.plan);
        let fit = endpoint.check_form(&state, &self.plan, self.own_text);
        match fit.await {
            Ok(()) => {}
            Err(Stop::Answer(Answer::Refused(_, error))) => {
                let response = Response::refused(vec![*error]);
                return Err(Over::told(response, "refused by policy"));
            }
            Err(_) => return Err(failed(GraphqlError::Unavailable, "failed")),
        }
        let denied = match self.plan.roots.first() {
            Some(root) => denied(&state, &self.plan, root).await,
            None => Err(GraphqlError::Internal),
        };
        match denied {
            Ok(None) => Ok(Some(state)),
            Ok(Some(response)) => Err(Over::told(response, "refused by policy")),
            Err(error) => Err(failed(error, "failed")),
        }
    }
}

/// The answer to a caller who may not listen, which is recorded.
pub(super) async fn denied(
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
    Ok(Some(told(error, request, reveal)))
}

/// An error as the answer that a listener is sent.
pub(super) fn told(error: GraphqlError, request: RequestId, reveal_rules: bool) -> Response {
    let Error {
        message,
        extensions,
        ..
    } = error.into_error(request, reveal_rules);
    let mut error = ServerError::new(message, None::<Pos>);
    error.extensions = extensions;
    Response::refused(vec![error])
}
