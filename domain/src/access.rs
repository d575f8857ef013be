//! The closed sets that policies speak of: roles, capabilities and scopes.
//!
//! The same names stand in the Cedar schema as enum entities; a test holds the two together.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A name that is not in the closed set it was looked up in. It says which are, and does not repeat the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there is no such {kind}: choose among {}", .known.join(", "))]
pub struct UnknownNameError {
    kind: &'static str,
    known: &'static [&'static str],
}

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident, $kind:literal, { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every member of the set, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in every layer: Cedar, the database, GraphQL and tokens.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let unknown = UnknownNameError { kind: $kind, known: &[$($text,)*] };
                Self::ALL.iter().copied().find(|member| member.name() == text).ok_or(unknown)
            }
        }
    };
}

closed_set! {
    /// What a member is in a tenant. A membership has exactly one; a role that the tenant made itself
    /// stands on one of these, and its ceilings hold.
    Role, "role", {
        /// Answers for the tenant. The last one can not be removed.
        Owner = "owner",
        /// Runs the tenant: members and tokens, not the amounts.
        Admin = "admin",
        /// Runs the business: sees and sorts the books.
        Manager = "manager",
        /// Keeps the books.
        Accountant = "accountant",
        /// Works for the company: sees amounts only of accounts in their care.
        Worker = "worker",
        /// Shares the household's personal accounts.
        Family = "family",
        /// Reads everything, writes nothing.
        Auditor = "auditor",
    }
}

impl Role {
    /// Whether a role of a tenant's own can stand on it: on any but the owner's, of which a tenant must
    /// know who has it.
    pub const fn can_be_base(self) -> bool {
        !matches!(self, Self::Owner)
    }
}

closed_set! {
    /// A permission that a tenant grants one member beside their role. Ceilings still hold.
    Capability, "capability", {
        /// Names, dates, states, categories and magnitudes.
        ReadBasic = "read.basic",
        /// Exact amounts and balances.
        ReadFinancial = "read.financial",
        /// Counterparties, account numbers and remittance text.
        ReadPii = "read.pii",
        /// Members and their roles.
        ReadMember = "read.member",
        /// API tokens.
        ReadToken = "read.token",
        /// The audit log.
        ReadAudit = "read.audit",
        /// Sorting transactions, making categories.
        WriteBasic = "write.basic",
        /// Accounts and imports.
        WriteFinancial = "write.financial",
        /// Changing and removing members, and the tenant's own roles.
        AdminMember = "admin.member",
        /// Making and revoking API tokens.
        AdminToken = "admin.token",
    }
}

closed_set! {
    /// What a machine may do. A token carries a set of these and nothing else.
    Scope, "scope", {
        /// Names, dates, states, categories and magnitudes.
        BasicRead = "basic:read",
        /// Exact amounts and balances.
        FinancialRead = "financial:read",
        /// Counterparties, account numbers and remittance text.
        PiiRead = "pii:read",
        /// Members and their roles.
        MembersRead = "members:read",
        /// The list of API tokens.
        TokensRead = "tokens:read",
        /// The audit log.
        AuditRead = "audit:read",
        /// `createAccount`.
        AccountsCreate = "accounts:create",
        /// `createCategory`.
        CategoriesCreate = "categories:create",
        /// `categorizeTransaction`.
        TransactionsCategorize = "transactions:categorize",
        /// `importStatement`.
        StatementsImport = "statements:import",
        /// `updateMember`. Named for completeness: refused to every machine by policy.
        MembersUpdate = "members:update",
        /// `removeMember`. Refused to every machine by policy.
        MembersRemove = "members:remove",
        /// `createRole`. Refused to every machine by policy.
        RolesCreate = "roles:create",
        /// `updateRole`. Refused to every machine by policy.
        RolesUpdate = "roles:update",
        /// `deleteRole`. Refused to every machine by policy.
        RolesDelete = "roles:delete",
        /// `createApiToken`. Refused to every machine by policy.
        ApiTokensCreate = "api_tokens:create",
        /// `revokeApiToken`. Refused to every machine by policy.
        ApiTokensRevoke = "api_tokens:revoke",
        /// `storeCredential`. Refused to every machine by policy.
        CredentialsStore = "credentials:store",
        /// `checkCredential`. Refused to every machine by policy.
        CredentialsCheck = "credentials:check",
        /// `revokeCredential`. Refused to every machine by policy.
        CredentialsRevoke = "credentials:revoke",
    }
}
