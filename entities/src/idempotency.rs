//! Mutations that are sent again: one is done once, and its answer repeated.
//!
//! A key is claimed in the transaction of what is done under it, so that a crash leaves either both
//! or neither. While that transaction is open, whoever comes with the same key is told so. The answer is
//! kept afterwards, sealed (`answers`); where it was lost, the caller is told that the mutation was
//! done, and it is not done again.

mod answers;

use chrono::{DateTime, Duration, Utc};
use countersign_domain::id::TenantId;
use sea_orm::{DbBackend, Statement};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use self::answers::Answers;
use crate::{
    context::RequestContext,
    database::Database,
    error::StoreError,
    line::{Line, fetched},
    seal::About,
};

/// How long an answer is repeated.
const KEPT: Duration = Duration::hours(24);
/// How long the answer to what was done is taken to be on its way.
const UNDER_WAY: Duration = Duration::seconds(60);
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is this request's, or there is none to claim: the mutation may run.
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

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    tenant: TenantId,
    actor: String,
    key: [u8; 32],
}

impl Place {
    fn of(context: &RequestContext) -> Option<Self> {
        let key = context.facts().idempotency_key?;
        Some(Self {
            tenant: context.tenant(),
            actor: context.actor().id(),
            key: key.0,
        })
    }

    /// What PostgreSQL locks.
    fn lock(&self) -> i64 {
        let mut digest = Sha256::new_with_prefix(self.tenant.uuid());
        digest.update(self.key);
        digest.update(self.actor.as_bytes());
        let digest: [u8; 32] = digest.finalize().into();
        digest
            .first_chunk()
            .map_or(0, |first| i64::from_be_bytes(*first))
    }
}

fetched! {
    struct Found {
        is_claimed: bool,
        request: Option<Vec<u8>>,
        shape: Option<Vec<u8>>,
        claimed_at: Option<DateTime<Utc>>,
        is_settled: Option<bool>,
        answer: Option<Vec<u8>>,
    }
}

impl Database {
    /// Claims the request's key for what `request` is the SHA-256 of, in the transaction on the line.
    pub(crate) async fn claim(
        &self,
        line: &Line,
        context: &RequestContext,
        request: [u8; 32],
    ) -> Result<Claim, StoreError> {
        let Some(place) = Place::of(context) else {
            line.confirm().await?;
            return Ok(Claim::Claimed);
        };
        let answers = &self.inner().answers;
        // Before PostgreSQL is asked: what is on its way to it now may have arrived by then.
        let on_its_way = answers.on_its_way(&place);
        let found: Vec<Found> = line.fetch(&statement(context, &place, request)).await?;
        let found = found.into_iter().next();
        let found = found.ok_or_else(|| StoreError::inconsistent("nobody knows of the key"))?;
        if found.is_claimed {
            return Ok(Claim::Claimed);
        }
        let Some(asked) = found.request else {
            return Ok(Claim::UnderWay);
        };
        if asked != request {
            return Ok(Claim::OtherRequest);
        }
        let answer = match on_its_way {
            Some(answer) => answer.sealed.clone(),
            None if found.is_settled == Some(true) => found.answer,
            None => {
                let young = found.claimed_at > Some(context.now() - UNDER_WAY);
                return Ok(if young { Claim::UnderWay } else { Claim::Gone });
            }
        };
        let opened = answer
            .filter(|_| found.shape == Some(shape(context)))
            .map(|sealed| self.inner().kek.open(&sealed, &about(&place.key)));
        Ok(match opened {
            Some(answer) => Claim::Answered(answer?.to_vec()),
            None => Claim::Gone,
        })
    }

    /// Keeps the answer to what was done under the request's key. `None` keeps that it was done and
    /// not what came of it. Returns before it is written: until then, whoever asks this process is told
    /// of it, and whoever asks another that it is under way.
    pub async fn settle(
        &self,
        context: &RequestContext,
        answer: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let Some(place) = Place::of(context) else {
            return Ok(());
        };
        let inner = self.inner();
        let sealed = answer
            .filter(|answer| answer.len() <= ANSWER_BYTES_MAX)
            .map(|answer| inner.kek.seal(answer, &about(&place.key), &*inner.ids))
            .transpose()?;
        let claimant: Uuid = context.request().uuid();
        let answers = &inner.answers;
        answers.keep(place, claimant, sealed, context.now()).await
    }
}

fn statement(context: &RequestContext, place: &Place, request: [u8; 32]) -> Statement {
    let now = context.now();
    Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT * FROM countersign.claim_key($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            place.lock().into(),
            place.actor.as_str().into(),
            place.key.to_vec().into(),
            request.to_vec().into(),
            shape(context).into(),
            context.request().uuid().into(),
            now.into(),
            (now - KEPT).into(),
        ],
    )
}

/// What the caller may do, as a hash: the answer to one who could do more is not for one who can
/// do less.
fn shape(context: &RequestContext) -> Vec<u8> {
    Sha256::digest(context.actor().rights().as_bytes()).to_vec()
}

fn about(key: &[u8; 32]) -> About<'_> {
    About {
        purpose: "idempotent answer",
        owner: key,
        version: 1,
    }
}
