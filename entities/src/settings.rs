//! What the storage floor is told by configuration.

use std::time::Duration;

use secrecy::SecretString;

/// How to reach PostgreSQL, and how long to wait for it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// URL of the entry role: sign-in and sessions.
    pub entry_url: SecretString,
    /// URL of the books role: everything else.
    pub books_url: SecretString,
    /// The most connections that requests may hold. The audit writer and the sign-in side have a
    /// few of their own beside them, so that neither waits for requests that wait for them.
    pub connections_max: u32,
    /// How long a request waits for a connection before it is told that the database is away.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// Whether statements are prepared once per connection. False behind a transaction pooler,
    /// where a connection is another one at every transaction.
    pub prepared_statements: bool,
}
