//! Mutations that are sent again: one is done once, and its answer repeated.
//!
//! A key is claimed in the transaction of what is done under it, so that a crash leaves either both
//! or neither. While that transaction is open, whoever comes with the same key is told so. The answer is
//! kept afterwards, sealed (`answers`); where it was lost, the caller is told that the mutation was
//! done, and it is not done again.

mod answers;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use countersign_domain::id::TenantId;
use sea_orm::{DbBackend, Statement, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::answers::Answer;
pub(crate) use self::answers::Answers;
use crate::{
    context::RequestContext,
    database::Database,
    enter,
    error::StoreError,
    keys::{Keys, Purpose},
    line::fetched,
    seal,
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

/// What a request that writes asks for, and by what it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// SHA-256 of what is asked for. A key is good for one of them.
    pub request: [u8; 32],
    /// SHA-256 of the policies. What was answered by others is not repeated: they may have hidden less.
    pub policies: [u8; 32],
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
    /// What PostgreSQL says of a key.
    #[derive(Debug)]
    pub(crate) struct Found {
        is_claimed: bool,
        request: Option<Vec<u8>>,
        shape: Option<Vec<u8>>,
        claimed_at: Option<DateTime<Utc>>,
        is_settled: Option<bool>,
        answer: Option<Vec<u8>>,
    }
}

/// The types of what a claim is made with, after its tenant. The last one is since when keys are kept.
const TYPES: [&str; 8] = [
    "bigint",
    "text",
    "bytea",
    "bytea",
    "bytea",
    "uuid",
    "timestamptz",
    "timestamptz",
];

/// The types of what is held: no key is taken over there, however old.
fn held() -> &'static [&'static str] {
    TYPES.split_last().map_or(&[], |(_, held)| held)
}

/// Places for values of those types, behind as many others.
fn places(behind: usize, types: &[&str]) -> String {
    let places = types.iter().zip(1_usize..);
    let places = places.map(|(kind, n)| format!("${}::{kind}", behind.saturating_add(n)));
    places.collect::<Vec<_>>().join(", ")
}

/// A claim that is to be made.
#[derive(Debug)]
pub(crate) struct Claiming {
    place: Place,
    context: RequestContext,
    asking: Asking,
    on_its_way: Option<Arc<Answer>>,
}

impl Claiming {
    /// Claims by a statement of its own.
    pub(crate) fn statement(&self) -> Statement {
        let sql = "SELECT * FROM countersign.claim_key($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let tenant = Value::from(self.place.tenant.uuid());
        let values = std::iter::once(tenant).chain(self.values());
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    }

    /// Claims on the way in, by the same statement.
    pub(crate) fn entering(&self, call: enter::Call) -> Statement {
        let enter::Call { way, values } = call;
        let sql = way.claiming.get_or_init(|| {
            format!(
                "SELECT e.*, k.* FROM {} e, LATERAL countersign.claim_key(\
                 CASE e.outcome WHEN 'entered' THEN e.tenant END, {}) k",
                way.function,
                places(way.takes, &TYPES)
            )
        });
        let values = values.into_iter().chain(self.values());
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    }

    /// Whether this process knows that the key was used: its answer is on its way to PostgreSQL.
    pub(crate) const fn is_known(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// Enters and claims by a statement that fails where PostgreSQL says anything else than `presumed`, or
    /// the key is not free.
    pub(crate) fn holding(
        &self,
        call: enter::Call,
        presumed: &enter::Answer,
        named: usize,
    ) -> Statement {
        let enter::Call { way, values } = call;
        let sql = way.holding.get_or_init(|| {
            let presumed = enter::Answer::TYPES;
            format!(
                "SELECT countersign.hold_presumed(e, ROW({})::countersign.entrance, {}) FROM {} e",
                places(way.takes, &presumed),
                places(way.takes.saturating_add(presumed.len()), held()),
                way.function
            )
        });
        let values = values.into_iter().chain(presumed.values(named));
        let values = values.chain(self.values().into_iter().take(held().len()));
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    }

    fn values(&self) -> [Value; 8] {
        let now = self.context.now();
        [
            self.place.lock().into(),
            self.place.actor.as_str().into(),
            self.place.key.to_vec().into(),
            self.asking.request.to_vec().into(),
            self.shape().into(),
            self.context.request().uuid().into(),
            now.into(),
            (now - KEPT).into(),
        ]
    }

    /// What is answered depends on, beside what is asked for, as a hash: the answer to one who could do more,
    /// or in whose place somebody else is now, is not for one who can do less.
    fn shape(&self) -> Vec<u8> {
        let actor = self.context.actor();
        let mut digest = Sha256::new_with_prefix(self.asking.policies);
        digest.update([u8::from(actor.tenant_suspended)]);
        if let Some(human) = actor.human() {
            digest.update(human.member.uuid());
        }
        digest.update(actor.rights());
        digest.finalize().to_vec()
    }

    /// What came of it.
    pub(crate) async fn judge(
        self,
        found: Option<&Found>,
        keys: &Keys,
    ) -> Result<Claim, StoreError> {
        let found = found.ok_or_else(|| StoreError::inconsistent("nobody knows of the key"))?;
        if found.is_claimed {
            return Ok(Claim::Claimed);
        }
        let Some(asked) = &found.request else {
            return Ok(Claim::UnderWay);
        };
        if *asked != self.asking.request {
            return Ok(Claim::OtherRequest);
        }
        let sealed = match &self.on_its_way {
            Some(answer) => answer.sealed.as_deref(),
            None if found.is_settled == Some(true) => found.answer.as_deref(),
            None => {
                let young = found.claimed_at > Some(self.context.now() - UNDER_WAY);
                return Ok(if young { Claim::UnderWay } else { Claim::Gone });
            }
        };
        let able = Some(self.shape());
        let Some(sealed) = sealed.filter(|_| found.shape == able) else {
            return Ok(Claim::Gone);
        };
        match keys
            .open(Purpose::Answers, &seal_place(&self.place.key), sealed)
            .await
        {
            Ok(answer) => Ok(Claim::Answered(answer.to_vec())),
            // Under a key that is destroyed, or by a program that sealed otherwise.
            Err(StoreError::KeyDestroyed | StoreError::Sealed) => Ok(Claim::Gone),
            Err(error) => Err(error),
        }
    }
}

/// How many answers are emptied by one statement: there may be too many for the bound of one.
const EMPTIED_AT_ONCE: i64 = 5_000;

/// Empties the answers that are kept for a tenant, and has none kept of what was done and is not answered
/// yet: they have in them what the tenant sealed, and are sealed under a key that is not the tenant's. Some,
/// after that place; the next are those after where it ended.
pub(crate) fn emptying(tenant: TenantId, at: DateTime<Utc>, after: Emptied) -> Statement {
    let sql = "WITH batch AS (SELECT actor_id, key FROM countersign.idempotency_keys \
             WHERE tenant_id = $1 AND (answer IS NOT NULL OR settled_at IS NULL) \
             AND (actor_id, key) > ($3, $4) ORDER BY actor_id, key LIMIT $5), \
         emptied AS (UPDATE countersign.idempotency_keys k \
             SET answer = NULL, settled_at = coalesce(k.settled_at, $2) FROM batch b \
             WHERE k.tenant_id = $1 AND k.actor_id = b.actor_id AND k.key = b.key RETURNING 1) \
         SELECT b.actor_id AS actor, b.key, (SELECT count(*) FROM emptied) AS rows \
         FROM batch b ORDER BY b.actor_id DESC, b.key DESC LIMIT 1";
    let values = [
        tenant.uuid().into(),
        at.into(),
        after.actor.into(),
        after.key.into(),
        EMPTIED_AT_ONCE.into(),
    ];
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

fetched! {
    /// Where emptying ended, at first before all, and how many rows it emptied.
    #[derive(Debug, Default)]
    pub(crate) struct Emptied {
        actor: String,
        key: Vec<u8>,
        pub(crate) rows: i64,
    }
}

impl Database {
    /// The claim of the request's key, where it has one.
    ///
    /// Made before PostgreSQL is asked: an answer that is on its way there now may have arrived by then.
    pub(crate) fn claiming(&self, context: &RequestContext, asking: Asking) -> Option<Claiming> {
        let place = Place::of(context)?;
        Some(Claiming {
            on_its_way: self.inner().answers.on_its_way(&place),
            place,
            context: context.clone(),
            asking,
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
        let answer = answer.filter(|answer| answer.len() <= ANSWER_BYTES_MAX);
        let sealed = match answer {
            Some(answer) => {
                let stands = seal_place(&place.key);
                Some(inner.keys.seal(Purpose::Answers, &stands, answer).await?.0)
            }
            None => None,
        };
        let claimant: Uuid = context.request().uuid();
        let answers = &inner.answers;
        answers.keep(place, claimant, sealed, context.now()).await
    }
}

fn seal_place(key: &[u8; 32]) -> seal::Place<'_> {
    seal::Place {
        tenant: TenantId::OPERATOR,
        table: "idempotency_keys",
        column: "answer",
        row: key,
    }
}
