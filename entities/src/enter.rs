//! The way in: one batch begins the transaction, checks the credential and the membership, sets the
//! tenant and counts the ids that the request names.
//!
//! The batch goes by the simple protocol, which binds nothing, so every value in it is rendered
//! here from a type that has no quotes: hexadecimal bytes, UUIDs, numbers and instants.

use std::{collections::BTreeSet, fmt::Write, str::FromStr, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use countersign_domain::{
    access::Scope,
    id::{ApiTokenId, MachineId, MemberId, SessionId, TenantId, UserId},
    principal::{Actor, Human, Machine, MachineCredential, Principal},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    audit::Attribution,
    context::{Credential, RequestContext, RequestFacts},
    error::{EnterError, StoreError, Why},
};

/// The start of every transaction: bounds on how long a statement may run and how long a
/// transaction may idle. Local to the transaction, so that a pooler may hand the connection on.
pub(crate) fn begin(statement_timeout: Duration) -> String {
    let ms = statement_timeout.as_millis();
    format!(
        "BEGIN; SET LOCAL statement_timeout = {ms}; \
         SET LOCAL idle_in_transaction_session_timeout = 60000; "
    )
}

/// The statement that enters with a credential.
pub(crate) fn enter(credential: &Credential, at: DateTime<Utc>, named: &BTreeSet<Uuid>) -> String {
    let mut sql = String::from("SELECT * FROM countersign.");
    match credential {
        Credential::Session(secret) => {
            sql.push_str("enter_session(");
            sql.push_str(&bytes(&secret.hashed()));
        }
        Credential::ApiToken(token) => {
            sql.push_str("enter_api_token(");
            sql.push_str(&bytes(token.as_bytes()));
        }
        Credential::ClientCredentials {
            issuer, client_id, ..
        } => {
            sql.push_str("enter_machine(");
            sql.push_str(&text(issuer));
            sql.push_str(", ");
            sql.push_str(&text(client_id));
        }
    }
    sql.push_str(", ");
    sql.push_str(&instant(at));
    sql.push_str(", '{");
    for (i, id) in named.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(sql, "{comma}{id}");
    }
    sql.push_str("}'::uuid[])");
    sql
}

/// The statement that enters a tenant that an entrance, or the operator's side, has named.
pub(crate) fn enter_tenant(tenant: TenantId) -> String {
    format!("SELECT countersign.enter_tenant('{}'::uuid)", tenant.uuid())
}

fn bytes(bytes: &[u8]) -> String {
    format!("'\\x{}'::bytea", hex::encode(bytes))
}

fn text(text: &str) -> String {
    format!("convert_from({}, 'UTF8')", bytes(text.as_bytes()))
}

fn instant(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!("'{text}'::timestamptz")
}

/// What the entrance said.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) actor: Actor,
    own: u32,
    foreign: u32,
}

/// What the entrance said of a credential that opens nothing.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) why: Why,
    /// Whose it was, in which tenant; `None` where it was nobody's, or of no tenant.
    pub(crate) holder: Option<(TenantId, Attribution)>,
}

/// What came of entering.
#[derive(Debug)]
pub(crate) enum Outcome {
    Entered(Entrance),
    Rejected(Rejection),
    NoTenant,
}

impl Outcome {
    /// Reads the entrance's row.
    pub(crate) fn read(row: &PgRow, credential: &Credential) -> Result<Self, StoreError> {
        let outcome: String = get(row, "outcome")?;
        let why = match outcome.as_str() {
            "entered" => return Ok(Self::Entered(Entrance::read(row, credential)?)),
            "no_tenant" => return Ok(Self::NoTenant),
            "unknown" => Why::Unknown,
            "ended" => Why::Ended,
            "expired" => Why::Expired,
            "no_membership" => Why::NoMembership,
            other => {
                let what = format!("the outcome is `{other}`");
                return Err(StoreError::inconsistent(what));
            }
        };
        let tenant: Option<Uuid> = get(row, "tenant")?;
        let holder = match tenant {
            Some(tenant) => Some((TenantId::new(tenant), holder(row, credential)?)),
            None => None,
        };
        Ok(Self::Rejected(Rejection { why, holder }))
    }
}

impl Entrance {
    fn read(row: &PgRow, credential: &Credential) -> Result<Self, StoreError> {
        let actor = Actor {
            tenant: TenantId::new(get(row, "tenant")?),
            principal: principal(row, credential)?,
            tenant_suspended: get(row, "suspended")?,
        };
        let own: i32 = get(row, "named_own")?;
        let foreign: i32 = get(row, "named_foreign")?;
        Ok(Self {
            actor,
            own: own.unsigned_abs(),
            foreign: foreign.unsigned_abs(),
        })
    }

    /// The context, if every named id is of the tenant (ISO-4).
    pub(crate) fn into_context(
        self,
        credential: &Credential,
        facts: &RequestFacts,
        named: usize,
    ) -> Result<RequestContext, EnterError> {
        let context = RequestContext::new(self.actor, credential.clone(), *facts);
        let named = u32::try_from(named).unwrap_or(u32::MAX);
        let strange = named.saturating_sub(self.own);
        if strange == 0 {
            return Ok(context);
        }
        Err(EnterError::ForeignIds {
            context,
            foreign: self.foreign.min(strange),
            missing: strange.saturating_sub(self.foreign),
        })
    }
}

fn holder(row: &PgRow, credential: &Credential) -> Result<Attribution, StoreError> {
    let machine = || get(row, "machine_id");
    Ok(match credential {
        Credential::Session(_) => Attribution::human(UserId::new(get(row, "user_id")?)),
        Credential::ApiToken(_) => {
            Attribution::machine(MachineCredential::ApiToken(ApiTokenId::new(machine()?)))
        }
        Credential::ClientCredentials { .. } => Attribution::machine(
            MachineCredential::ClientCredentials(MachineId::new(machine()?)),
        ),
    })
}

fn principal(row: &PgRow, credential: &Credential) -> Result<Principal, StoreError> {
    Ok(match credential {
        Credential::Session(_) => Principal::Human(Human {
            user: UserId::new(get(row, "user_id")?),
            member: MemberId::new(get(row, "member_id")?),
            session: SessionId::new(get(row, "session_id")?),
            role: named(&get::<String>(row, "role")?)?,
            capabilities: set(row, "capabilities")?,
            mfa: get(row, "mfa")?,
        }),
        Credential::ApiToken(_) => Principal::Machine(Machine {
            credential: MachineCredential::ApiToken(ApiTokenId::new(get(row, "machine_id")?)),
            scopes: set(row, "scopes")?,
            documents_only: get(row, "documents_only")?,
        }),
        Credential::ClientCredentials { scopes, .. } => {
            let registered: BTreeSet<Scope> = set(row, "scopes")?;
            Principal::Machine(Machine {
                credential: MachineCredential::ClientCredentials(MachineId::new(get(
                    row,
                    "machine_id",
                )?)),
                scopes: registered.intersection(scopes).copied().collect(),
                documents_only: false,
            })
        }
    })
}

fn get<'r, T>(row: &'r PgRow, column: &str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    Ok(row.try_get(column)?)
}

fn set<T: FromStr + Ord>(row: &PgRow, column: &str) -> Result<BTreeSet<T>, StoreError> {
    let names: Vec<String> = get(row, column)?;
    names.iter().map(|name| named(name)).collect()
}

fn named<T: FromStr>(name: &str) -> Result<T, StoreError> {
    name.parse()
        .map_err(|_| StoreError::inconsistent(format!("`{name}` is not a known name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_credential_can_not_leave_its_literal() {
        let credential = Credential::ClientCredentials {
            issuer: "https://issuer'; DROP TABLE x; --".into(),
            client_id: "\\'$$".into(),
            scopes: BTreeSet::new(),
        };
        let sql = enter(&credential, DateTime::UNIX_EPOCH, &BTreeSet::new());
        assert!(!sql.contains("DROP") && !sql.contains("$$"), "{sql}");
        let quotes = sql.matches('\'').count();
        assert_eq!(quotes, 12, "{sql}");
    }
}
