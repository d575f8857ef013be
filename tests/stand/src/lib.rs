//! Private PostgreSQL, PgBouncer and OpenID provider for the demo and the tests.
//!
//! Whatever is started here ends with the process that started it, by whatever death: a watcher
//! waits on a pipe that the kernel closes.

pub mod books;
pub mod packages;
pub mod passage;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod redis;
pub mod small_disk;
pub mod solvers;
