//! The kinds of rows that scopes are made for.

/// A kind of row, by the name of its Cedar entity type.
pub trait Resource {
    /// The name without its namespace.
    const NAME: &'static str;
}

macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $name {}

            impl Resource for $name {
                const NAME: &'static str = stringify!($name);
            }
        )*
    };
}

resources! {
    /// A tenant's books as a whole. They have no rows, so no scope is ever given for them.
    Books,
    /// The tenant's own row.
    Tenant,
    /// A person's place in the tenant.
    Member,
    /// A role that the tenant made itself.
    CustomRole,
    /// A bank account.
    Account,
    /// A booked movement of money.
    Transaction,
    /// What transactions are sorted under.
    Category,
    /// A bank statement.
    Statement,
    /// An import of a file.
    Import,
    /// An API token.
    ApiToken,
    /// A credential at an outside provider.
    Credential,
    /// A row of the audit log.
    AuditEntry,
}
