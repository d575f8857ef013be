//! Accounts.

use countersign_domain::{
    books::Account,
    id::{AccountId, UserId},
    money::Currency,
    sealed::{StoredText, TextColumn},
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Insert, QueryFilter,
    sea_query::{Expr, ExprTrait, Order, extension::postgres::PgFunc},
};

use super::{Sorted, Stored, by_id, currency, money, user};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    model::accounts::{ActiveModel, Column, Entity, Model},
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
};

/// An account to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Identifier.
    pub id: AccountId,
    /// What the tenant calls it; 1 to 80 characters.
    pub name: String,
    /// The currency that it is kept in.
    pub currency: Currency,
    /// IBAN or the bank's own number, without spaces, sealed for the account's row.
    pub number: Option<NewAccountNumber>,
    /// The member who has it in their care.
    pub custodian: Option<UserId>,
    /// A personal account of the owner's household.
    pub personal: bool,
}

/// The number of an account to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccountNumber {
    /// At most 200 characters, sealed for the account's row.
    pub sealed: StoredText,
    /// What it is found by.
    pub index: [u8; 32],
}

impl Keyset for Account {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

impl TryFrom<Model> for Account {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let balance = match (row.balance, row.balance_on) {
            (Some(amount), Some(on)) => Some((money(amount, currency(&row.currency)?)?, on)),
            _ => None,
        };
        Ok(Self {
            id: AccountId::new(row.id),
            name: row.name,
            currency: currency(&row.currency)?,
            number: StoredText::of(
                TextColumn::AccountNumber,
                row.id,
                row.number,
                row.number_sealed,
                row.key_version,
            ),
            custodian: user(row.custodian_id),
            personal: row.personal,
            balance,
            created_at: row.created_at,
        })
    }
}

impl Stored for resource::Account {
    type Table = Entity;
    type Row = Model;
    type Item = Account;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::of_account(Column::Id, Column::TenantId)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Asc)
    }
}

impl Reader {
    /// A page of accounts, oldest first.
    pub async fn accounts(
        &self,
        scope: &ReadScope<resource::Account>,
        page: &Page,
    ) -> Result<Slice<Account>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the accounts that the scope covers, in any order.
    pub async fn accounts_by_id(
        &self,
        scope: &ReadScope<resource::Account>,
        ids: &[AccountId],
    ) -> Result<Vec<Account>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }
}

impl WriteTransaction {
    /// The account, locked until the transaction ends.
    pub async fn lock_account(
        &self,
        scope: &ReadScope<resource::Account>,
        id: AccountId,
    ) -> Result<Option<Account>, StoreError> {
        self.lock(scope, Column::Id.eq(id.uuid())).await
    }

    /// The account with that number, which is found by its blind index as well, locked until the
    /// transaction ends.
    pub async fn lock_account_by_number(
        &self,
        scope: &ReadScope<resource::Account>,
        number: &str,
        index: &[u8; 32],
    ) -> Result<Option<Account>, StoreError> {
        let found = Condition::any()
            .add(Column::NumberIndex.eq(index.to_vec()))
            .add(Column::Number.eq(number));
        self.lock(scope, found).await
    }

    /// Locks the accounts with those numbers, in the order of their ids: two who lock the same ones wait for
    /// each other and never both.
    pub async fn lock_accounts_by_number(
        &self,
        scope: &ReadScope<resource::Account>,
        numbers: Vec<String>,
        indexes: Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let any = |column: Column, values: Expr| {
            Expr::col(column.as_column_ref()).eq(PgFunc::any(values))
        };
        let found = Condition::any()
            .add(any(Column::NumberIndex, Expr::val(indexes)))
            .add(any(Column::Number, Expr::val(numbers)));
        self.lock_every::<resource::Account>(scope, found)
            .await
            .map(drop)
    }

    /// Whether an account of the tenant has that number, not sealed yet.
    pub async fn has_account_number(&self, number: &str) -> Result<bool, StoreError> {
        let select = Entity::find()
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Number.eq(number));
        let rows: Vec<Model> = self.fetch(select).await?;
        Ok(!rows.is_empty())
    }

    /// Enters an account. Conflicts: `accounts_number_indexed`, `accounts_custodian`.
    pub async fn insert_account(
        &self,
        permit: &Permit,
        new: &NewAccount,
    ) -> Result<Account, WriteError> {
        self.admit_permit(permit)?;
        let sealed = new.number.as_ref();
        let sealed = sealed.and_then(|number| number.sealed.sealed());
        let row = Model {
            tenant_id: self.tenant_id().uuid(),
            id: new.id.uuid(),
            name: new.name.clone(),
            currency: new.currency.code().to_owned(),
            number: None,
            number_sealed: sealed.map(|(bytes, _)| bytes.to_vec()),
            number_index: new.number.as_ref().map(|number| number.index.to_vec()),
            key_version: sealed.map(|(_, version)| version),
            custodian_id: new.custodian.map(UserId::uuid),
            personal: new.personal,
            balance: None,
            balance_on: None,
            created_at: self.at(),
        };
        let insert = Insert::<ActiveModel>::one(row.clone());
        self.write_last(insert).await?;
        Ok(row.try_into()?)
    }
}
