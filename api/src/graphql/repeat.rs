//! Mutations that are sent again under their `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).

use async_graphql::{Response, Variables};
use sha2::{Digest, Sha256};

use super::{
    answer,
    document::Document,
    operation::Operation,
    plan::{Plan, RootField},
};
use crate::app::{Again, again_of};

/// Whether doing it twice does harm.
pub(super) fn needs_key(root: &RootField) -> bool {
    again_of(&root.name) != Again::Harmless
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
    let body = answer::write(response);
    let kept = (!secret).then_some(body.as_slice());
    let database = &operation.services.database;
    if let Err(error) = database.settle(&operation.context, kept).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "an answer was not kept under its idempotency key"
        );
    }
}
