//! How it is stored: transactions, stores, the audit writer, sealing.
//!
//! The only floor that speaks SeaORM, and nothing of it leaves: callers see domain types, scopes
//! and permits. Two laws are carried here. *No context, no connection*: a transaction on tenant data
//! comes from [`Database::enter`], which lets PostgreSQL say in the same round trip who acts where, or from
//! [`Database::presume`], whose rows are given out only once PostgreSQL has said the same. *No scope, no row*: every read wants a `ReadScope` and every write a `Permit`, both made
//! by the policy engine alone, and of the transaction's own tenant.
//!
//! | module | is |
//! |---|---|
//! | `database` | the pools, and the ways in |
//! | `context` | credentials, and the request context that only entering makes |
//! | `transaction` | read and write transactions; the one commit |
//! | `line`, `reading` | connections: of one request's own, and lanes that requests share |
//! | `store` | one file per resource |
//! | `idempotency` | mutations that are sent again |
//! | `audit` | links the chain; group commit for reads |
//! | `entry` | the sign-in side, on a role of its own |
//! | `operator` | tenants, members, machines and the ledger, for the operator's commands |
//! | `keys` | keys of tenants, wrapped under the key-encryption key, wherever that is kept |
//! | `seal`, `texts`, `vault` | what is sealed under them: values, columns, credentials |

mod audit;
mod clock;
mod context;
mod database;
mod durable;
mod enter;
mod entry;
mod error;
mod filter;
mod idempotency;
mod isolation;
mod keys;
mod let_in;
mod line;
mod messages;
#[expect(
    unreachable_pub,
    reason = "SeaORM's derives want the types of a table public"
)]
mod model;
mod operator;
mod page;
mod reading;
mod row_condition;
mod seal;
mod settings;
mod store;
mod texts;
mod transaction;
mod vault;
mod wire;
mod writing;

pub use audit::{AuditWatch, EventDraft, NoteSigner, tree::SignedCheckpoint, verified_note};
pub use clock::{Clock, Ids, SystemClock, SystemIds};
pub use context::{
    Credential, CredentialKind, RequestContext, RequestFacts, SessionSecret, Strange,
};
pub use database::{Database, Room};
pub use entry::{
    EndedBy, Entry, NewSession, ProvidedIdentity, ProviderTokens, RefreshLock, SessionRecord,
    SessionTenant, SessionsOf, SignIn, SignInError,
};
pub use error::{Cause, Constraint, EnterError, StoreError, Why, WriteError};
pub use filter::{AuditFilter, Sign, TransactionFilter};
pub use idempotency::{Asking, Claim, IdempotencyKey};
pub use isolation::IsolationError;
pub use keys::{
    KekError, KeyEncryption, KeyEncryptionKey, KeyError, KeyIdentity, KeyRing, PlainKey, WrappedKey,
};
pub use operator::{
    DatabaseIdentity, KeyStatus, KeyVersion, LedgerFault, LedgerReport, MadeBackup, MemberRole,
    NewMachine, NewMember, NewTenant, Operator, OperatorError, RecordedRestore, Resealed,
    Resealing, RestoredBackup, Retraced, RowToday, SealedCount, Standing, TenantRecord, ToldBy,
};
pub use page::{Direction, Keyset, Page, Position, Slice, SortKey};
pub use row_condition::row_condition_sql;
pub use settings::Settings;
pub use store::{
    accounts::{NewAccount, NewAccountNumber},
    api_tokens::{ApiToken, NewApiToken},
    audit_entries::AuditEntry,
    beside::Known,
    credentials::{Credential as ProviderCredential, NewCredential},
    imports::{Import, NewImport, NewStatement, NewTransaction},
    machines::RegisteredMachine,
    members::Member,
    roles::CustomRole,
    statements::Statement,
    tenants::Tenant,
    transactions::{Beside, Pointed},
};
pub use texts::Text;
pub use transaction::{ReadTransaction, Reader, Unfinished, WriteTransaction};
pub use vault::{SealedCredential, Vault, VaultError};
pub use writing::Insertion;
