//! The outside: use cases, GraphQL, HTTP, sign-in, configuration, telemetry and the commands of the
//! `countersign` binary.

pub mod app;
pub mod aws;
pub mod backups;
mod causes;
pub mod checkpoints;
pub mod code;
pub mod command;
pub mod config;
pub mod doctor;
pub mod graphql;
pub mod http;
pub mod identity;
pub mod kms;
pub mod metrics;
mod places;
pub mod policies;
pub mod providers;
pub mod rate_limit;
pub mod replay;
pub mod replicas;
pub mod server;
pub mod telemetry;
pub mod tls;
