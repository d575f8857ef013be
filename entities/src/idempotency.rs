//! Mutations that are sent again: one is done once, and its answer repeated.
//!
//! A key is claimed in a transaction of its own. The mutation's transaction marks it as done, so
//! that a crash leaves either both or neither; whoever took over a claim that seemed dead makes the
//! slow one's transaction fail. The answer is stored afterwards, sealed; where it was lost, the
//! caller is told that the mutation was done, and it is not done again.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use sha2::{Digest, Sha256};

use crate::{
    context::RequestContext,
    database::Database,
    error::{EnterError, StoreError},
    seal::About,
    wire::{Durability, End, Wire},
};

/// How long an answer is repeated.
const KEPT: Duration = Duration::hours(24);
/// How long a claim without an end is taken to be under way.
const UNDER_WAY: Duration = Duration::seconds(60);
/// Of how many claims one removes what is older than [`KEPT`].
const SWEEP_ONE_IN: u8 = 32;
/// Ends a claim.
const SETTLE: &str = "SELECT countersign.settle_key($1, $2, $3, $4, $5, $6)";
/// The most bytes of an answer that is kept.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A caller's key: SHA-256 of the header's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey([u8; 32]);

impl IdempotencyKey {
    /// The key of the header's value: 1 to 255 visible characters of ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(Sha256::digest(text.as_bytes()).into()))
    }
}

/// What came of claiming a key.
#[derive(Debug)]
pub enum Claim {
    /// It is this request's: the mutation may run.
    Claimed,
    /// The mutation was done; this was its answer.
    Answered(Vec<u8>),
    /// The mutation was done, and its answer is not there to be repeated.
    Gone,
    /// Another request with the key is under way.
    UnderWay,
    /// The key belongs to a request that asked for something else.
    OtherRequest,
}

impl Database {
    /// Claims the request's key for what `request` is the SHA-256 of. Without a key there is
    /// nothing to claim.
    pub async fn claim(
        &self,
        context: &RequestContext,
        request: [u8; 32],
    ) -> Result<Claim, EnterError> {
        let Some(key) = context.facts().idempotency_key else {
            return Ok(Claim::Claimed);
        };
        // The mutation's own commit, which comes later, makes the claim durable with it.
        let wire = self.open_again(context, Durability::Soon).await?;
        let claimed = claim(&wire, context, key, request).await?;
        let claim = if claimed {
            Claim::Claimed
        } else {
            self.kept(&wire, context, key, request).await?
        };
        wire.end(End::Commit).await?;
        Ok(claim)
    }

    async fn kept(
        &self,
        wire: &Wire,
        context: &RequestContext,
        key: IdempotencyKey,
        request: [u8; 32],
    ) -> Result<Claim, StoreError> {
        let sql = "SELECT request, shape, done_at, settled_at, claimed_at, answer \
                   FROM countersign.idempotency_keys WHERE tenant_id = $1 AND actor_id = $2 AND key = $3";
        let statement = statement(wire, sql, place(context, key));
        let Some(row) = wire.query_one_raw(statement).await? else {
            // Released in between: the next try finds it free.
            return Ok(Claim::UnderWay);
        };
        let asked: Vec<u8> = row.try_get("", "request")?;
        if asked != request {
            return Ok(Claim::OtherRequest);
        }
        let done: Option<DateTime<Utc>> = row.try_get("", "done_at")?;
        let settled: Option<DateTime<Utc>> = row.try_get("", "settled_at")?;
        let claimed: DateTime<Utc> = row.try_get("", "claimed_at")?;
        // Its answer may be on its way to the database.
        let is_young = claimed > context.now() - UNDER_WAY;
        if done.is_none() || (settled.is_none() && is_young) {
            return Ok(Claim::UnderWay);
        }
        let answer: Option<Vec<u8>> = row.try_get("", "answer")?;
        let could: Vec<u8> = row.try_get("", "shape")?;
        let opened = answer
            .filter(|_| could == shape(context))
            .map(|sealed| self.inner().kek.open(&sealed, &about(&key)));
        Ok(match opened {
            Some(answer) => Claim::Answered(answer?.to_vec()),
            None => Claim::Gone,
        })
    }

    /// Ends the claim of the request: keeps the answer where the mutation was done, and frees the
    /// key where it was not. `None` keeps that it was done and not what came of it.
    pub async fn settle(
        &self,
        context: &RequestContext,
        answer: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let Some(key) = context.facts().idempotency_key else {
            return Ok(());
        };
        let inner = self.inner();
        let sealed = answer
            .filter(|answer| answer.len() <= ANSWER_BYTES_MAX)
            .map(|answer| inner.kek.seal(answer, &about(&key), &*inner.ids))
            .transpose()?;
        let [tenant, actor, key] = place(context, key);
        let own: Value = context.request().uuid().into();
        let values = [tenant, actor, key, own, sealed.into(), context.now().into()];
        let settle = Statement::from_sql_and_values(DbBackend::Postgres, SETTLE, values);
        Wire::once(&inner.books, inner.prepared, &settle).await
    }
}

/// Marks the request's key as done, in the mutation's own transaction. Fails where the claim is
/// another's by now, and the mutation with it.
pub(crate) async fn mark_done(wire: &Wire, context: &RequestContext) -> Result<(), StoreError> {
    let Some(key) = context.facts().idempotency_key else {
        return Ok(());
    };
    let [tenant, actor, key] = place(context, key);
    let sql = "UPDATE countersign.idempotency_keys SET done_at = $5 WHERE tenant_id = $1 \
               AND actor_id = $2 AND key = $3 AND claimed_by = $4";
    let own = context.request().uuid().into();
    let values = [tenant, actor, key, own, context.now().into()];
    let marked = wire.execute_raw(statement(wire, sql, values)).await?;
    if marked.rows_affected() == 1 {
        return Ok(());
    }
    Err(StoreError::inconsistent(
        "the idempotency key is another request's by now",
    ))
}

async fn claim(
    wire: &Wire,
    context: &RequestContext,
    key: IdempotencyKey,
    request: [u8; 32],
) -> Result<bool, StoreError> {
    let now = context.now();
    // Now and then, as keys are random: what is too old is taken over where it is met.
    let sweeps = key.0.first().is_some_and(|byte| byte % SWEEP_ONE_IN == 0);
    let [tenant, actor, key] = place(context, key);
    if sweeps {
        let old =
            "DELETE FROM countersign.idempotency_keys WHERE tenant_id = $1 AND claimed_at < $2";
        let old = statement(wire, old, [tenant.clone(), (now - KEPT).into()]);
        wire.execute_raw(old).await?;
    }
    let sql = "INSERT INTO countersign.idempotency_keys AS k \
               (tenant_id, actor_id, key, request, shape, claimed_by, claimed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (tenant_id, actor_id, key) DO UPDATE \
               SET request = excluded.request, shape = excluded.shape, \
               claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at, \
               done_at = NULL, settled_at = NULL, answer = NULL \
               WHERE k.claimed_at < $9 OR (k.done_at IS NULL \
               AND k.request = excluded.request AND k.claimed_at < $8)";
    let values = [
        tenant,
        actor,
        key,
        request.to_vec().into(),
        shape(context).into(),
        context.request().uuid().into(),
        now.into(),
        (now - UNDER_WAY).into(),
        (now - KEPT).into(),
    ];
    let claimed = wire.execute_raw(statement(wire, sql, values)).await?;
    Ok(claimed.rows_affected() == 1)
}

fn place(context: &RequestContext, key: IdempotencyKey) -> [Value; 3] {
    [
        context.tenant().uuid().into(),
        context.actor().id().into(),
        key.0.to_vec().into(),
    ]
}

/// What the caller may do, as a hash: the answer to one who could do more is not for one who can
/// do less.
fn shape(context: &RequestContext) -> Vec<u8> {
    Sha256::digest(context.actor().rights().as_bytes()).to_vec()
}

fn about(key: &IdempotencyKey) -> About<'_> {
    About {
        purpose: "idempotent answer",
        owner: &key.0,
        version: 1,
    }
}

fn statement<const N: usize>(wire: &Wire, sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(wire.get_database_backend(), sql, values)
}
