//! The mutations, each by its one name, and what is to be known of it before it runs.

use countersign_domain::access::Scope;

/// A mutation's one name, in the layers that a caller or an auditor meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MutationName {
    /// The GraphQL field; the Cedar action is `Mutation.<field>`.
    pub field: &'static str,
    /// The audit event, noun and past verb.
    pub event: &'static str,
    /// The token scope.
    pub scope: Scope,
    /// What sending it again would do.
    pub again: Again,
    /// What it needs to know before it writes.
    pub looks: Looks,
}

/// What a mutation needs to know of what is stored before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Nothing: it inserts what it is given. Where who asks is known from a moment ago, all of it is one
    /// message to PostgreSQL.
    AtNothing,
    /// What it changes, or is to fit with.
    First,
}

/// What sending a mutation again would do, as after an answer that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Nothing: it sets what it sets, or finds that it was done.
    Harmless,
    /// Make a second one: an `Idempotency-Key` is required.
    Doubles,
    /// Make a second one, and its answer holds a secret that is shown once: a key is required, and
    /// the answer is not kept.
    DoublesSecret,
}

/// Every mutation. A test holds the GraphQL schema, the policies and the scopes to this table.
pub const MUTATIONS: [MutationName; 14] = [
    MutationName {
        field: "importStatement",
        event: "statement.imported",
        scope: Scope::StatementsImport,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "createAccount",
        event: "account.created",
        scope: Scope::AccountsCreate,
        again: Again::Doubles,
        looks: Looks::First,
    },
    MutationName {
        field: "createCategory",
        event: "category.created",
        scope: Scope::CategoriesCreate,
        again: Again::Doubles,
        looks: Looks::AtNothing,
    },
    MutationName {
        field: "categorizeTransaction",
        event: "transaction.categorized",
        scope: Scope::TransactionsCategorize,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "createApiToken",
        event: "api_token.created",
        scope: Scope::ApiTokensCreate,
        again: Again::DoublesSecret,
        looks: Looks::AtNothing,
    },
    MutationName {
        field: "revokeApiToken",
        event: "api_token.revoked",
        scope: Scope::ApiTokensRevoke,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "storeCredential",
        event: "credential.stored",
        scope: Scope::CredentialsStore,
        again: Again::Doubles,
        looks: Looks::AtNothing,
    },
    MutationName {
        field: "checkCredential",
        event: "credential.checked",
        scope: Scope::CredentialsCheck,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "revokeCredential",
        event: "credential.revoked",
        scope: Scope::CredentialsRevoke,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "createRole",
        event: "role.created",
        scope: Scope::RolesCreate,
        again: Again::Doubles,
        looks: Looks::First,
    },
    MutationName {
        field: "updateRole",
        event: "role.updated",
        scope: Scope::RolesUpdate,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "deleteRole",
        event: "role.deleted",
        scope: Scope::RolesDelete,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "updateMember",
        event: "member.updated",
        scope: Scope::MembersUpdate,
        again: Again::Harmless,
        looks: Looks::First,
    },
    MutationName {
        field: "removeMember",
        event: "member.removed",
        scope: Scope::MembersRemove,
        again: Again::Harmless,
        looks: Looks::First,
    },
];

/// The audit event of a mutation.
pub fn event_of(field: &str) -> Option<&'static str> {
    MUTATIONS
        .iter()
        .find(|name| name.field == field)
        .map(|name| name.event)
}

/// What a mutation needs to know before it writes.
pub fn looks_of(field: &str) -> Looks {
    MUTATIONS
        .iter()
        .find(|name| name.field == field)
        .map_or(Looks::First, |name| name.looks)
}

/// What sending a mutation again would do.
pub fn again_of(field: &str) -> Again {
    MUTATIONS
        .iter()
        .find(|name| name.field == field)
        .map_or(Again::Doubles, |name| name.again)
}
