//! Proofs against a running system.
