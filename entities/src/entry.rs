//! The sign-in side: people before they are in a tenant, pending sign-ins, and sessions.
//!
//! Everything here runs as the entry role, which sees no books. Provider tokens and PKCE verifiers
//! are sealed under the key-encryption key, bound to their row.

mod endings;
mod events;
mod refresh;
mod sessions;
mod sign_ins;
mod tokens;
mod users;

use std::{fmt, sync::Arc};

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use crate::{
    database::Inner,
    enter,
    error::{StoreError, WriteError},
    wire::{End, Wire},
};

pub use endings::{EndedBy, SessionsOf};
pub use refresh::RefreshLock;
pub use sessions::{NewSession, SessionRecord, SessionTenant};
pub use sign_ins::SignIn;
pub use tokens::ProviderTokens;
pub(crate) use users::PERSON_NAME_MAX;
pub use users::{ProvidedIdentity, SignInError};

/// The sign-in side. Cloning it is cheap.
#[derive(Clone)]
pub struct Entry(Arc<Inner>);

impl Entry {
    pub(crate) fn new(database: Arc<Inner>) -> Self {
        Self(database)
    }

    async fn begin(&self) -> Result<Session, StoreError> {
        let Inner { entry, begin, .. } = &*self.0;
        let (wire, _) = Wire::open(entry, self.0.prepared, begin, &enter::nothing()).await?;
        Ok(Session(wire))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

/// A transaction of the entry role.
struct Session(Wire);

impl Session {
    async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<QueryResult>, StoreError> {
        Ok(self.0.query_all_raw(self.statement(sql, values)).await?)
    }

    async fn row<const N: usize>(
        &self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Option<QueryResult>, StoreError> {
        Ok(self.0.query_one_raw(self.statement(sql, values)).await?)
    }

    async fn execute<const N: usize>(
        &self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<u64, WriteError> {
        let done = self.0.execute_raw(self.statement(sql, values)).await?;
        Ok(done.rows_affected())
    }

    async fn commit(self) -> Result<(), StoreError> {
        self.0.end(End::Commit).await
    }

    fn statement<const N: usize>(&self, sql: &'static str, values: [Value; N]) -> Statement {
        Statement::from_sql_and_values(self.0.get_database_backend(), sql, values)
    }
}
