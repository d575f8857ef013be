//! The operator's side: tenants, members, machines, and the ledger.
//!
//! Neither role can do this alone. The entry role knows the names of tenants and has no grant on
//! books; the books role may enter a tenant whose random id it is told, and can not list tenants. So
//! a command resolves the name on one connection and enters the id on the other, and a credential
//! of the books alone neither finds a tenant nor names one.

mod backups;
mod checkpoints;
mod keys;
mod ledger;
mod policies;
mod replay;
mod restored;
mod tenants;

use std::{collections::BTreeSet, convert::Infallible, fmt, str::FromStr, sync::Arc};

use countersign_domain::{
    access::{Capability, Role, Scope},
    audit::{Facts, Head, Outcome, Payload},
    id::{AnyId, CustomRoleId, MachineId, MemberId, RequestId, TenantId, UserId},
    name::{self, NameError},
};
use countersign_policies::Resolved;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use thiserror::Error;

use crate::{
    audit::{self, Attribution, EventDraft, Unlinked},
    context::RequestFacts,
    database::Inner,
    enter,
    entry::{Entry, PERSON_NAME_MAX},
    error::{StoreError, WriteError},
    keys::{AuditKey, KekError},
    wire::{End, Wire},
};

pub use backups::MadeBackup;
pub use checkpoints::Retraced;
pub use keys::{KeyStatus, KeyVersion, Resealed, Resealing, SealedCount};
pub use ledger::{LedgerFault, LedgerReport};
pub use policies::ToldBy;
pub use replay::RowToday;
pub use restored::{DatabaseIdentity, RecordedRestore, RestoredBackup, Standing};
pub use tenants::{NewTenant, TenantRecord};

/// The longest name of a tenant or a machine, in characters.
const NAME_MAX: usize = 100;

/// The operator's side. Cloning it is cheap.
#[derive(Clone)]
pub struct Operator(Arc<Inner>);

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operator")
    }
}

/// Why a command of the operator did nothing.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// No tenant has that slug.
    #[error("no tenant is called `{0}`")]
    UnknownTenant(String),
    /// The tenant has no role of that name.
    #[error("no role is called `{0}`")]
    UnknownRole(String),
    /// What was given as a name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The rows contradict a rule of the schema: the name is taken, the form is wrong.
    #[error("the database holds `{0}` against it")]
    Conflict(String),
    /// The keys are the installation's own: sessions and whatever else is of no tenant would be lost.
    #[error("the keys of the operator's own tenant are the installation's, and are not destroyed")]
    OwnKeys,
    /// A key of a tenant was not wrapped anew.
    #[error("its {purpose} key, version {version}, is not wrapped anew")]
    Key {
        /// What it is for.
        purpose: &'static str,
        /// Which of several that replace each other.
        version: i32,
        /// Why.
        #[source]
        error: KekError,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<WriteError> for OperatorError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict(constraint) => Self::Conflict(constraint.name().to_owned()),
            WriteError::Store(error) => Self::Store(error),
        }
    }
}

/// A member to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// The address they are invited by.
    pub email: String,
    /// Their name, until they sign in with their own.
    pub name: String,
    /// What they will be.
    pub role: MemberRole,
    /// What is granted beside the role.
    pub capabilities: BTreeSet<Capability>,
}

/// What a new member will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberRole {
    /// A built-in role.
    BuiltIn(Role),
    /// A role that the tenant made itself, by its name.
    Own(String),
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        Self::BuiltIn(role)
    }
}

impl FromStr for MemberRole {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let built_in = name.parse::<Role>();
        Ok(built_in.map_or_else(|_| Self::Own(name.to_owned()), Self::BuiltIn))
    }
}

/// A machine to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMachine {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Its client id at the provider.
    pub client_id: String,
    /// What to call it.
    pub name: String,
    /// The most it may do.
    pub scopes: BTreeSet<Scope>,
}

impl Operator {
    pub(crate) fn new(database: Arc<Inner>) -> Self {
        Self(database)
    }

    /// Adds a member: the user of that address, made if there is none.
    pub async fn add_member(
        &self,
        tenant: TenantId,
        new: &NewMember,
    ) -> Result<(MemberId, UserId), OperatorError> {
        let name = name::checked(&new.name, PERSON_NAME_MAX)?;
        let at = self.0.clock.now();
        let wire = self.books(tenant).await?;
        // Nobody is invited who can not be let in.
        let (role, custom_role) = match &new.role {
            MemberRole::BuiltIn(role) => (*role, None),
            MemberRole::Own(name) => own_role(&wire, name).await?,
        };
        let user = Entry::new(Arc::clone(&self.0))
            .invite(&new.email, name, at)
            .await?;
        let member = MemberId::new(self.0.ids.uuid());
        let capabilities: Vec<String> = new.capabilities.iter().map(ToString::to_string).collect();
        let insert = statement(
            &wire,
            "INSERT INTO countersign.memberships \
             (tenant_id, id, user_id, role, capabilities, created_at, custom_role_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                tenant.uuid().into(),
                member.uuid().into(),
                user.uuid().into(),
                role.name().into(),
                capabilities.into(),
                at.into(),
                custom_role.map(CustomRoleId::uuid).into(),
            ],
        );
        wire.execute_raw(insert).await.map_err(WriteError::from)?;
        let after = Facts::new()
            .word("role", role.name())
            .id("customRole", custom_role)
            .words("capabilities", new.capabilities.iter().map(|c| c.name()));
        let payload = Payload::created(after).with(Facts::new().id("user", Some(user)));
        let done = ("member add", "member.added");
        self.commit(wire, tenant, done, member.into(), payload)
            .await?;
        Ok((member, user))
    }

    /// Registers a machine. A client of a provider acts in one tenant only.
    pub async fn add_machine(
        &self,
        tenant: TenantId,
        new: &NewMachine,
    ) -> Result<MachineId, OperatorError> {
        let name = name::checked(&new.name, NAME_MAX)?;
        let machine = MachineId::new(self.0.ids.uuid());
        let scopes: Vec<String> = new.scopes.iter().map(ToString::to_string).collect();
        let wire = self.books(tenant).await?;
        let insert = statement(
            &wire,
            "INSERT INTO countersign.machines \
             (tenant_id, id, issuer, client_id, name, scopes, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                tenant.uuid().into(),
                machine.uuid().into(),
                new.issuer.clone().into(),
                new.client_id.clone().into(),
                name.into(),
                scopes.into(),
                self.0.clock.now().into(),
            ],
        );
        wire.execute_raw(insert).await.map_err(WriteError::from)?;
        let scopes = new.scopes.iter().map(|scope| scope.name());
        let payload = Payload::created(Facts::new().words("scopes", scopes));
        let done = ("machine add", "machine.added");
        self.commit(wire, tenant, done, machine.into(), payload)
            .await?;
        Ok(machine)
    }

    async fn entry(&self) -> Result<Wire, StoreError> {
        let Inner { entry, begin, .. } = &*self.0;
        let (wire, _) = Wire::open(entry, self.0.prepared, begin, &enter::nothing()).await?;
        Ok(wire)
    }

    /// A transaction in the tenant.
    async fn books(&self, tenant: TenantId) -> Result<Wire, StoreError> {
        let Inner { books, begin, .. } = &*self.0;
        let enter = enter::enter_tenant(tenant);
        let (wire, _) = Wire::open(books, self.0.prepared, begin, &enter).await?;
        Ok(wire)
    }

    /// The row of what the operator does in a tenant, on no request of anybody's.
    fn row(&self, tenant: TenantId, by: Attribution, draft: EventDraft) -> Unlinked {
        let facts = RequestFacts {
            request: RequestId::new(self.0.ids.uuid()),
            source: None,
            at: self.0.clock.now(),
            idempotency_key: None,
        };
        Unlinked::new(tenant, self.0.ids.uuid(), by, &facts, draft)
    }

    /// Commits what a command did, with its row.
    async fn commit(
        &self,
        wire: Wire,
        tenant: TenantId,
        done: (&'static str, &'static str),
        target: AnyId,
        payload: Payload,
    ) -> Result<(), OperatorError> {
        let row = self.done(tenant, done, target, payload);
        let key = self.0.keys.audit(tenant).await?;
        append(wire, &row, &key).await
    }

    /// The row of what a command did.
    fn done(
        &self,
        tenant: TenantId,
        (command, action): (&'static str, &'static str),
        target: AnyId,
        payload: Payload,
    ) -> Unlinked {
        let draft = EventDraft {
            action,
            permission: Resolved::beside_policies("operator"),
            outcome: Outcome::Done,
            targets: vec![target],
            payload,
        };
        self.row(tenant, Attribution::operator(command), draft)
    }
}

async fn append(wire: Wire, row: &Unlinked, key: &AuditKey) -> Result<(), OperatorError> {
    audit::append(&wire, Head::EMPTY, row, key).await?;
    Ok(wire.end(End::Commit).await?)
}

/// The role that the tenant's own of that name stands on, and its id.
async fn own_role(wire: &Wire, name: &str) -> Result<(Role, Option<CustomRoleId>), OperatorError> {
    let sql = "SELECT id, base FROM countersign.roles WHERE lower(name) = lower($1)";
    let row = wire
        .query_one_raw(statement(wire, sql, [name.into()]))
        .await;
    let row = row.map_err(StoreError::from)?;
    let row = row.ok_or_else(|| OperatorError::UnknownRole(name.to_owned()))?;
    let of = |error: DbErr| OperatorError::from(StoreError::from(error));
    let id = row.try_get("", "id").map_err(of)?;
    let base: String = row.try_get("", "base").map_err(of)?;
    let unknown = |_| StoreError::inconsistent("a role stands on an unknown one");
    Ok((base.parse().map_err(unknown)?, Some(CustomRoleId::new(id))))
}

fn statement<const N: usize>(wire: &Wire, sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(wire.get_database_backend(), sql, values)
}
