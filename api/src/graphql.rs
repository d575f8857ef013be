//! The GraphQL endpoint: from a document to an answer whose every field was decided.
//!
//! | file | is |
//! |---|---|
//! | [`Endpoint`] (`endpoint.rs`) | the way of a request, step by step |
//! | `field.rs` | the one place where fields are made, each bound to its Cedar action |
//! | `schema.rs` | the schema from its parts, one file per resource |
//! | `limits.rs`, `plan.rs`, `introspection.rs`, `shape.rs`, `fragments.rs` | what is known of a document before it runs |
//! | `operation.rs`, `loader.rs` | what an operation carries through its resolvers |
//! | `connection.rs`, `cursor.rs`, `node.rs` | Relay's conventions |
//! | `existence.rs` | what a request may name: hidden is answered like nowhere |
//! | `subscriptions.rs`, `endpoint/stream.rs` | what goes on, told as it goes on |
//! | `access.rs`, `permissions.rs` | who may, and why; what whoever asks may do to a row |
//! | `texts.rs` | texts that stand sealed, opened when their field is read |
//! | `deprecation.rs` | fields on their way out |
//! | `dry_run.rs` | what a request would cost and be decided to |
//! | `repeat.rs` | mutations that are sent again under a key |
//! | `validation.rs`, `rules.rs`, `coerce.rs`, `selection.rs` | a document made ready to run: valid, its arguments of their types, its fields merged |
//! | `execute.rs`, `value.rs` | running it: one walk that waits, one that writes |
//! | `error.rs`, `record.rs`, `answer.rs`, `timing.rs` | what leaves: errors, the audit row, the answer's form, how long it took |

mod access;
mod accounts;
mod answer;
mod api_tokens;
mod audit_checkpoints;
mod audit_entries;
mod audit_proofs;
mod categories;
mod coerce;
mod connection;
mod credentials;
mod cursor;
mod deprecation;
mod document;
mod dry_run;
mod endpoint;
mod error;
mod execute;
mod existence;
mod field;
mod fragments;
mod imports;
mod inputs;
mod introspection;
mod kind;
mod limits;
mod loader;
mod members;
mod node;
mod operation;
mod permissions;
mod plan;
mod policy_set;
mod previews;
mod record;
mod repeat;
mod request;
mod roles;
mod rules;
mod scalars;
mod schema;
mod selection;
mod shape;
mod statements;
mod subscriptions;
mod tenants;
mod texts;
mod timing;
mod transactions;
mod user_errors;
mod validation;
mod value;
mod viewer;

pub use answer::Response;
pub use document::{DocumentId, documents_of};
pub use endpoint::{Ask, Endpoint, EventStream, Frame};
pub use limits::{LimitError, Limits};
pub use request::{Answer, GraphqlRequest, Method, Source};
pub use schema::BuildError;

use countersign_policies::Engine;

use self::schema::Suggestions;

/// The schema of the policies' actions, as the fields say what they are: `policies/cedar/actions.cedarschema`.
pub fn actions(engine: &Engine) -> String {
    schema::actions(engine)
}

/// The schema as SDL, as it is committed.
pub fn sdl(engine: &Engine) -> Result<String, BuildError> {
    let options = async_graphql::SDLExportOptions::new()
        .include_specified_by()
        .sorted_fields();
    Ok(schema::build(engine, Suggestions::Off)?
        .0
        .sdl_with_options(options))
}
