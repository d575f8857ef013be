//! Why a lane did not bring what it was sent for.

use postgres_protocol::message::backend::ErrorResponseBody;
use tokio_postgres::{error::SqlState, fallible_iterator::FallibleIterator};

use crate::error::{Cause, Constraint, StoreError, WriteError, tells_of_loss, tells_of_read_only};

/// Why a statement on a lane has no answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// PostgreSQL refused it, with that code, or one before it in its transaction.
    Refused {
        /// Five characters.
        code: String,
        /// What PostgreSQL said.
        message: String,
        /// Which rule of the schema the rows contradict, where it is that.
        constraint: Option<String>,
    },
    /// The connection is gone, or was never there.
    Lost(String),
    /// The statement can not travel on a lane.
    Unfit(String),
}

impl Fault {
    /// Whether it took longer than a lane waits.
    pub(crate) fn is_cut_off(&self) -> bool {
        let cut_off = SqlState::QUERY_CANCELED.code();
        matches!(self, Self::Refused { code, .. } if code == cut_off)
    }

    /// Whether the server takes no writes: it has become a standby, and the connection is of no more use.
    pub(super) fn is_of_read_only(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if tells_of_read_only(code))
    }

    /// Whether the connection is gone, so that nobody knows what of its last message is committed. What is
    /// refused is undone, also where it may be tried again.
    pub(crate) fn tells_of_loss(&self) -> bool {
        match self {
            Self::Refused { code, .. } => tells_of_loss(code),
            Self::Lost(_) => true,
            Self::Unfit(_) => false,
        }
    }

    /// Of the statements after one that was refused.
    pub(super) fn after_another() -> Self {
        Self::Refused {
            code: SqlState::IN_FAILED_SQL_TRANSACTION.code().to_owned(),
            message: "a statement before it was refused".to_owned(),
            constraint: None,
        }
    }
}

impl From<&ErrorResponseBody> for Fault {
    fn from(body: &ErrorResponseBody) -> Self {
        let (mut code, mut message, mut constraint) = (String::new(), String::new(), None);
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => code = value(),
                b'M' => message = value(),
                b'n' => constraint = Some(value()),
                _ => {}
            }
        }
        Self::Refused {
            code,
            message,
            constraint,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused { code, message, .. } => Self::refused(code, message),
            Fault::Lost(why) => Self::Unavailable(Cause::new(why)),
            Fault::Unfit(why) => Self::Inconsistent(why),
        }
    }
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused {
                code,
                constraint: Some(name),
                ..
            } if Constraint::is_told_by(&code) => Self::Conflict(Constraint::named(name)),
            fault => Self::Store(fault.into()),
        }
    }
}
