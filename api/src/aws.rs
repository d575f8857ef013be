//! Amazon Web Services, and whoever speaks its interfaces: as whom it is asked, and how requests prove that.
//!
//! | file | is |
//! |---|---|
//! | `machine.rs` | the identity that this machine was given, kept until it has to be asked for anew |
//! | `container.rs` | what ECS and EKS give to containers |
//! | `instance.rs` | what EC2 gives to instances, by the second version of its metadata service alone |
//! | `signature.rs` | Signature Version 4 |

mod container;
mod instance;
mod machine;
#[cfg(any(feature = "aws-kms", feature = "s3-checkpoints"))]
mod signature;

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use thiserror::Error;

pub use self::machine::{Given, Machine};
#[cfg(any(feature = "aws-kms", feature = "s3-checkpoints"))]
pub(crate) use self::signature::{Interface, Signer};
use crate::config::AwsCredentials;

/// An access key, with what belongs to it.
#[derive(Clone)]
pub struct Access {
    /// Which key.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// Its session, where it has one.
    pub session: Option<SecretString>,
    /// When it ends, where it does.
    pub expires: Option<DateTime<Utc>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({})", self.id)
    }
}

/// As whom requests come.
#[derive(Debug, Clone)]
pub enum Identity {
    /// By keys of the configuration.
    Configured(Arc<Access>),
    /// As what this machine was given.
    Given(Machine, Given),
}

impl Identity {
    /// The identity that the configuration names.
    pub fn new(credentials: &AwsCredentials, machine: &Machine) -> Self {
        match credentials {
            AwsCredentials::Keys(keys) => Self::Configured(Arc::new(Access {
                id: keys.access_key_id.clone(),
                secret: keys.secret_access_key.clone(),
                session: keys.session_token.clone(),
                expires: None,
            })),
            AwsCredentials::Machine => Self::Given(machine.clone(), machine.given()),
            AwsCredentials::Container => Self::Given(machine.clone(), Given::Container),
            AwsCredentials::Instance => Self::Given(machine.clone(), Given::Instance),
        }
    }

    /// The key to sign with now.
    pub async fn access(&self) -> Result<Arc<Access>, CredentialError> {
        match self {
            Self::Configured(access) => Ok(Arc::clone(access)),
            Self::Given(machine, given) => machine.access(*given).await,
        }
    }

    /// A service refused what was signed with that key: it may have ended before its time.
    pub async fn doubt(&self, access: &Arc<Access>) {
        if let Self::Given(machine, given) = self {
            machine.doubt(*given, access).await;
        }
    }
}

/// Why there is no key to sign with, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialError {
    /// The platform names none.
    #[error(
        "no credentials of AWS: `credentials` is \"container\", and neither \
         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is in the environment: give \
         the task or the pod a role, or give keys"
    )]
    NoContainer,
    /// The instance has no role.
    #[error(
        "no credentials of AWS: the instance has no role: attach one (an instance profile), or give keys as \
         `credentials`"
    )]
    NoRole,
    /// The token for the container's credentials can not be used.
    #[error("the token for the container's credentials of AWS is of no use: {0}")]
    Token(String),
    /// Who gives them does not answer in time, or says that it is unwell.
    #[error("no credentials of AWS: the {given} does not answer: {cause}; {}", .given.advice())]
    Away {
        /// Who was asked.
        given: Given,
        /// What was seen.
        cause: String,
    },
    /// Who gives them refuses.
    #[error("no credentials of AWS: the {given} refuses: {cause}")]
    Refused {
        /// Who was asked.
        given: Given,
        /// What it said.
        cause: String,
    },
    /// The answer is none.
    #[error("no credentials of AWS: the {given} answers what is no answer: {cause}")]
    Garbled {
        /// Who was asked.
        given: Given,
        /// What is wrong with it.
        cause: &'static str,
    },
}

impl CredentialError {
    /// Whether trying again later may help.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}
