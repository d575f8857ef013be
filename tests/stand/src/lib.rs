//! Private PostgreSQL, PgBouncer and OpenID provider for the demo and the tests.

pub mod books;
