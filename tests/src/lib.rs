//! The harness: the whole product in one process, on a database of its own.
//!
//! Every test copies a migrated template, owns its clock and its ids, and talks to the server over
//! HTTP. The kind of client is a type: [`Browser`], [`Token`], or none.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a harness says what went wrong by failing the test"
)]

mod app;
mod certificate;
mod client;
mod database;
mod events;
pub mod exports;
pub mod logs;
mod mortal;
mod outside;
mod served;
mod tap;
mod time;

pub use app::{TestApp, TestTenant, configuration};
pub use certificate::Pair;
pub use client::{Browser, Reply, Token};
pub use database::{TestDatabase, cluster};
pub use events::{Event, Events};
pub use mortal::Mortal;
pub use outside::{Bucket, Keys, Kms, Mood, Object, Outside, Platform};
pub use served::Served;
pub use tap::{Sent, Tap};
pub use time::{TestClock, TestIds};
