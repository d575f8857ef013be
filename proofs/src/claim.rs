//! What is proved.

use std::fmt;

/// One claim, about one environment or about all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The forbids alone enforce an invariant, whatever is permitted.
    Ceiling {
        /// The invariant.
        invariant: String,
        /// The environment.
        environment: String,
    },
    /// The whole set allows nothing that the invariant rules out.
    Bound {
        /// The invariant.
        invariant: String,
        /// The environment.
        environment: String,
    },
    /// The whole set allows everything that the invariant promises.
    Promise {
        /// The invariant.
        invariant: String,
        /// The environment.
        environment: String,
    },
    /// A policy's evaluation never fails: Cedar would skip a forbid that does.
    NeverFails {
        /// The policy.
        policy: String,
        /// The environment.
        environment: String,
    },
    /// There is a request that the policy applies to.
    Alive {
        /// The policy.
        policy: String,
    },
    /// Without the policy something would be decided otherwise.
    LoadBearing {
        /// The policy.
        policy: String,
    },
    /// Nobody may do it, whatever the row: for comparing with the list that was reviewed.
    Denied {
        /// The environment.
        environment: String,
    },
}

impl Claim {
    /// What kind of claim it is, as certificates count them.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ceiling { .. } => "ceilings",
            Self::Bound { .. } => "bounds",
            Self::Promise { .. } => "promises",
            Self::NeverFails { .. } => "neverFails",
            Self::Alive { .. } => "alive",
            Self::LoadBearing { .. } => "loadBearing",
            Self::Denied { .. } => "denied",
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceiling {
                invariant,
                environment,
            } => write!(
                f,
                "{invariant} holds of {environment}, whatever is permitted"
            ),
            Self::Bound {
                invariant,
                environment,
            }
            | Self::Promise {
                invariant,
                environment,
            } => write!(f, "{invariant} holds of {environment}"),
            Self::NeverFails {
                policy,
                environment,
            } => write!(f, "{policy} never fails on {environment}"),
            Self::Alive { policy } => write!(f, "{policy} applies to something"),
            Self::LoadBearing { policy } => write!(f, "{policy} changes something"),
            Self::Denied { environment } => write!(f, "{environment} is refused to everybody"),
        }
    }
}
