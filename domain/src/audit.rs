//! The audit event, and the chain that its rows are linked to (AUD-1, AUD-3, AUD-5).
//!
//! Every tenant has one chain. A row's hash is SHA-256 over a canonical encoding of the row and the
//! hash of the row before it; its signature is HMAC-SHA-256 of the hash under a key of the tenant.
//! The hash convicts whoever changed a row, the signature whoever recomputed the chain without the
//! key.

mod decided;
mod encoding;
pub mod exported;
mod link;
pub mod manifest;
pub mod merkle;
pub mod note;
mod payload;
pub mod proof;
mod source;
mod vectors;

use chrono::{DateTime, Utc};

pub use self::{
    decided::{Asked, Decided, DecidedFor, Holds},
    encoding::Encoding,
    link::{ChainError, GENESIS, Hash, Head, Link, Signature, next_link, verify_link},
    payload::{Facts, Payload, is_kind},
    source::network,
    vectors::vectors,
};
use crate::id::{AuditEntryId, RequestId};

/// How a capability's invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was permitted and done.
    Done,
    /// A policy, or a rule of input, refused it.
    Refused,
    /// It was permitted and failed.
    Failed,
}

impl Outcome {
    /// The name in the database and in GraphQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Done, Self::Refused, Self::Failed]
            .into_iter()
            .find(|o| o.name() == name)
    }
}

/// What one row says: who, which permission, when, from where, the outcome. The tenant is the
/// chain's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The row's identifier.
    pub id: AuditEntryId,
    /// `human`, `machine`, `operator`, or `stranger` for a credential that is nobody's.
    pub actor_kind: String,
    /// `usr_…`, `tok_…`, `mch_…`, the operator's command, or `unknown`.
    pub actor_id: String,
    /// What was done, noun and past verb: `statement.imported`, `books.read`.
    pub action: String,
    /// The permission that was resolved: Cedar action and the rules that decided, as text.
    pub permission: String,
    /// SHA-256 of the policies that decided. None where none did, as at sign-in, and in rows of the
    /// first encoding.
    pub policies: Option<Hash>,
    /// How it ended.
    pub outcome: Outcome,
    /// The ids that it was done to, if any.
    pub targets: Vec<String>,
    /// The request that it happened in.
    pub request: RequestId,
    /// The network of the caller, if there was one: see [`network`].
    pub source: Option<String>,
    /// A redacted payload as JSON text: see [`Payload`].
    pub payload: String,
    /// When, to the microsecond, which is what the database keeps.
    pub occurred_at: DateTime<Utc>,
}
