//! A mutation in one message, for who was let in a moment ago and inserts without looking at anything:
//! entering, which claims the request's key, the insertion, and the audit row travel together and
//! are one transaction.
//!
//! PostgreSQL holds what it finds to what is presumed, of who acts, of the key and of where the tenant's
//! chain ends, and undoes everything where one of them differs. Then it is done in the ordinary way, which
//! finds out what is so. Nothing rests on the presumptions but speed.

use sea_orm::{DbBackend, QueryTrait, Statement};

use super::{Late, Writing};
use crate::{
    audit::{self, Unlinked},
    enter,
    error::{StoreError, WriteError},
    line::Fault,
};

/// A row that is to be inserted, by a mutation that looks at nothing.
#[derive(Debug)]
#[must_use = "nothing is inserted before the mutation is finished with it"]
pub struct Insertion(Statement);

impl Insertion {
    pub(crate) fn new(statement: impl QueryTrait) -> Self {
        let built = statement.build(DbBackend::Postgres);
        // Dropped here: a query is not shared between threads.
        drop(statement);
        Self(built)
    }

    pub(crate) const fn of(statement: Statement) -> Self {
        Self(statement)
    }

    pub(crate) fn into_statement(self) -> Statement {
        self.0
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum AtOnce {
    /// It is committed.
    Done,
    /// It is undone, or was never sent: it can be done in the ordinary way.
    Undone,
    /// It is undone, because the row contradicts a rule of the schema; or nobody knows whether it is
    /// committed, so that this transaction does nothing more.
    Failed(WriteError),
}

impl Writing {
    /// Inserts and appends `row` in one message, where nothing was asked of PostgreSQL before.
    pub(crate) async fn insert_at_once(&self, insertion: &Insertion, row: &Unlinked) -> AtOnce {
        let late = self.late.as_ref().filter(|_| self.opened.get().is_none());
        let Some(late) = late else {
            return AtOnce::Undone;
        };
        let Ok(Some(done)) = self.send(late, insertion, row).await else {
            return AtOnce::Undone;
        };
        if let AtOnce::Failed(WriteError::Store(error)) = &done {
            let _ = self.unknown.set(error.clone());
        }
        done
    }

    /// `None` where it was not sent.
    async fn send(
        &self,
        late: &Late,
        Insertion(insertion): &Insertion,
        row: &Unlinked,
    ) -> Result<Option<AtOnce>, StoreError> {
        let (inner, context) = (self.database.inner(), &self.context);
        let tenant = context.tenant();
        let Some(claiming) = self.database.claiming(context, late.asking) else {
            return Ok(None);
        };
        // An answer that is on its way takes the ordinary way.
        if claiming.is_known() {
            return Ok(None);
        }
        let Some(lane) = inner.write_lanes.get().await else {
            return Ok(None);
        };
        // Open before anything is sent, which is what its flush will count for.
        let flusher = inner.durability.session().await;
        let Some(flusher) = flusher.filter(|flusher| flusher.is_beside(&lane)) else {
            return Ok(None);
        };
        let Some(turn) = inner.recorder.turn(tenant).await else {
            return Ok(None);
        };
        let call = enter::call(context.credential(), context.now(), &late.named);
        let entering = claiming.holding(call, &late.presumed, late.named.len());
        let guess = inner.recorder.last_seen(tenant);
        let (append, end) = audit::append_held(guess, row, &self.key)?;
        let came = lane.fly(&entering, &[insertion.clone(), append]).await;
        let done = match came {
            Ok(came) => judge(came.into_iter().map(|came| came.map(drop))),
            Err(fault) => ended(fault),
        };
        if !matches!(done, AtOnce::Done) {
            return Ok(Some(done));
        }
        inner.recorder.knows(tenant, end);
        drop(turn);
        Ok(Some(match flusher.flushed().await {
            Ok(()) => {
                inner.recorder.grew(tenant);
                AtOnce::Done
            }
            Err(error) => AtOnce::Failed(error.into()),
        }))
    }
}

/// `came` is of entering, of the insertion, and of the audit row.
fn judge(came: impl Iterator<Item = Result<(), Fault>>) -> AtOnce {
    for (n, came) in came.enumerate() {
        match came {
            Ok(()) => {}
            Err(fault @ Fault::Lost(_)) => return AtOnce::Failed(WriteError::from(fault)),
            Err(fault) => {
                let error = WriteError::from(fault);
                let is_conflict = n == 1 && matches!(error, WriteError::Conflict(_));
                return if is_conflict {
                    AtOnce::Failed(error)
                } else {
                    AtOnce::Undone
                };
            }
        }
    }
    AtOnce::Done
}

/// What came of a message that has no answers: it was not sent, or failed at its end. A session that ends behind
/// the commit fails there as well.
fn ended(fault: Fault) -> AtOnce {
    if fault.tells_of_loss() {
        AtOnce::Failed(WriteError::from(fault))
    } else {
        AtOnce::Undone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Fault {
        Fault::Refused {
            code: code.to_owned(),
            message: String::new(),
            constraint: None,
        }
    }

    #[test]
    fn nothing_is_taken_for_undone_that_may_be_committed() {
        let unknown = |done: AtOnce| matches!(done, AtOnce::Failed(WriteError::Store(_)));
        let lost = || Fault::Lost("closed".to_owned());
        // Ended by an administrator: behind the last statement that may be behind the commit.
        assert!(unknown(ended(refused("57P01"))) && unknown(ended(lost())));
        for came in [vec![Err(lost())], vec![Ok(()), Ok(()), Err(lost())]] {
            assert!(unknown(judge(came.into_iter())));
        }
        let undone = |done: AtOnce| matches!(done, AtOnce::Undone);
        assert!(undone(ended(refused("57014"))) && undone(ended(refused("23505"))));
        assert!(undone(judge([Ok(()), Err(refused("57P01"))].into_iter())));
    }
}
