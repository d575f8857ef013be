//! Proofs against the running product, one file for each area, one binary for all.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test tells one story, and says what went wrong by failing"
)]

mod abuse;
mod access;
mod architecture;
mod audit;
mod audit_exports;
mod audit_proofs;
mod authorization;
mod aws;
mod backups;
mod books;
mod canary;
mod checkpoints;
mod commands;
mod conformance;
mod credentials;
mod deprecation;
mod documents;
mod dry_run;
mod edge;
mod existence;
mod explain;
mod faults;
mod grants;
mod idempotency;
mod identity;
mod isolation;
mod kms;
mod ledger;
mod limits;
mod management;
mod matrix;
mod names;
mod permissions;
mod pgbouncer;
mod policies;
mod protocol;
mod refusals;
mod replicas;
mod roles;
mod sealed;
mod statements;
mod status_codes;
mod streams;
mod tenants;
mod time_limit;
mod transactions;
mod transport;
mod vault;
