//! API tokens. Their hash goes in and never comes out: the entrance alone compares it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use countersign_domain::{
    access::Scope,
    id::{ApiTokenId, UserId},
    principal::{MachineCredential, Principal},
    sealed::{StoredText, TextColumn},
    token::HashedToken,
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, QueryTrait, Statement,
    sea_query::{Expr, LockType, Order},
};

use super::{Sorted, Stored, any_of, by_id, named, one_row, roles::texts, user};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    model::api_tokens::{Column, Entity, Model},
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
    writing::Insertion,
};

/// A scoped API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Identifier.
    pub id: ApiTokenId,
    /// What its maker calls it.
    pub name: StoredText,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Whether it may send published documents only.
    pub documents_only: bool,
    /// Its last four digits, to tell tokens apart.
    pub last_four: String,
    /// Who made it, if a member still.
    pub created_by: Option<UserId>,
    /// The same, also when they are no member any more.
    pub maker: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was last let in, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    /// Identifier.
    pub id: ApiTokenId,
    /// What its maker calls it, 1 to 60 characters, sealed for the token's row.
    pub name: StoredText,
    /// What it may do; not empty.
    pub scopes: BTreeSet<Scope>,
    /// Whether it may send published documents only.
    pub documents_only: bool,
    /// What is stored of it.
    pub hash: HashedToken,
    /// Its last four digits.
    pub last_four: String,
    /// When it ends by itself; at most 366 days from now.
    pub expires_at: DateTime<Utc>,
}

impl Keyset for ApiToken {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

impl TryFrom<Model> for ApiToken {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let scope = |name: &String| named(name.parse().ok(), name);
        let (column, sealed) = (TextColumn::ApiTokenName, row.name_sealed);
        let name = StoredText::of(column, row.id, row.name, sealed, row.key_version);
        Ok(Self {
            id: ApiTokenId::new(row.id),
            name: name.ok_or_else(|| StoreError::inconsistent("a token has no name"))?,
            scopes: row.scopes.iter().map(scope).collect::<Result<_, _>>()?,
            documents_only: row.documents_only,
            last_four: row.last_four,
            created_by: user(row.created_by),
            maker: user(row.maker_id),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        })
    }
}

impl Stored for resource::ApiToken {
    type Table = Entity;
    type Row = Model;
    type Item = ApiToken;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Asc)
    }
}

impl Reader {
    /// A page of tokens, oldest first.
    pub async fn api_tokens(
        &self,
        scope: &ReadScope<resource::ApiToken>,
        page: &Page,
    ) -> Result<Slice<ApiToken>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the tokens that the scope covers, in any order.
    pub async fn api_tokens_by_id(
        &self,
        scope: &ReadScope<resource::ApiToken>,
        ids: &[ApiTokenId],
    ) -> Result<Vec<ApiToken>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }

    /// The tokens that those members made and that are good at that time, oldest first.
    pub async fn good_api_tokens_of(
        &self,
        scope: &ReadScope<resource::ApiToken>,
        makers: impl Iterator<Item = UserId>,
        at: DateTime<Utc>,
    ) -> Result<Vec<ApiToken>, StoreError> {
        let mut tokens = self.every(scope, good_of(makers, at)).await?;
        tokens.sort_by_key(|token| token.id);
        Ok(tokens)
    }
}

/// Made by those members, and good at that time.
fn good_of(makers: impl Iterator<Item = UserId>, at: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(any_of(Column::CreatedBy, makers.map(UserId::uuid)))
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.gt(at))
}

impl WriteTransaction {
    /// The tokens that those members made and that are good, oldest first, locked until the transaction
    /// ends. They are found by the permit to change the members, who may be changed by somebody who
    /// sees no tokens.
    pub async fn lock_good_api_tokens_of(
        &self,
        permit: &Permit,
        makers: impl Iterator<Item = UserId>,
    ) -> Result<Vec<ApiToken>, WriteError> {
        self.admit_permit(permit)?;
        let mut select = Entity::find()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(good_of(makers, self.context().now()))
            .order_by(Column::Id, Order::Asc);
        QueryTrait::query(&mut select).lock(LockType::Update);
        let rows: Vec<Model> = self.fetch(select).await?;
        let tokens: Result<_, StoreError> = rows.into_iter().map(ApiToken::try_from).collect();
        Ok(tokens?)
    }

    /// Revokes tokens that are locked, before anything else is written: their next entrance is refused.
    pub async fn revoke_api_tokens(
        &self,
        permit: &Permit,
        ids: &[ApiTokenId],
    ) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        self.note_end_of(ids);
        let update = Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(self.context().now()))
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(any_of(Column::Id, ids.iter().map(|id| id.uuid())))
            .filter(Column::RevokedAt.is_null());
        self.write(update).await.map(drop)
    }

    /// The token, locked until the transaction ends.
    pub async fn lock_api_token(
        &self,
        scope: &ReadScope<resource::ApiToken>,
        id: ApiTokenId,
    ) -> Result<Option<ApiToken>, StoreError> {
        self.lock(scope, Column::Id.eq(id.uuid())).await
    }

    /// A new token of whoever acts, and how it is inserted. Conflict: `api_tokens_maker_held` where they are
    /// not what they were when they were let in, `api_tokens_maker` where they are no member any more.
    pub fn new_api_token(
        &self,
        permit: &Permit,
        new: &NewApiToken,
    ) -> Result<(ApiToken, Insertion), WriteError> {
        self.admit_permit(permit)?;
        let Some(maker) = self.context().actor().human() else {
            return Err(StoreError::inconsistent("a token is made by no person").into());
        };
        let scopes: Vec<String> = new.scopes.iter().map(ToString::to_string).collect();
        let at = self.context().now();
        let Some((name, version)) = new.name.sealed() else {
            return Err(StoreError::inconsistent("the name of a token is not sealed").into());
        };
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO countersign.api_tokens \
             (tenant_id, id, name_sealed, key_version, hash, scopes, last_four, created_by, created_at, \
             expires_at, documents_only) SELECT $1::uuid, $2::uuid, $3::bytea, $4::integer, $5::bytea, \
             $6::text[], $7::text, $8::uuid, $9::timestamptz, $10::timestamptz, $11::boolean \
             WHERE countersign.hold_maker($1::uuid, $8::uuid, $12::text, $13::text[])",
            [
                self.tenant_id().uuid().into(),
                new.id.uuid().into(),
                name.to_vec().into(),
                version.into(),
                new.hash.as_bytes().to_vec().into(),
                scopes.into(),
                new.last_four.clone().into(),
                maker.user.uuid().into(),
                at.into(),
                new.expires_at.into(),
                new.documents_only.into(),
                maker.role.name().into(),
                texts(&maker.capabilities).into(),
            ],
        );
        let token = ApiToken {
            id: new.id,
            name: new.name.clone(),
            scopes: new.scopes.clone(),
            documents_only: new.documents_only,
            last_four: new.last_four.clone(),
            created_by: Some(maker.user),
            maker: Some(maker.user),
            created_at: at,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        Ok((token, Insertion::of(statement)))
    }

    /// Revokes a token: its next entrance is refused. What was revoked stays revoked.
    pub async fn revoke_api_token(
        &self,
        permit: &Permit,
        id: ApiTokenId,
        at: DateTime<Utc>,
    ) -> Result<(), WriteError> {
        self.admit_permit(permit)?;
        self.note_end_of(&[id]);
        let update = Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(at))
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::RevokedAt.is_null());
        one_row(self.write_last(update).await?.affected, "tokens")
    }

    fn note_end_of(&self, ids: &[ApiTokenId]) {
        let Principal::Machine(machine) = &self.context().actor().principal else {
            return;
        };
        if matches!(machine.credential, MachineCredential::ApiToken(own) if ids.contains(&own)) {
            self.note_own_change();
        }
    }
}
