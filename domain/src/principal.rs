//! Who acts. Humans and machines are different types, and neither can become the other.

use std::collections::BTreeSet;

use crate::{
    access::{Capability, Role, Scope},
    id::{ApiTokenId, MachineId, MemberId, SessionId, TenantId, UserId},
};

/// A human acting in one tenant, as the database just confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Human {
    /// The human, across tenants.
    pub user: UserId,
    /// The membership that lets them act here.
    pub member: MemberId,
    /// The browser they are signed in with.
    pub session: SessionId,
    /// Their one role in the tenant.
    pub role: Role,
    /// What the tenant granted them beside the role.
    pub capabilities: BTreeSet<Capability>,
    /// Whether a second factor was given in this session.
    pub mfa: bool,
}

/// How a machine proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineCredential {
    /// An API token made in this product.
    ApiToken(ApiTokenId),
    /// A client-credentials token of the OpenID provider, for a registered machine.
    ClientCredentials(MachineId),
}

impl MachineCredential {
    /// The id that the audit log attributes to: `tok_…` or `mch_…`.
    pub fn id(self) -> String {
        match self {
            Self::ApiToken(id) => id.to_string(),
            Self::ClientCredentials(id) => id.to_string(),
        }
    }
}

/// A machine acting in one tenant, as the database just confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The token or client it came with.
    pub credential: MachineCredential,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Whether it may send published documents only, and no query of its own.
    pub documents_only: bool,
}

/// Whoever acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person.
    Human(Human),
    /// A program.
    Machine(Machine),
}

/// A principal acting in the one tenant that the database says it belongs to.
///
/// Only the storage floor makes one, on entering a transaction; `tests` holds the other floors to
/// that. Whoever has an `Actor` has been let in by PostgreSQL, or is refused every row until it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Where it acts.
    pub tenant: TenantId,
    /// Who acts.
    pub principal: Principal,
    /// Whether the tenant is suspended: it can be read, not written.
    pub tenant_suspended: bool,
}

impl Actor {
    /// The kind as the audit log writes it: `human` or `machine`.
    pub const fn kind(&self) -> &'static str {
        match self.principal {
            Principal::Human(_) => "human",
            Principal::Machine(_) => "machine",
        }
    }

    /// The id that the audit log attributes to: `usr_…`, `tok_…` or `mch_…`.
    pub fn id(&self) -> String {
        match &self.principal {
            Principal::Human(human) => human.user.to_string(),
            Principal::Machine(machine) => machine.credential.id(),
        }
    }

    /// What it may do, as text: equal where policies see no difference but who it is.
    pub fn rights(&self) -> String {
        match &self.principal {
            Principal::Human(human) => {
                let capabilities = human.capabilities.iter().map(ToString::to_string);
                let capabilities: Vec<_> = capabilities.collect();
                format!("{} {} {}", human.role, human.mfa, capabilities.join(" "))
            }
            Principal::Machine(machine) => {
                let scopes: Vec<_> = machine.scopes.iter().map(ToString::to_string).collect();
                scopes.join(" ")
            }
        }
    }

    /// The human, where it is one.
    pub const fn human(&self) -> Option<&Human> {
        match &self.principal {
            Principal::Human(human) => Some(human),
            Principal::Machine(_) => None,
        }
    }
}
