//! The way in: the first statement of a transaction checks the credential and the membership, sets
//! the tenant and counts the ids that the request names.

use std::{
    collections::BTreeSet,
    str::FromStr,
    sync::{LazyLock, OnceLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::Scope,
    id::{AnyId, ApiTokenId, MachineId, MemberId, SessionId, TenantId, UserId},
    principal::{Actor, Human, Machine, MachineCredential, Principal},
};
use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

use crate::{
    audit::Attribution,
    context::{Credential, RequestContext, RequestFacts, Strange},
    error::{EnterError, StoreError, Why},
    line::fetched,
};

/// How long PostgreSQL waits for the next statement of a transaction, in milliseconds: twice what a keeper of keys may
/// take. What is forgotten by a server that vanished holds its tenant's chain for so long.
const IDLE_MS: u32 = 10_000;

/// The start of every transaction: bounds on how long a statement may run and how long a
/// transaction may idle. Local to the transaction, so that a pooler may hand the connection on.
pub(crate) fn begin(statement_timeout: Duration) -> String {
    let ms = statement_timeout.as_millis();
    format!(
        "BEGIN; SET LOCAL statement_timeout = {ms}; \
         SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}; "
    )
}

/// How soon PostgreSQL ends a statement whose connection was closed, in milliseconds.
const NOTICE_MS: u32 = 1_000;

/// The same bounds for as long as a connection lives. Not every system that PostgreSQL runs on tells it that
/// a connection was closed; there a statement runs as long as it may.
pub(crate) fn session(statement_timeout: Duration) -> String {
    let ms = statement_timeout.as_millis();
    format!(
        "SET statement_timeout = {ms}; SET idle_in_transaction_session_timeout = {IDLE_MS}; \
         DO $$ BEGIN SET client_connection_check_interval = {NOTICE_MS}; \
         EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$"
    )
}

/// The statement that enters a tenant that an entrance, or the operator's side, has named.
pub(crate) fn enter_tenant(tenant: TenantId) -> Statement {
    let sql = "SELECT countersign.enter_tenant($1)";
    Statement::from_sql_and_values(DbBackend::Postgres, sql, [tenant.uuid().into()])
}

/// A first statement for a transaction that enters nothing.
pub(crate) fn nothing() -> Statement {
    Statement::from_string(DbBackend::Postgres, "SELECT 1")
}

/// A way in: a function with places for its values, from `$1` on, and the statements that are made of it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) function: &'static str,
    /// How many values it takes.
    pub(crate) takes: usize,
    /// Enters, and does no more.
    bare: LazyLock<String>,
    /// As [`crate::idempotency`] has them, made when they are first needed.
    pub(crate) claiming: OnceLock<String>,
    pub(crate) holding: OnceLock<String>,
}

macro_rules! way {
    ($name:ident, $takes:literal, $function:literal) => {
        static $name: Way = Way {
            function: $function,
            takes: $takes,
            bare: LazyLock::new(|| concat!("SELECT * FROM ", $function).to_owned()),
            claiming: OnceLock::new(),
            holding: OnceLock::new(),
        };
    };
}

way!(SESSION, 4, "countersign.enter_session($1, $2, $3, $4)");
way!(API_TOKEN, 4, "countersign.enter_api_token($1, $2, $3, $4)");
way!(MACHINE, 5, "countersign.enter_machine($1, $2, $3, $4, $5)");

/// The call that enters with a credential.
pub(crate) struct Call {
    pub(crate) way: &'static Way,
    pub(crate) values: Vec<Value>,
}

impl Call {
    /// The statement that enters, and does no more.
    pub(crate) fn statement(self) -> Statement {
        let sql = self.way.bare.as_str();
        Statement::from_sql_and_values(DbBackend::Postgres, sql, self.values)
    }
}

/// Enters with a credential.
pub(crate) fn call(credential: &Credential, at: DateTime<Utc>, named: &BTreeSet<AnyId>) -> Call {
    let at = Value::from(at);
    let kinds: Vec<String> = named.iter().map(|id| id.kind.to_owned()).collect();
    let kinds = Value::from(kinds);
    let named = Value::from(named.iter().map(|id| id.uuid).collect::<Vec<Uuid>>());
    let (way, values) = match credential {
        Credential::Session(secret) => (
            &SESSION,
            vec![secret.hashed().to_vec().into(), at, named, kinds],
        ),
        Credential::ApiToken(token) => (
            &API_TOKEN,
            vec![token.as_bytes().to_vec().into(), at, named, kinds],
        ),
        Credential::ClientCredentials {
            issuer, client_id, ..
        } => (
            &MACHINE,
            vec![
                issuer.as_str().into(),
                client_id.as_str().into(),
                at,
                named,
                kinds,
            ],
        ),
    };
    Call { way, values }
}

fetched! {
    /// What an entrance answers, as the type of the database has it.
    #[derive(Debug, Clone)]
    pub(crate) struct Answer {
        outcome: String,
        tenant: Option<Uuid>,
        suspended: Option<bool>,
        user_id: Option<Uuid>,
        member_id: Option<Uuid>,
        session_id: Option<Uuid>,
        machine_id: Option<Uuid>,
        role: Option<String>,
        capabilities: Option<Vec<String>>,
        scopes: Option<Vec<String>>,
        documents_only: Option<bool>,
        mfa: Option<bool>,
        named_own: Option<i32>,
        named_foreign: Option<i32>,
    }
}

impl Answer {
    /// Its values in the order of the type `countersign.entrance`, where `named` ids of the tenant are
    /// named.
    pub(crate) fn values(&self, named: usize) -> [Value; 14] {
        let named = i32::try_from(named).unwrap_or(i32::MAX);
        [
            self.outcome.as_str().into(),
            self.tenant.into(),
            self.suspended.into(),
            self.user_id.into(),
            self.member_id.into(),
            self.session_id.into(),
            self.machine_id.into(),
            self.role.clone().into(),
            self.capabilities.clone().into(),
            self.scopes.clone().into(),
            self.documents_only.into(),
            self.mfa.into(),
            named.into(),
            0_i32.into(),
        ]
    }

    /// Their types.
    pub(crate) const TYPES: [&str; 14] = [
        "text", "uuid", "boolean", "uuid", "uuid", "uuid", "uuid", "text", "text[]", "text[]",
        "boolean", "boolean", "integer", "integer",
    ];

    /// The context, if the credential opens a tenant, with what of the named ids is not of it (ISO-4).
    pub(crate) fn into_context(
        self,
        credential: &Credential,
        facts: &RequestFacts,
        named: usize,
    ) -> Result<RequestContext, Closed> {
        let why = match self.outcome.as_str() {
            "entered" if credential.is_over(facts.at) => Why::Expired,
            "entered" => return self.entered(credential, facts, named),
            "no_tenant" => return Err(EnterError::NoTenant.into()),
            "unknown" => Why::Unknown,
            "ended" => Why::Ended,
            "expired" => Why::Expired,
            "no_membership" => Why::NoMembership,
            other => {
                let what = format!("the outcome is `{other}`");
                return Err(StoreError::inconsistent(what).into());
            }
        };
        let holder = match self.tenant {
            Some(tenant) => Some((TenantId::new(tenant), self.holder(credential)?)),
            None => None,
        };
        Err(Closed::Rejected(Rejection { why, holder }))
    }

    fn entered(
        self,
        credential: &Credential,
        facts: &RequestFacts,
        named: usize,
    ) -> Result<RequestContext, Closed> {
        let count = |count: Option<i32>| count.unwrap_or_default().unsigned_abs();
        let (own, foreign) = (count(self.named_own), count(self.named_foreign));
        let actor = Actor {
            tenant: TenantId::new(there(self.tenant)?),
            tenant_suspended: there(self.suspended)?,
            principal: self.principal(credential)?,
        };
        let context = RequestContext::new(actor, credential.clone(), *facts);
        let named = u32::try_from(named).unwrap_or(u32::MAX);
        let strange = named.saturating_sub(own);
        context.note_strange(Strange {
            foreign: foreign.min(strange),
            missing: strange.saturating_sub(foreign),
        });
        Ok(context)
    }

    fn holder(&self, credential: &Credential) -> Result<Attribution, StoreError> {
        Ok(match credential {
            Credential::Session(_) => Attribution::human(UserId::new(there(self.user_id)?)),
            Credential::ApiToken(_) => Attribution::machine(MachineCredential::ApiToken(
                ApiTokenId::new(there(self.machine_id)?),
            )),
            Credential::ClientCredentials { .. } => Attribution::machine(
                MachineCredential::ClientCredentials(MachineId::new(there(self.machine_id)?)),
            ),
        })
    }

    fn principal(self, credential: &Credential) -> Result<Principal, StoreError> {
        Ok(match credential {
            Credential::Session(_) => Principal::Human(Human {
                user: UserId::new(there(self.user_id)?),
                member: MemberId::new(there(self.member_id)?),
                session: SessionId::new(there(self.session_id)?),
                role: named(&there(self.role)?)?,
                capabilities: set(self.capabilities)?,
                mfa: there(self.mfa)?,
            }),
            Credential::ApiToken(_) => Principal::Machine(Machine {
                credential: MachineCredential::ApiToken(ApiTokenId::new(there(self.machine_id)?)),
                scopes: set(self.scopes)?,
                documents_only: there(self.documents_only)?,
            }),
            Credential::ClientCredentials { scopes, .. } => {
                let registered: BTreeSet<Scope> = set(self.scopes)?;
                Principal::Machine(Machine {
                    credential: MachineCredential::ClientCredentials(MachineId::new(there(
                        self.machine_id,
                    )?)),
                    scopes: registered.intersection(scopes).copied().collect(),
                    documents_only: false,
                })
            }
        })
    }
}

/// What an entrance says of a credential that opens nothing.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) why: Why,
    /// Whose it was, in which tenant; `None` where it was nobody's, or of no tenant.
    pub(crate) holder: Option<(TenantId, Attribution)>,
}

/// Why nobody was let in.
#[derive(Debug)]
pub(crate) enum Closed {
    /// The credential opens nothing, which is to be recorded.
    Rejected(Rejection),
    Error(Box<EnterError>),
}

impl<E: Into<EnterError>> From<E> for Closed {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error.into()))
    }
}

fn there<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::inconsistent("an entrance leaves out what it must say"))
}

fn set<T: FromStr + Ord>(names: Option<Vec<String>>) -> Result<BTreeSet<T>, StoreError> {
    there(names)?.iter().map(|name| named(name)).collect()
}

fn named<T: FromStr>(name: &str) -> Result<T, StoreError> {
    name.parse()
        .map_err(|_| StoreError::inconsistent(format!("`{name}` is not a known name")))
}
