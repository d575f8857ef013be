//! The tables as SeaORM sees them. Nothing of this leaves the crate.

pub(crate) mod accounts;
pub(crate) mod api_tokens;
pub(crate) mod audit_entries;
pub(crate) mod categories;
pub(crate) mod credentials;
pub(crate) mod imports;
pub(crate) mod machines;
pub(crate) mod memberships;
pub(crate) mod roles;
pub(crate) mod statements;
pub(crate) mod tenants;
pub(crate) mod transactions;
pub(crate) mod users;
