//! Mutations that are sent again under their `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).

use async_graphql::Variables;
use countersign_domain::id::RequestId;
use countersign_entities::{Claim, StoreError};
use sha2::{Digest, Sha256};

use super::{
    answer::Response,
    document::Document,
    endpoint::{failed, refused},
    operation::Operation,
    plan::{Plan, RootField},
    record,
    request::{Answer, Stop},
};
use crate::{
    app::{Again, Looks, Writer, again_of, looks_of},
    code::Code,
};

/// Whether doing it twice does harm.
fn needs_key(root: &RootField) -> bool {
    again_of(&root.name) != Again::Harmless
}

/// Waits for PostgreSQL's word on who was presumed to ask, and on the request's key, where it has one
/// or needs one. Nothing is run before; but for a mutation that looks at nothing, which PostgreSQL
/// itself does not do without that.
pub(super) async fn claimed(
    state: &Operation,
    writer: &Writer,
    plan: &Plan,
    document: &Document,
) -> Result<(), Stop> {
    let id = state.context.request();
    let has_key = state.context.has_idempotency_key();
    if let Some(root) = plan.roots.iter().find(|root| !has_key && needs_key(root)) {
        let message = format!("`{}` needs a header `Idempotency-Key`", root.name);
        state.confirm().await?;
        let code = Code::IdempotencyKeyMissing;
        let recorded = record::refused_request(state, "idempotency key", code).await;
        recorded.map_err(|error| failed(&error.into(), id))?;
        return Err(refused(code, message, id).into());
    }
    if let [root] = plan.roots.as_slice()
        && looks_of(&root.name) == Looks::AtNothing
    {
        return Ok(());
    }
    match writer.claimed().await {
        Ok(Claim::Claimed) => Ok(()),
        Ok(claim) => {
            state.confirm().await?;
            Err(missed(state, plan, document, claim).await.into())
        }
        Err(StoreError::Rebutted) => {
            let _ = writer.close().await;
            Err(Stop::Rebutted)
        }
        Err(error) => Err(failed(&error.into(), id).into()),
    }
}

/// The answer to a request whose key is another request's, once it is recorded (law 4).
async fn missed(state: &Operation, plan: &Plan, document: &Document, claim: Claim) -> Answer {
    let id = state.context.request();
    let answer = told(claim, id);
    let recorded = match &answer {
        // Not recorded: its row would wait for the chain that the mutation under way holds, and its own
        // request will be in the log.
        Answer::Refused(Code::IdempotencyKeyInUse, _) => Ok(()),
        Answer::Refused(code, _) => record::refused_request(state, "idempotency key", *code).await,
        _ => record::repeated(state, plan, document).await,
    };
    match recorded {
        Ok(()) => answer,
        Err(error) => failed(&error.into(), id),
    }
}

fn told(claim: Claim, id: RequestId) -> Answer {
    let (code, message) = match claim {
        Claim::Answered(body) => return Answer::Replayed(body),
        Claim::Gone => (
            Code::IdempotencyResultGone,
            "the mutation was done under this key, and its answer can not be repeated",
        ),
        Claim::Claimed | Claim::UnderWay => (
            Code::IdempotencyKeyInUse,
            "a request with this key is under way",
        ),
        Claim::OtherRequest => (
            Code::IdempotencyKeyReused,
            "this key belongs to another request",
        ),
    };
    refused(code, message.to_owned(), id)
}

/// SHA-256 of what was asked for.
pub(super) fn request(document: &Document, name: Option<&str>, variables: &Variables) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(document.sha256);
    digest.update(Sha256::digest(name.unwrap_or_default().as_bytes()));
    // Variables are ordered by name, so that one request has one text.
    digest.update(serde_json::to_vec(variables).unwrap_or_default());
    digest.finalize().into()
}

/// Keeps the answer where something was done; what was not done has left its key free. Where another
/// request took the key before anything was done, its answer is this one's.
///
/// A failure is logged and no more: the change was committed with the key, so that it is not done
/// again, and only the answer can not be repeated.
pub(super) async fn settle(
    state: &Operation,
    writer: &Writer,
    plan: &Plan,
    document: &Document,
    response: &Response,
) -> Result<(), Answer> {
    if !writer.has_committed() {
        return match writer.missed() {
            Some(claim) => Err(missed(state, plan, document, claim).await),
            None => Ok(()),
        };
    }
    if !state.context.has_idempotency_key() {
        return Ok(());
    }
    let secret = plan
        .roots
        .iter()
        .any(|root| again_of(&root.name) == Again::DoublesSecret);
    let body = response.to_json();
    let kept = (!secret).then_some(body.as_slice());
    let database = &state.services.database;
    if let Err(error) = database.settle(&state.context, kept).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "an answer was not kept under its idempotency key"
        );
    }
    Ok(())
}
