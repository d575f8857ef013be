//! Use cases, one file per area. No web types in them: nothing here knows GraphQL or HTTP.
//!
//! A mutation is a recipe: take the write transaction, lock and load what it touches, ask the
//! engine for the permit, let the domain decide what is correct, write, and `finish` with the audit
//! event, which is the only commit.

pub mod access;
pub mod accounts;
pub mod api_tokens;
pub mod audit_exports;
pub mod categories;
pub mod credentials;
mod grants;
pub mod import_progress;
pub mod members;
mod names;
pub mod refusals;
pub mod roles;
pub mod statements;
pub mod transactions;
mod writer;

use std::sync::Arc;

use countersign_domain::{
    audit::{Facts, Outcome, Payload},
    id::AnyId,
    name,
};
use countersign_entities::{
    Claim, Database, EnterError, EventDraft, Insertion, StoreError, Unfinished, WriteError,
    WriteTransaction,
};
use countersign_policies::{ActionId, Certificate, Engine, Permit, Refusal, Row, row::TenantOnly};
use thiserror::Error;
use uuid::Uuid;

use crate::providers::Providers;

pub use self::{
    grants::{MemberRights, Preview},
    names::{Again, Looks, MUTATIONS, MutationName, again_of, event_of, looks_of},
    writer::Writer,
};

/// What every use case works with.
#[derive(Debug, Clone)]
pub struct Services {
    /// The storage floor.
    pub database: Database,
    /// The policy engine.
    pub engine: Engine,
    /// What was proved of the engine's policies, where anything was.
    pub certificate: Option<Arc<Certificate>>,
    /// Where imports tell how far they have come.
    pub imports: import_progress::ImportBoard,
    /// How many files are imported at once.
    pub import_places: Arc<statements::ImportPlaces>,
    /// Outside providers.
    pub providers: Providers,
}

/// What is wrong with the input, for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A stable code.
    pub code: FaultCode,
    /// One sentence.
    pub message: String,
    /// The path to the input field.
    pub field: Vec<&'static str>,
}

impl Fault {
    /// A fault of one input field.
    pub fn new(code: FaultCode, field: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: vec!["input", field],
        }
    }
}

/// The stable codes of faults, which GraphQL shows as `UserErrorCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The value is not of the form that is wanted.
    Invalid,
    /// The name or number is in use.
    Taken,
    /// Nothing of that id.
    NotFound,
    /// More than the limit.
    TooLarge,
    /// The statement does not parse.
    StatementBroken,
    /// The entries do not lead from the opening to the closing balance.
    StatementUnbalanced,
    /// No account has the statement's number.
    AccountUnknown,
    /// The file does not say which account.
    AccountAmbiguous,
    /// The statement is in another currency than the account.
    CurrencyMismatch,
    /// The tenant would be without an owner.
    LastOwner,
    /// Somebody who is no owner would change or remove an owner.
    OwnersOnly,
    /// More would be granted than whoever grants it may do themselves.
    ExceedsGranter,
    /// Somebody would gain something by changing what they are themselves.
    OwnRole,
    /// Members have the role.
    RoleInUse,
    /// It was done before.
    AlreadyDone,
    /// What is sealed does not open.
    Unreadable,
}

impl FaultCode {
    /// Every code with its name in GraphQL.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Invalid, "INVALID"),
        (Self::Taken, "TAKEN"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::TooLarge, "TOO_LARGE"),
        (Self::StatementBroken, "STATEMENT_BROKEN"),
        (Self::StatementUnbalanced, "STATEMENT_UNBALANCED"),
        (Self::AccountUnknown, "ACCOUNT_UNKNOWN"),
        (Self::AccountAmbiguous, "ACCOUNT_AMBIGUOUS"),
        (Self::CurrencyMismatch, "CURRENCY_MISMATCH"),
        (Self::LastOwner, "LAST_OWNER"),
        (Self::OwnersOnly, "OWNERS_ONLY"),
        (Self::ExceedsGranter, "EXCEEDS_GRANTER"),
        (Self::OwnRole, "OWN_ROLE"),
        (Self::RoleInUse, "ROLE_IN_USE"),
        (Self::AlreadyDone, "ALREADY_DONE"),
        (Self::Unreadable, "UNREADABLE"),
    ];

    /// The name in GraphQL.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(code, _)| *code == self)
            .map_or("INVALID", |(_, name)| name)
    }
}

/// Why a use case did nothing.
#[derive(Debug, Error)]
pub enum AppError {
    /// The input is at fault; nothing was changed.
    #[error("the input has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// A policy refused.
    #[error("refused by policy")]
    Refused(Refusal),
    /// The caller was let in before and is not any more.
    #[error("the credential ended")]
    Entry(#[from] EnterError),
    /// It is another request's with the same `Idempotency-Key` to do; nothing was changed.
    #[error("another request has the key")]
    Repeats,
    /// As much of it is under way as may be; nothing was changed.
    #[error("too much is under way")]
    Busy,
    /// Storage failed; nothing was changed.
    #[error("storage failed")]
    Store(#[from] StoreError),
}

impl From<Fault> for AppError {
    fn from(fault: Fault) -> Self {
        Self::Faults(vec![fault])
    }
}

/// A mutation under way: its transaction, and the name that it has in every layer.
pub(crate) struct Mutation<'a> {
    services: &'a Services,
    writer: &'a Writer,
    action: ActionId,
    /// The audit event, noun and past verb.
    event: &'static str,
    pub(crate) transaction: WriteTransaction,
}

impl<'a> Mutation<'a> {
    /// Takes the write transaction. `field` is the mutation's GraphQL name.
    pub(crate) async fn begin(
        services: &'a Services,
        writer: &'a Writer,
        field: &str,
    ) -> Result<Self, AppError> {
        let unnamed = || AppError::Store(StoreError::inconsistent("a mutation without a name"));
        let event = event_of(field).ok_or_else(unnamed)?;
        let action = services
            .engine
            .action(&format!("Mutation.{field}"))
            .ok_or_else(unnamed)?;
        let transaction = writer.begin(looks_of(field)).await?;
        Ok(Self {
            services,
            writer,
            action,
            event,
            transaction,
        })
    }

    /// Asks the engine about the resource in hand.
    pub(crate) fn permit(&self, resource: &dyn Row) -> Result<Permit, Refusal> {
        self.services
            .engine
            .permit(self.writer.context().actor(), self.action, resource)
    }

    /// Asks the engine about the tenant's books as a whole.
    pub(crate) fn permit_books(&self) -> Result<Permit, Refusal> {
        let actor = self.writer.context().actor();
        self.services.engine.permit_books(actor, self.action)
    }

    /// Asks the engine about a thing of which policies see nothing but whose it is.
    pub(crate) fn permit_plain(&self, id: Uuid) -> Result<Permit, Refusal> {
        let tenant = self.writer.context().tenant();
        self.permit(&TenantOnly { tenant, id })
    }

    /// Commits, with the audit event in the same transaction.
    pub(crate) async fn finish(
        self,
        permit: Permit,
        targets: Vec<AnyId>,
        payload: Payload,
    ) -> Result<(), AppError> {
        let draft = self.done(&permit, targets, payload);
        match self.transaction.finish(permit, draft).await {
            Ok(()) => {
                self.writer.committed();
                Ok(())
            }
            Err(StoreError::Rebutted) => Err(self.writer.rebut().await),
            Err(error) => Err(error.into()),
        }
    }

    /// Inserts a row and commits, with the audit event in the same transaction.
    pub(crate) async fn insert(
        self,
        permit: Permit,
        insertion: Insertion,
        event: (Vec<AnyId>, Payload),
    ) -> Result<(), AppError> {
        self.insert_unless(permit, insertion, event, AppError::from)
            .await
    }

    /// The same, where `judge` says what is wrong where the row contradicts a rule of the schema.
    pub(crate) async fn insert_unless(
        self,
        permit: Permit,
        insertion: Insertion,
        (targets, payload): (Vec<AnyId>, Payload),
        judge: impl FnOnce(WriteError) -> AppError,
    ) -> Result<(), AppError> {
        let draft = self.done(&permit, targets, payload);
        match self.transaction.insert(permit, insertion, draft).await {
            Ok(()) => {
                self.writer.committed();
                Ok(())
            }
            Err(unfinished) => {
                let Unfinished { transaction, error } = *unfinished;
                let mutation = Self {
                    transaction,
                    ..self
                };
                Err(mutation.refuse(judge(error), vec![]).await)
            }
        }
    }

    fn done(&self, permit: &Permit, targets: Vec<AnyId>, payload: Payload) -> EventDraft {
        EventDraft {
            action: self.event,
            permission: permit.permission().clone(),
            outcome: Outcome::Done,
            targets,
            payload,
        }
    }

    /// Rolls back and records the refusal, by policy or by a rule of input; unless the request's key turns
    /// out to be another's, whose answer is given instead.
    pub(crate) async fn refuse(self, error: AppError, targets: Vec<AnyId>) -> AppError {
        if matches!(error, AppError::Store(StoreError::Rebutted)) {
            self.transaction.abandon().await;
            return self.writer.rebut().await;
        }
        match self.transaction.claimed().await {
            Ok(Claim::Claimed) => {}
            Ok(missed) => return self.writer.miss(self.transaction, missed).await,
            Err(StoreError::Rebutted) => return self.writer.rebut().await,
            Err(store) => return store.into(),
        }
        let engine = &self.services.engine;
        let (permission, facts) = match &error {
            AppError::Refused(refusal) => (
                engine.refused(refusal),
                Facts::new().word("reason", "policy"),
            ),
            AppError::Faults(faults) => {
                let codes = faults.iter().map(|fault| fault.code.name());
                let facts = Facts::new().word("reason", "input");
                (engine.unresolved(self.action), facts.words("faults", codes))
            }
            AppError::Entry(_) | AppError::Repeats | AppError::Busy | AppError::Store(_) => {
                self.transaction.abandon().await;
                return error;
            }
        };
        let draft = EventDraft {
            action: self.event,
            permission,
            outcome: Outcome::Refused,
            targets,
            payload: facts.into(),
        };
        match self.transaction.refuse(draft).await {
            Ok(()) => error,
            // A refusal that can not be recorded is not answered as one: no audit, no answer.
            Err(store) => store.into(),
        }
    }
}

/// Runs a step of a mutation; on failure the refusal is recorded before it is returned.
macro_rules! attempt {
    ($mutation:ident, $targets:expr, $step:expr) => {
        match $step {
            Ok(value) => value,
            Err(error) => {
                return Err($mutation
                    .refuse($crate::app::AppError::from(error), $targets)
                    .await);
            }
        }
    };
}
pub(crate) use attempt;

/// A constraint that the use case did not foresee is a fault of ours, not of the input.
impl From<WriteError> for AppError {
    fn from(error: WriteError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A write that met a constraint becomes the fault that the use case names for it.
pub(crate) fn constraint(error: WriteError, fault: impl FnOnce() -> Fault) -> AppError {
    match error {
        WriteError::Conflict(_) => fault().into(),
        WriteError::Store(error) => error.into(),
    }
}

/// How many there are, as the audit log has it.
pub(crate) fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A name as people give it, of 1 to `max` characters.
pub(crate) fn name(text: &str, max: usize, field: &'static str) -> Result<String, Fault> {
    let name = name::checked(text, max);
    let name = name.map_err(|error| Fault::new(FaultCode::Invalid, field, error.to_string()))?;
    Ok(name.to_owned())
}
