//! Proofs against the running product, one file for each area, one binary for all.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod audit;
mod authorization;
mod books;
mod edge;
mod names;
mod tenants;
