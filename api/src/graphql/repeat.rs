//! Mutations that are sent again under their `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).

use async_graphql::Variables;
use countersign_entities::Claim;
use sha2::{Digest, Sha256};

use super::{
    answer::Response,
    document::Document,
    endpoint::{failed, refused},
    operation::Operation,
    plan::{Plan, RootField},
    request::Answer,
};
use crate::{
    app::{Again, again_of},
    code::Code,
};

/// Whether doing it twice does harm.
fn needs_key(root: &RootField) -> bool {
    again_of(&root.name) != Again::Harmless
}

/// Claims the request's key, where it has one or needs one.
pub(super) async fn claim(state: &Operation, plan: &Plan, request: [u8; 32]) -> Result<(), Answer> {
    let id = state.context.request();
    let has_key = state.context.has_idempotency_key();
    if let Some(root) = plan.roots.iter().find(|root| !has_key && needs_key(root)) {
        let message = format!("`{}` needs a header `Idempotency-Key`", root.name);
        return Err(refused(Code::IdempotencyKeyMissing, message, id));
    }
    let database = &state.services.database;
    let claim = database.claim(&state.context, request).await;
    let (code, message) = match claim.map_err(|error| failed(&error.into(), id))? {
        Claim::Claimed => return Ok(()),
        Claim::Answered(body) => return Err(Answer::Replayed(body)),
        Claim::Gone => (
            Code::IdempotencyResultGone,
            "the mutation was done under this key, and its answer can not be repeated",
        ),
        Claim::UnderWay => (
            Code::IdempotencyKeyInUse,
            "a request with this key is under way",
        ),
        Claim::OtherRequest => (
            Code::IdempotencyKeyReused,
            "this key belongs to another request",
        ),
    };
    Err(refused(code, message.to_owned(), id))
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

/// Keeps the answer where the mutation was done, and frees the key where it was not.
///
/// A failure is logged and no more: the mutation's own transaction has its mark, so that it is not
/// done again, and only the answer can not be repeated.
pub(super) async fn settle(operation: &Operation, plan: &Plan, response: &Response) {
    let secret = plan
        .roots
        .iter()
        .any(|root| again_of(&root.name) == Again::DoublesSecret);
    let body = response.write();
    let kept = (!secret).then_some(body.as_slice());
    let database = &operation.services.database;
    if let Err(error) = database.settle(&operation.context, kept).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "an answer was not kept under its idempotency key"
        );
    }
}
