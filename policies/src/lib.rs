//! Who may: the Cedar policies, the engine that decides by them, and what it gives out.
//!
//! The policies themselves are in `cedar/`, to be read alone. The engine is their only interpreter;
//! a [`Permit`] or a [`ReadScope`] can not be made anywhere else, and the storage floor moves
//! nothing without one.
//!
//! A decision about a class of fields is made once for each *shape* of principal by Cedar's
//! type-aware partial evaluation, with placeholders for who asks and where, and kept. What is left
//! to the row becomes a [`Predicate`], which is evaluated on rows in hand and turned into SQL for
//! lists. Any error in an evaluation denies.

mod access;
mod action;
mod cache;
mod certificate;
mod decision;
pub mod effects;
mod engine;
mod entity;
mod error;
mod explain;
mod judged;
mod load;
mod matrix;
mod needs;
mod predicate;
pub mod replay;
mod residual;
mod resolved;
pub mod resource;
pub mod rights;
pub mod row;
mod scope;
mod step_up;
mod words;

pub use access::{AccessExplanation, Known, KnownRow, RowCondition, Verdict, WhoMay};
pub use action::{ActionId, EXPLAIN_REFUSAL, INTROSPECT};
pub use certificate::{Certificate, DENIED, INVARIANTS};
pub use decision::{Basis, Decision, Decisions, Refusal, RowRule};
pub use engine::Engine;
pub use error::PolicyError;
pub use explain::{Explanation, NearPermit, Rule};
pub use judged::Judged;
pub use load::{whole_policies, whole_schema};
pub use predicate::{Literal, Predicate, SELF};
pub use resolved::Resolved;
pub use resource::Resource;
pub use row::{Attribute, Row};
pub use scope::{Permit, ReadScope};
