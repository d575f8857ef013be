//! Whose care a transaction is in stands in its account. Lists do not join the two: of tables that tenants
//! share, PostgreSQL takes a tenant's accounts to have next to no transactions each, and reads
//! all of an account's to find one. What is to be known of accounts is read beside.

use std::collections::BTreeSet;

use countersign_domain::{
    books::{Account, Category},
    id::UserId,
};
use countersign_policies::{Predicate, ReadScope, resource};
use hashbrown::HashMap;
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select, Statement,
    sea_query::Expr,
};
use uuid::Uuid;

use super::Row;
use crate::{
    error::StoreError,
    filter::Columns,
    line::fetched,
    model::{accounts, transactions},
    reading::Pace,
    store::{
        Stored, any_of,
        beside::{Along, Known},
    },
    transaction::Reader,
};

/// What is read of a transaction's own row.
pub(super) const COLUMNS: [transactions::Column; 11] = {
    use transactions::Column;
    [
        Column::Id,
        Column::AccountId,
        Column::StatementId,
        Column::CategoryId,
        Column::BookedOn,
        Column::ValueOn,
        Column::Currency,
        Column::Amount,
        Column::Counterparty,
        Column::Description,
        Column::Reference,
    ]
};

/// What is read together with transactions: what they point to, as far as these scopes cover it.
#[derive(Debug, Default)]
pub struct Beside {
    /// Their accounts.
    pub accounts: Option<ReadScope<resource::Account>>,
    /// Their categories.
    pub categories: Option<ReadScope<resource::Category>>,
}

/// What transactions point to, where it was read together with them.
#[derive(Debug, Default)]
pub struct Pointed {
    /// Their accounts.
    pub accounts: Option<Known<Account>>,
    /// Their categories.
    pub categories: Option<Known<Category>>,
}

/// What of a scope on transactions speaks of their accounts.
pub(super) struct Reach(Vec<Predicate>);

/// `None` where the scope speaks of anything but the tenant and the account.
pub(super) fn reach(scope: &ReadScope<resource::Transaction>) -> Option<Reach> {
    let parts = match scope.predicate() {
        Predicate::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let of_tenant =
        |part: &&Predicate| matches!(part, Predicate::Equals(name, _) if name == "tenant");
    let parts: Vec<_> = parts.iter().filter(|part| !of_tenant(part)).collect();
    let of_account = |part: &&Predicate| part.speaks_only_of(&["custodian", "personal"]);
    let all = parts.iter().all(of_account);
    all.then(|| Reach(parts.into_iter().cloned().collect()))
}

impl Reach {
    /// Whether it names accounts that are left out, and not those that are let in.
    pub(super) fn leaves_out(&self) -> bool {
        let mut parts = self.0.iter();
        parts.all(|part| matches!(part, Predicate::Not(_)))
    }
}

fetched! {
    /// What decisions look at.
    struct Custody {
        id: Uuid,
        custodian_id: Option<Uuid>,
        personal: bool,
    }
}

impl Reader {
    /// The transactions that the scope covers, without what stands in their accounts.
    pub(super) fn without_accounts(
        &self,
        scope: &ReadScope<resource::Transaction>,
        reach: &Reach,
    ) -> Result<Select<transactions::Entity>, StoreError> {
        use transactions::Column;
        self.admit(scope)?;
        let own = Column::TenantId.eq(self.tenant_id().uuid());
        let select = transactions::Entity::find().select_only().columns(COLUMNS);
        let select = select
            .column_as(Expr::cust("NULL::uuid"), "custodian_id")
            .column_as(Expr::cust("NULL::boolean"), "personal")
            .filter(own);
        if reach.0.is_empty() {
            return Ok(select);
        }
        let columns = Columns::of_account(accounts::Column::Id, accounts::Column::TenantId);
        let covered = columns.condition(&Predicate::And(reach.0.clone()))?;
        let mut left_out = self.account_ids().filter(Expr::cust_with_expr(
            "($1) IS NOT TRUE",
            Expr::from(covered),
        ));
        let left_out = QueryTrait::query(&mut left_out).clone();
        let account = Expr::col((transactions::Entity, Column::AccountId));
        // Not by any index: the list's order, or the ids, say which one is read.
        let is_covered = Expr::cust_with_exprs(
            "$1 <> ALL (ARRAY $2)",
            [account, Expr::SubQuery(None, Box::new(left_out.into()))],
        );
        Ok(select.filter(is_covered))
    }

    /// The ids of the tenant's accounts.
    fn account_ids(&self) -> Select<accounts::Entity> {
        accounts::Entity::find()
            .select_only()
            .column(accounts::Column::Id)
            .filter(accounts::Column::TenantId.eq(self.tenant_id().uuid()))
    }

    fn custody(&self) -> Select<accounts::Entity> {
        let more = [accounts::Column::CustodianId, accounts::Column::Personal];
        self.account_ids().columns(more)
    }

    /// The rows that the statement selects, and what they point to, which is read after them: they are not
    /// found by an index alone, and to find them again for it would take as long again.
    pub(super) async fn with_after(
        &self,
        statement: Statement,
        beside: &Beside,
    ) -> Result<(Vec<Row>, Pointed), StoreError> {
        let mut rows: Vec<Row> = self.fetch_statement(statement, Pace::Long).await?;
        let of_rows = |id: fn(&Row) -> Option<Uuid>| rows.iter().filter_map(id).collect();
        let (accounts, categories) = futures::try_join!(
            self.after(
                beside.accounts.as_ref(),
                of_rows(|row| Some(row.account_id))
            ),
            self.after(beside.categories.as_ref(), of_rows(|row| row.category_id)),
        )?;
        let at_hand = accounts.iter().flat_map(|known| &known.rows);
        let at_hand = at_hand.map(|account| Custody {
            id: account.id.uuid(),
            custodian_id: account.custodian.map(UserId::uuid),
            personal: account.personal,
        });
        self.entrust(&mut rows, at_hand.collect()).await?;
        let pointed = Pointed {
            accounts,
            categories,
        };
        Ok((rows, pointed))
    }

    /// Those of the ids that the scope covers, where there is one.
    async fn after<R: Stored>(
        &self,
        scope: Option<&ReadScope<R>>,
        ids: BTreeSet<Uuid>,
    ) -> Result<Option<Known<R::Item>>, StoreError> {
        let Some(scope) = scope else { return Ok(None) };
        let rows = if ids.is_empty() {
            Vec::new()
        } else {
            self.by_ids(scope, ids.into_iter()).await?
        };
        Ok(Some(Known { rows, is_all: true }))
    }

    /// The rows that the statement selects, which are so many at the most, and what they point to, in one
    /// round trip.
    pub(super) async fn with_beside(
        &self,
        statement: Statement,
        rows_max: usize,
        beside: &Beside,
    ) -> Result<(Vec<Row>, Pointed), StoreError> {
        let others = (&statement, rows_max);
        let Beside {
            accounts,
            categories,
        } = beside;
        let of_accounts = if let Some(scope) = accounts {
            self.along(scope, others, "account_id")?
        } else {
            let all = || self.custody();
            self.along_select::<resource::Account>(all, others, "account_id")?
        };
        let of_categories = categories.as_ref();
        let of_categories = of_categories.map(|scope| self.along(scope, others, "category_id"));
        let of_categories = of_categories.transpose()?;
        let (accounts_extent, categories_extent) = (
            of_accounts.extent,
            of_categories.as_ref().map(|along| along.extent),
        );
        let of_categories = of_categories.map(|Along { statement, .. }| statement);
        let all = [statement, of_accounts.statement].into_iter();
        let all: Vec<_> = all.chain(of_categories).collect();
        let mut done = self.fetch_together(&all, Pace::Quick).await?.into_iter();
        let mut next = || {
            done.next()
                .ok_or_else(|| StoreError::inconsistent("nothing came"))
        };
        let mut rows: Vec<Row> = next()?.rows()?;
        let of_accounts = next()?;
        self.entrust(&mut rows, of_accounts.rows()?).await?;
        let accounts = if accounts.is_some() {
            Some(self.known::<resource::Account>(&of_accounts, accounts_extent)?)
        } else {
            self.is_all::<resource::Account>(&of_accounts, accounts_extent);
            None
        };
        let pointed = Pointed {
            accounts,
            categories: match categories_extent {
                Some(extent) => Some(self.known::<resource::Category>(&next()?, extent)?),
                None => None,
            },
        };
        Ok((rows, pointed))
    }

    /// Puts into the rows what stands in their accounts, and reads those that are not at hand.
    async fn entrust(&self, rows: &mut [Row], at_hand: Vec<Custody>) -> Result<(), StoreError> {
        let mut known: HashMap<Uuid, Custody> = HashMap::new();
        known.extend(at_hand.into_iter().map(|account| (account.id, account)));
        let open = rows.iter().filter(|row| row.personal.is_none());
        let missing = open.map(|row| row.account_id);
        let mut missing: Vec<_> = missing.filter(|id| !known.contains_key(id)).collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            let missing = any_of(accounts::Column::Id, missing.into_iter());
            let select = self.custody().filter(missing);
            let select = select.build(DbBackend::Postgres);
            let read: Vec<Custody> = self.fetch_statement(select, Pace::Quick).await?;
            known.extend(read.into_iter().map(|account| (account.id, account)));
        }
        for row in rows {
            if let (None, Some(account)) = (row.personal, known.get(&row.account_id)) {
                row.custodian_id = account.custodian_id;
                row.personal = Some(account.personal);
            }
        }
        Ok(())
    }
}
