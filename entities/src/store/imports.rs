//! Imports of files, all or nothing, and each file and each booked entry once.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use countersign_domain::{
    books::kept_together,
    id::{AccountId, ImportId, StatementId, TransactionId, UserId},
    money::Currency,
    sealed::{StoredText, TextColumn},
    statements::{Balance, BalanceCheck, Entry, Format},
};
use countersign_policies::{Permit, ReadScope, resource};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DbBackend, EntityName, EntityTrait, Insert, QueryFilter,
    sea_query::{Expr, OnConflict, Order, Query},
};

use super::{
    Sorted, Stored, any_of, by_id, count, named, one_row, statements::Statement, stored_count, user,
};
use crate::{
    error::{StoreError, WriteError},
    filter::Columns,
    model::{
        accounts,
        imports::{ActiveModel, Column, Entity, Model},
        statements, transactions,
    },
    page::{Keyset, Page, Position, Slice},
    transaction::{Reader, WriteTransaction},
};

/// How many transactions one statement inserts: PostgreSQL binds at most 65,535 values.
const CHUNK: usize = 1_000;

/// One import of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Identifier.
    pub id: ImportId,
    /// The name of the file, as people know it.
    pub file_name: StoredText,
    /// What it was recognised as.
    pub format: Format,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub byte_count: u32,
    /// How many statements it holds.
    pub statement_count: u32,
    /// Transactions that were new.
    pub added_count: u32,
    /// Transactions that the books already had.
    pub duplicate_count: u32,
    /// In whose care every account that it wrote to is, for decisions by row.
    pub custodian: Option<UserId>,
    /// Whether any account that it wrote to is personal, for decisions by row.
    pub personal: bool,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A file to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    /// Identifier.
    pub id: ImportId,
    /// The name of the file, 1 to 200 characters, sealed for the import's row.
    pub file_name: StoredText,
    /// What it was recognised as.
    pub format: Format,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Its size in bytes.
    pub byte_count: u32,
    /// What it holds.
    pub statements: Vec<NewStatement>,
}

impl NewImport {
    /// How many transactions its statements have.
    pub fn transaction_count(&self) -> usize {
        let each = self.statements.iter();
        each.map(|statement| statement.transactions.len()).sum()
    }
}

/// A statement to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStatement {
    /// Identifier.
    pub id: StatementId,
    /// The account it is of, which the caller has locked.
    pub account: AccountId,
    /// The bank's own identification of the statement, sealed for its row.
    pub reference: Option<StoredText>,
    /// The currency of the account.
    pub currency: Currency,
    /// The first day.
    pub period_start: Option<NaiveDate>,
    /// The last day.
    pub period_end: Option<NaiveDate>,
    /// The balance before the first entry.
    pub opening: Option<Balance>,
    /// The balance after the last entry.
    pub closing: Option<Balance>,
    /// Whether the entries lead from the one to the other.
    pub balance_check: BalanceCheck,
    /// Its entries.
    pub transactions: Vec<NewTransaction>,
}

/// A booked entry to be imported, unless the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransaction {
    /// Identifier.
    pub id: TransactionId,
    /// What makes it the same entry in another file of the same account.
    pub fingerprint: [u8; 32],
    /// What the file says.
    pub entry: Entry,
}

impl Keyset for Import {
    fn position(&self) -> Position {
        by_id(self.id.uuid())
    }
}

impl TryFrom<Model> for Import {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let (column, sealed) = (TextColumn::ImportFileName, row.file_name_sealed);
        let file_name = StoredText::of(column, row.id, row.file_name, sealed, row.key_version);
        Ok(Self {
            id: ImportId::new(row.id),
            format: named(Format::from_name(&row.format), &row.format)?,
            file_name: file_name
                .ok_or_else(|| StoreError::inconsistent("an import has no name"))?,
            sha256: hex::encode(row.sha256),
            byte_count: count(row.byte_count)?,
            statement_count: count(row.statement_count)?,
            added_count: count(row.added_count)?,
            duplicate_count: count(row.duplicate_count)?,
            custodian: user(row.custodian_id),
            personal: row.personal,
            created_at: row.created_at,
        })
    }
}

impl Stored for resource::Import {
    type Table = Entity;
    type Row = Model;
    type Item = Import;

    const TENANT: Column = Column::TenantId;

    fn columns() -> Columns {
        Columns::plain(Column::Id, Column::TenantId).kept(Column::CustodianId, Column::Personal)
    }

    fn sorted() -> Sorted<Column> {
        Sorted::ById(Column::Id, Order::Desc)
    }
}

impl Reader {
    /// A page of imports, newest first.
    pub async fn imports(
        &self,
        scope: &ReadScope<resource::Import>,
        page: &Page,
    ) -> Result<Slice<Import>, StoreError> {
        self.page(scope, Condition::all(), page).await
    }

    /// Those of the imports that the scope covers, in any order.
    pub async fn imports_by_id(
        &self,
        scope: &ReadScope<resource::Import>,
        ids: &[ImportId],
    ) -> Result<Vec<Import>, StoreError> {
        self.by_ids(scope, ids.iter().map(|id| id.uuid())).await
    }

    /// The import of that very file, if there was one that the scope covers.
    pub async fn import_by_sha256(
        &self,
        scope: &ReadScope<resource::Import>,
        sha256: &[u8; 32],
    ) -> Result<Option<Import>, StoreError> {
        let select = self
            .select(scope)?
            .filter(Column::Sha256.eq(sha256.to_vec()));
        let rows: Vec<Model> = self.fetch(select).await?;
        rows.into_iter().next().map(Import::try_from).transpose()
    }
}

impl WriteTransaction {
    /// Imports a file: its statements, and those of its transactions that the books do not have.
    /// `wrote` is told of every chunk of transactions that was compared with the books.
    /// Conflict: `imports_file` where the very file was imported into its first account a moment ago.
    pub async fn insert_import(
        &self,
        permit: &Permit,
        new: &NewImport,
        mut wrote: impl FnMut(usize) + Send,
    ) -> Result<(Import, Vec<Statement>), WriteError> {
        self.admit_permit(permit)?;
        let custody = self.custody(new).await?;
        let kept = custody.values();
        let kept = kept.map(|account| (user(account.custodian_id), account.personal));
        let (custodian, personal) = kept_together(kept);
        let sealed = new.file_name.sealed();
        let mut row = Model {
            tenant_id: self.tenant_id().uuid(),
            id: new.id.uuid(),
            file_name: None,
            file_name_sealed: sealed.map(|(bytes, _)| bytes.to_vec()),
            key_version: sealed.map(|(_, version)| version),
            format: new.format.name().to_owned(),
            sha256: new.sha256.to_vec(),
            byte_count: i32::try_from(new.byte_count).unwrap_or(i32::MAX),
            statement_count: stored_count(new.statements.len())?,
            added_count: 0,
            duplicate_count: 0,
            custodian_id: custodian.map(UserId::uuid),
            personal,
            account_id: new.statements.first().map(|first| first.account.uuid()),
            created_at: self.at(),
        };
        self.write(Insert::<ActiveModel>::one(row.clone())).await?;
        let (mut total, mut imported) = (0_usize, 0_usize);
        let mut written = Vec::with_capacity(new.statements.len());
        for statement in &new.statements {
            written.push(self.insert_statement(new.id, statement, &custody).await?);
            total = total.saturating_add(statement.transactions.len());
            for chunk in statement.transactions.chunks(CHUNK) {
                imported = imported.saturating_add(self.insert_new(statement, chunk).await?);
                wrote(chunk.len());
            }
            self.set_balance(statement).await?;
        }
        row.added_count = stored_count(imported)?;
        row.duplicate_count = stored_count(total.saturating_sub(imported))?;
        let counted = Entity::update_many()
            .col_expr(Column::AddedCount, Expr::value(row.added_count))
            .col_expr(Column::DuplicateCount, Expr::value(row.duplicate_count))
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(new.id.uuid()));
        one_row(self.write_last(counted).await?.affected, "imports")?;
        Ok((row.try_into()?, written))
    }

    /// The accounts of the import, for what decisions by row need of them.
    async fn custody(
        &self,
        new: &NewImport,
    ) -> Result<BTreeMap<AccountId, accounts::Model>, StoreError> {
        let ids = new
            .statements
            .iter()
            .map(|statement| statement.account.uuid());
        let select = accounts::Entity::find()
            .filter(accounts::Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(any_of(accounts::Column::Id, ids));
        let rows: Vec<accounts::Model> = self.fetch(select).await?;
        Ok(rows
            .into_iter()
            .map(|row| (AccountId::new(row.id), row))
            .collect())
    }

    async fn insert_statement(
        &self,
        import: ImportId,
        new: &NewStatement,
        custody: &BTreeMap<AccountId, accounts::Model>,
    ) -> Result<Statement, WriteError> {
        let account = custody
            .get(&new.account)
            .ok_or_else(|| StoreError::inconsistent("the account of a statement is not there"))?;
        let (opening, closing) = (new.opening.map(|b| b.money), new.closing.map(|b| b.money));
        let sealed = new.reference.as_ref().and_then(StoredText::sealed);
        let row = statements::ActiveModel {
            tenant_id: Set(self.tenant_id().uuid()),
            id: Set(new.id.uuid()),
            import_id: Set(import.uuid()),
            account_id: Set(new.account.uuid()),
            reference: Set(None),
            reference_sealed: Set(sealed.map(|(bytes, _)| bytes.to_vec())),
            key_version: Set(sealed.map(|(_, version)| version)),
            currency: Set(new.currency.code().to_owned()),
            period_start: Set(new.period_start),
            period_end: Set(new.period_end),
            opening: Set(opening.map(|money| money.amount())),
            closing: Set(closing.map(|money| money.amount())),
            balance_check: Set(new.balance_check.name().to_owned()),
            transaction_count: Set(stored_count(new.transactions.len())?),
        };
        self.write(Insert::one(row)).await?;
        Ok(Statement {
            id: new.id,
            account: new.account,
            import,
            reference: new.reference.clone(),
            currency: new.currency,
            period_start: new.period_start,
            period_end: new.period_end,
            opening,
            closing,
            balance_check: new.balance_check,
            transaction_count: count(stored_count(new.transactions.len())?)?,
            custodian: user(account.custodian_id),
            personal: account.personal,
        })
    }

    /// Inserts those of the entries that the account does not have; says how many.
    async fn insert_new(
        &self,
        statement: &NewStatement,
        entries: &[NewTransaction],
    ) -> Result<usize, WriteError> {
        use transactions::Column;
        let mut insert = Query::insert();
        insert
            .into_table(transactions::Entity.table_ref())
            .columns([
                Column::TenantId,
                Column::Id,
                Column::AccountId,
                Column::StatementId,
                Column::BookedOn,
                Column::ValueOn,
                Column::Currency,
                Column::Amount,
                Column::Counterparty,
                Column::Description,
                Column::Reference,
                Column::Fingerprint,
            ]);
        for NewTransaction {
            id,
            fingerprint,
            entry,
        } in entries
        {
            insert
                .values([
                    self.tenant_id().uuid().into(),
                    id.uuid().into(),
                    statement.account.uuid().into(),
                    statement.id.uuid().into(),
                    entry.booked_on.into(),
                    entry.value_on.into(),
                    entry.amount.currency().code().into(),
                    entry.amount.amount().into(),
                    entry.counterparty.clone().into(),
                    entry.description.clone().into(),
                    entry.reference.clone().into(),
                    fingerprint.to_vec().into(),
                ])
                .map_err(|error| StoreError::inconsistent(error.to_string()))?;
        }
        let known = [Column::TenantId, Column::AccountId, Column::Fingerprint];
        insert.on_conflict(OnConflict::columns(known).do_nothing().to_owned());
        let statement = DbBackend::Postgres.build(&insert);
        let inserted = self.write_rare(statement).await?.affected;
        usize::try_from(inserted)
            .map_err(|_| StoreError::inconsistent("a count is too large").into())
    }

    /// The closing balance becomes the account's, unless the account has a newer one.
    async fn set_balance(&self, statement: &NewStatement) -> Result<(), WriteError> {
        use accounts::{Column, Entity};
        let Some(closing) = statement.closing else {
            return Ok(());
        };
        let Some(on) = closing.on.or(statement.period_end) else {
            return Ok(());
        };
        let older = Condition::any()
            .add(Column::BalanceOn.is_null())
            .add(Column::BalanceOn.lte(on));
        let update = Entity::update_many()
            .col_expr(Column::Balance, Expr::value(closing.money.amount()))
            .col_expr(Column::BalanceOn, Expr::value(on))
            .filter(Column::TenantId.eq(self.tenant_id().uuid()))
            .filter(Column::Id.eq(statement.account.uuid()))
            .filter(older);
        self.write(update).await?;
        Ok(())
    }
}
