//! Why the server does not start, and whether waiting helps.

use std::net::SocketAddr;

use countersign_entities::{IsolationError, OperatorError, StoreError};
use thiserror::Error;

use crate::{
    checkpoints::CheckpointError, graphql, identity::IdentityError, kms::KmsError,
    policies::PolicySetError, replicas::RedisFault, tls::TlsError,
};

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The policies do not serve.
    #[error("the policies do not serve")]
    Policies(#[from] PolicySetError),
    /// The GraphQL schema does not build.
    #[error("the GraphQL schema does not build")]
    Graphql(#[from] graphql::BuildError),
    /// The database has the shape of an older release.
    #[error(
        "the database is at version {found}, and this program is made for version {expected}: run \
         `countersign migrate` of the same version"
    )]
    Schema {
        /// The version of the last migration that has run.
        found: i32,
        /// The version of the last migration that this program knows.
        expected: i32,
    },
    /// The database has the shape of a newer release.
    #[error(
        "the database is at version {found}, to which a newer release has migrated it, and this program is made \
         for version {expected}: start that release. Back to this one leads nothing but a backup of before"
    )]
    Newer {
        /// The version of the last migration that has run.
        found: i32,
        /// The version of the last migration that this program knows.
        expected: i32,
    },
    /// The operator's own audit log can not be written.
    #[error("the operator's own audit log can not be written")]
    Ledger(#[from] OperatorError),
    /// The key-encryption key is not usable.
    #[error("the key-encryption key is not usable")]
    Key(#[from] KmsError),
    /// The place of checkpoints can not be used.
    #[error("the place of checkpoints can not be used")]
    Checkpoints(#[from] CheckpointError),
    /// Calls to outside providers can not be made.
    #[error("calls to outside providers can not be made")]
    Providers(#[from] reqwest::Error),
    /// The isolation of tenants is not whole.
    #[error("the isolation of tenants is not whole")]
    Isolation(#[source] IsolationError),
    /// The storage floor does not start.
    #[error("storage does not start")]
    Store(#[from] StoreError),
    /// Sign-in does not start.
    #[error("sign-in does not start")]
    Identity(#[from] IdentityError),
    /// Where replicas meet can not be used.
    #[error("replicas can not meet in Redis")]
    Redis(#[from] RedisFault),
    /// A manifest of documents is none.
    #[error("`graphql.documents` names `{path}`, which is no manifest of documents: {cause}")]
    Documents {
        /// The file.
        path: String,
        /// What was found.
        cause: String,
    },
    /// Transport security does not start.
    #[error("transport security does not start")]
    Tls(#[from] TlsError),
    /// The address can not be listened on.
    #[error("`{address}` can not be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server stopped for a fault.
    #[error("the server stopped")]
    Stopped(#[source] std::io::Error),
}

impl StartError {
    /// Fails where the database is at another version than this program is made for.
    pub(super) const fn of_version(found: i32, expected: i32) -> Result<(), Self> {
        if found < expected {
            return Err(Self::Schema { found, expected });
        }
        if found > expected {
            return Err(Self::Newer { found, expected });
        }
        Ok(())
    }

    /// Whether waiting may help: PostgreSQL is away, or the migrations have not run to their end. A password
    /// that is wrong from the start is not waited for.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Isolation(IsolationError::Empty) | Self::Schema { .. } => true,
            Self::Isolation(error) => error.store().is_some_and(is_away),
            Self::Store(error) | Self::Ledger(OperatorError::Store(error)) => is_away(error),
            _ => false,
        }
    }
}

fn is_away(error: &StoreError) -> bool {
    error.is_unavailable() && !error.is_refused_role()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_another_release_is_told_which_one_is_to_run() {
        let (found, expected) = (3, 5);
        let older = StartError::of_version(found, expected).unwrap_err();
        let newer = StartError::of_version(expected, found).unwrap_err();
        assert!(StartError::of_version(found, found).is_ok());
        assert!(older.may_pass() && !newer.may_pass());
        assert!(
            older.to_string().contains("run `countersign migrate`"),
            "{older}"
        );
        let told = newer.to_string();
        assert!(
            told.contains("a newer release") && !told.contains("`countersign migrate`"),
            "{told}"
        );
    }
}
