//! What can go wrong, for two audiences: the variant is for the caller's answer, the source for the
//! operator's log.
//!
//! The source keeps PostgreSQL's code and primary message and drops its detail, which quotes rows.

use std::fmt;

use countersign_domain::id::TenantId;
use deadpool_postgres::PoolError;
use sea_orm::{DbErr, RuntimeErr};
use thiserror::Error;

use crate::keys::KekError;

/// Why storage did not do what it was asked for.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// PostgreSQL is away or a standby, has no connection to give in time, no room, undid the statement in
    /// favour of others or of time, or does not let the role in, whose password may be changing. Trying again
    /// may help.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// PostgreSQL refused a statement.
    #[error("the database refused a statement")]
    Database(#[source] Cause),
    /// A scope or a permit of another tenant was brought to a transaction (law 2).
    #[error("a scope of {found} was brought to a transaction of {expected}")]
    ForeignScope {
        /// The transaction's tenant.
        expected: TenantId,
        /// The scope's tenant.
        found: TenantId,
    },
    /// A policy's row condition can not be written as SQL, so that no row may be read under it.
    #[error("the row condition can not be written as sql: {0}")]
    Predicate(String),
    /// What is stored contradicts itself.
    #[error("what is stored is inconsistent: {0}")]
    Inconsistent(String),
    /// A key of a tenant was not wrapped or unwrapped.
    #[error("the key-encryption key is of no use")]
    Kek(#[from] KekError),
    /// What it is sealed under is destroyed, and with it the value.
    #[error("the tenant's key is destroyed")]
    KeyDestroyed,
    /// A sealed value does not open: another key, or changed bytes.
    #[error("a sealed value does not open")]
    Sealed,
    /// What was presumed of who acts does not hold. Nothing may be answered: enter, and begin anew.
    #[error("what was presumed of who acts does not hold")]
    Rebutted,
}

impl StoreError {
    /// Something that can not be, unless rows were changed behind the product's back or a
    /// programmer erred.
    pub fn inconsistent(what: impl Into<String>) -> Self {
        Self::Inconsistent(what.into())
    }

    /// What PostgreSQL said, with its code of five characters.
    pub(crate) fn refused(code: String, message: String) -> Self {
        let is_lost = tells_of_loss(&code);
        let cause = Cause {
            code: Some(code),
            message,
        };
        if is_lost || cause.tells_of_want() {
            Self::Unavailable(cause)
        } else {
            Self::Database(cause)
        }
    }

    /// Whether trying again later may help.
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Kek(error) => error.may_pass(),
            _ => false,
        }
    }

    /// Whether PostgreSQL does not let the role in. Until its operator does something, trying again is of no
    /// use.
    pub fn is_refused_role(&self) -> bool {
        matches!(self, Self::Unavailable(cause) if cause.tells_of_refusal())
    }
}

/// The operator's side of an error: PostgreSQL's five-character code, if it answered, and what it
/// or the network said.
#[derive(Clone, Error)]
#[error("{message}{}", .code.as_deref().map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default())]
pub struct Cause {
    code: Option<String>,
    message: String,
}

impl Cause {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
        }
    }

    /// Whether PostgreSQL lacks what its operator can give: room on its disk, memory, a disk that works
    /// (classes 53 and 58), the password that it is asked in by; or undid what was asked for, for others'
    /// sake (class 40: a deadlock) or because it took too long (57014). The connection is good, or was never
    /// there.
    fn tells_of_want(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let is_of_want = ["53", "58", "40"]
            .iter()
            .any(|class| code.starts_with(class));
        is_of_want || code == "57014" || self.tells_of_refusal()
    }

    /// Whether the role was not let in: its password is another, or it may not come (class 28).
    fn tells_of_refusal(&self) -> bool {
        self.code().is_some_and(|code| code.starts_with("28"))
    }

    /// The five-character code of PostgreSQL, where it was PostgreSQL who refused.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a constraint, `<table>_<meaning>`: `categories_name`, `memberships_last_owner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint(String);

impl Constraint {
    pub(crate) const fn named(name: String) -> Self {
        Self(name)
    }

    /// Whether PostgreSQL's code says that a constraint was met: class 23, integrity constraint violation.
    pub(crate) fn is_told_by(code: &str) -> bool {
        code.starts_with("23")
    }

    /// The name, as the migrations give it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Why a write did not happen. The transaction is over for anything but being dropped or refused.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The rows contradict a rule of the schema; use cases answer by the constraint's name.
    #[error("the rows contradict `{}`", .0.name())]
    Conflict(Constraint),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a credential opens nothing. Recorded for the tenant and told to nobody but its holder, who
/// is told what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Nobody knows it: it is forged, or of another installation.
    Unknown,
    /// It was good until it was ended, revoked or disabled.
    Ended,
    /// It was good until its time was over.
    Expired,
    /// The session is good, and its user is not, or no longer, a member of the tenant.
    NoMembership,
    /// It opens the tenant still, or another one, and what it may do there was changed while the request ran.
    Changed,
}

impl Why {
    /// As the audit log writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::NoMembership => "no_membership",
            Self::Changed => "changed",
        }
    }
}

/// Why a request was not let in.
#[derive(Debug, Error)]
pub enum EnterError {
    /// The credential opens nothing.
    #[error("the credential opens nothing: {0:?}")]
    Unauthenticated(Why),
    /// The session is good and has chosen no tenant yet.
    #[error("the session has no active tenant")]
    NoTenant,
    /// PostgreSQL is away.
    #[error("the database is not available")]
    Unavailable(#[source] StoreError),
    /// Storage failed otherwise.
    #[error("the credential could not be checked")]
    Store(#[source] StoreError),
}

impl From<StoreError> for EnterError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error)
        } else {
            Self::Store(error)
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        classify(&error)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let cause = match error.as_db_error() {
            Some(database) => Cause {
                code: Some(database.code().code().to_owned()),
                message: database.message().to_owned(),
            },
            None => Cause::new(error.to_string()),
        };
        if line_is_lost(&error) || cause.tells_of_want() {
            Self::Unavailable(cause)
        } else {
            Self::Database(cause)
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => Self::Unavailable(Cause::new(other.to_string())),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match sqlx_error(&error) {
            Some(error) => classify(error),
            None => Self::Database(Cause::new(error.to_string())),
        }
    }
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Store(error) => error,
            WriteError::Conflict(constraint) => Self::Database(Cause {
                code: None,
                message: format!("the rows contradict `{}`", constraint.name()),
            }),
        }
    }
}

impl From<tokio_postgres::Error> for WriteError {
    fn from(error: tokio_postgres::Error) -> Self {
        let violated = error.as_db_error().and_then(|database| {
            let integrity = Constraint::is_told_by(database.code().code());
            database.constraint().filter(|_| integrity)
        });
        match violated {
            Some(name) => Self::Conflict(Constraint(name.to_owned())),
            None => Self::Store(error.into()),
        }
    }
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        match sqlx_error(&error).and_then(violated) {
            Some(constraint) => Self::Conflict(constraint),
            None => Self::Store(error.into()),
        }
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error))
        | DbErr::Conn(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// The constraint, where the error is of one.
fn violated(error: &sqlx::Error) -> Option<Constraint> {
    let database = error.as_database_error()?;
    let integrity = Constraint::is_told_by(&database.code()?);
    let name = database.constraint()?.to_owned();
    integrity.then_some(Constraint(name))
}

fn classify(error: &sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else {
        let cause = Cause::new(error.to_string());
        return if connection_is_lost(error) {
            StoreError::Unavailable(cause)
        } else {
            StoreError::Database(cause)
        };
    };
    let cause = Cause {
        code: database.code().map(Into::into),
        message: database.message().to_owned(),
    };
    if connection_is_lost(error) || cause.tells_of_want() {
        StoreError::Unavailable(cause)
    } else {
        StoreError::Database(cause)
    }
}

/// Whether the connection is gone, or was never there, or is to a standby: the network, a pool without a
/// free place, or a server that is starting, stopping, full or takes no writes (classes 08 and 57P, codes
/// 53300, 25P03 and 25006).
pub(crate) fn connection_is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => database.code().is_some_and(|code| tells_of_loss(&code)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// The same of a line.
pub(crate) fn line_is_lost(error: &tokio_postgres::Error) -> bool {
    if let Some(code) = error.code() {
        return tells_of_loss(code.code());
    }
    let cause = std::error::Error::source(error);
    error.is_closed() || cause.is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

pub(crate) fn tells_of_loss(code: &str) -> bool {
    let is_of_class = code.starts_with("08") || code.starts_with("57P");
    is_of_class || code == "53300" || code == "25P03" || tells_of_read_only(code)
}

/// Whether the server takes no writes, as one that has become a standby.
pub(crate) fn tells_of_read_only(code: &str) -> bool {
    code == "25006"
}
