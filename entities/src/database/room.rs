//! How many connections a server may open, and how many PostgreSQL lets it have.

use sea_orm::{DbBackend, FromQueryResult, Statement};
use sqlx::PgPool;

use super::Database;
use crate::error::StoreError;

/// The connections of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The role.
    pub role: String,
    /// The most that this server opens as the role.
    pub most: u32,
    /// How many the role may have, of all servers together; `None` where it has no limit of its own.
    pub of_role: Option<u32>,
    /// How many PostgreSQL lets in that are no superuser's, of whatever role.
    pub of_all: u32,
}

const LIMITS: &str = "SELECT current_user::text AS role, \
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role, \
    current_setting('max_connections')::int4 \
        - current_setting('superuser_reserved_connections')::int4 \
        - coalesce(current_setting('reserved_connections', true)::int4, 0) AS of_all";

#[derive(FromQueryResult)]
struct Limits {
    role: String,
    of_role: i32,
    of_all: i32,
}

impl Database {
    /// The connections of both roles.
    pub async fn room(&self) -> Result<[Room; 2], StoreError> {
        let inner = &self.0;
        let max = |pool: &PgPool| pool.options().get_max_connections();
        let lines = [inner.lines.max(), inner.writing.max()];
        let lanes = [
            inner.lanes.max(),
            inner.write_lanes.max(),
            inner.durability.max(),
        ];
        // Behind a pooler nothing is shared.
        let lanes = lanes.iter().filter(|_| inner.prepared);
        let shared: usize = lines.iter().chain(lanes).sum();
        let [pool, calls] = inner.recorder.pools();
        let pools = [&inner.books, inner.keys.pool(), pool, calls];
        let beside: u32 = pools.into_iter().map(max).sum();
        let books = u32::try_from(shared).unwrap_or(u32::MAX);
        Ok([
            self.room_of(&inner.books, books.saturating_add(beside))
                .await?,
            self.room_of(&inner.entry, max(&inner.entry)).await?,
        ])
    }

    async fn room_of(&self, pool: &PgPool, most: u32) -> Result<Room, StoreError> {
        let asked = Statement::from_string(DbBackend::Postgres, LIMITS);
        let limits = Limits::from_query_result(&self.ask(pool, asked).await?, "")?;
        Ok(Room {
            role: limits.role,
            most,
            // -1 is none.
            of_role: u32::try_from(limits.of_role).ok(),
            of_all: u32::try_from(limits.of_all).unwrap_or_default(),
        })
    }
}
