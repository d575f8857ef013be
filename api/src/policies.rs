//! The policies that serve, and how others take their place while the server runs.
//!
//! A set is read, validated, held to its certificate and to what this program can ask for, and only then
//! put in the place of the one before, for every request that begins afterwards: a request is decided by one
//! set from its beginning to its end. What fails never serves, and the one before goes on. Who changed what
//! is a row of the operator's own log before the change holds.

mod folder;

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_entities::{Database, StoreError, ToldBy, row_condition_sql};
use countersign_policies::{Certificate, Engine, PolicyError};
use thiserror::Error;
use tokio::sync::Mutex;

pub use self::folder::PolicyFolder;
use crate::config::Policies;

/// Why policies do not serve.
#[derive(Debug, Error)]
pub enum PolicySetError {
    /// A folder can not be read.
    #[error("`{path}` can not be read")]
    Unreadable {
        /// The folder, or the file in it.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There are no policies in it.
    #[error("`{0}` has no policies: name a folder of `.cedar` and `.cedarschema` files")]
    Empty(String),
    /// They do not load.
    #[error("the policies do not load")]
    Invalid(#[from] PolicyError),
    /// Nothing was proved of them.
    #[error(
        "the certificate of the policies is of others: nothing was proved of these. Prove them where they were \
         changed (`cargo prove`, `countersign policy prove --of FOLDER --certify`), or set `policies.uncertified` \
         while you work on them"
    )]
    Uncertified,
    /// This program has other fields and acts than they speak of.
    #[error("`{0}` is not an action of both the policies and this program")]
    Actions(String),
    /// A condition on rows that no list can ask by.
    #[error("a condition on rows of `{resource}` has no SQL: {condition}")]
    Row {
        /// The type of the rows.
        resource: String,
        /// The condition.
        condition: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The check was cut off.
    #[error("the policies were not checked to the end")]
    CutOff,
}

impl PolicySetError {
    /// In one word, as the audit log has it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Empty(_) => "empty",
            Self::Invalid(_) => "invalid",
            Self::Uncertified => "uncertified",
            Self::Actions(_) => "actions",
            Self::Row { .. } => "row_condition",
            Self::CutOff => "cut_off",
        }
    }
}

/// Policies that may serve.
#[derive(Debug)]
pub struct PolicySet {
    /// What decides by them.
    pub engine: Engine,
    /// What was proved of these very policies; `None` where nothing was.
    pub certificate: Option<Arc<Certificate>>,
}

impl PolicySet {
    /// The policies that the configuration names, once they have passed every check.
    pub fn load(settings: &Policies) -> Result<Self, PolicySetError> {
        let built_in = Engine::embedded()?;
        let (engine, certificate) = match &settings.folder {
            None => (built_in.clone(), Some(Certificate::embedded()?)),
            Some(folder) => {
                let folder = PolicyFolder::read(folder)?;
                (folder.engine()?, folder.certificate()?)
            }
        };
        if let Some(name) = engine.other_action(&built_in) {
            return Err(PolicySetError::Actions(name));
        }
        for (resource, condition) in engine.row_conditions()? {
            row_condition_sql(&resource, &condition).map_err(|source| PolicySetError::Row {
                resource,
                condition: condition.to_string(),
                source,
            })?;
        }
        let certificate = certificate.filter(|certificate| certificate.covers(&engine));
        match &certificate {
            Some(proof) => {
                let (policies, solvers) = (engine.version(), proof.solvers.join(", "));
                tracing::info!(policies, proved_at = %proof.proved_at, solvers, "the policies are proved");
            }
            None if settings.uncertified => {
                let policies = engine.version();
                tracing::warn!(policies, "the policies are served without a certificate");
            }
            None => return Err(PolicySetError::Uncertified),
        }
        Ok(Self {
            engine,
            certificate: certificate.map(Arc::new),
        })
    }
}

/// The policies that serve. One for the process.
#[derive(Debug)]
pub struct ServingPolicies {
    settings: Policies,
    current: ArcSwap<PolicySet>,
    /// Who changes them waits for whoever does.
    changing: Mutex<()>,
}

/// What came of reading the policies again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// SHA-256 of those that served.
    pub from: String,
    /// SHA-256 of those that serve; the same where nothing was changed.
    pub to: String,
    /// Whether everything that is claimed was proved of them.
    pub certified: bool,
}

/// Why the policies stay what they are.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The new ones do not serve.
    #[error("the policies stay what they are")]
    Refused(#[from] PolicySetError),
    /// That it was done can not be recorded, so that it is not done.
    #[error("the change can not be recorded, and is not made")]
    Store(#[from] StoreError),
}

impl ServingPolicies {
    /// Starts with those that the configuration names.
    pub fn new(settings: Policies) -> Result<Self, PolicySetError> {
        let current = ArcSwap::from_pointee(PolicySet::load(&settings)?);
        Ok(Self {
            settings,
            current,
            changing: Mutex::default(),
        })
    }

    /// Those that serve.
    pub fn current(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// Reads them again, by whose word it may be.
    pub async fn reload(
        &self,
        database: &Database,
        by: ToldBy<'_>,
    ) -> Result<Reloaded, ReloadError> {
        let _alone = self.changing.lock().await;
        let before = self.current();
        let settings = self.settings.clone();
        // Reading and checking is work for a processor: requests go on meanwhile.
        let loaded = tokio::task::spawn_blocking(move || PolicySet::load(&settings)).await;
        let from = before.engine.version();
        let next = match loaded.map_err(|_| PolicySetError::CutOff).flatten() {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    policies = from,
                    "the policies are not changed"
                );
                let operator = database.operator();
                operator
                    .record_refused_policies(by, before.engine.sha256(), error.name())
                    .await?;
                return Err(error.into());
            }
        };
        let to = next.engine.version();
        let reloaded = Reloaded {
            from: from.to_owned(),
            to: to.to_owned(),
            certified: next.certificate.is_some(),
        };
        if from != to || next.certificate != before.certificate {
            let operator = database.operator();
            let certified = reloaded.certified;
            let hashes = (before.engine.sha256(), next.engine.sha256());
            operator
                .record_new_policies(by, hashes.0, hashes.1, certified)
                .await?;
            tracing::info!(
                before = from,
                policies = to,
                "other policies serve from now on"
            );
            self.current.store(Arc::new(next));
        }
        Ok(reloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(folder: &str, uncertified: bool) -> Result<PolicySet, PolicySetError> {
        PolicySet::load(&Policies {
            folder: Some(folder.into()),
            uncertified,
        })
    }

    #[test]
    fn the_folder_of_the_repository_is_what_is_built_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
        let set = load(folder, false).unwrap();
        assert_eq!(set.engine.version(), Engine::embedded().unwrap().version());
        assert!(set.certificate.is_some());
    }

    #[test]
    fn policies_of_which_nothing_was_proved_are_not_served() {
        // The same without their certificate.
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/cedar");
        assert!(matches!(
            load(folder, Policies::default().uncertified),
            Err(PolicySetError::Uncertified)
        ));
        assert!(load(folder, true).unwrap().certificate.is_none());
    }

    #[test]
    fn what_is_no_folder_of_policies_is_said_so() {
        let empty = load(env!("CARGO_MANIFEST_DIR"), true).unwrap_err();
        assert!(matches!(empty, PolicySetError::Empty(_)), "{empty}");
        let nowhere = load("/nowhere/at/all", true).unwrap_err();
        assert!(matches!(nowhere, PolicySetError::Unreadable { .. }));
    }
}
