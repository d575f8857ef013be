//! Sealing under the newest version of a tenant's key what is sealed under an older one, or not yet.

use std::{collections::BTreeSet, fmt::Write};

use countersign_domain::{audit::Facts, id::TenantId, sealed::TextColumn};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::super::{Operator, OperatorError};
use crate::{
    error::{StoreError, WriteError},
    keys::{self, DATA, KeyRow, Keys, Purpose},
    line::{Fetches, fetched},
    seal::Place,
    wire::{End, Wire},
};

/// The rows of a batch, which is a transaction and a row of the tenant's log.
const BATCH: i64 = 200;

/// A table with sealed columns. The columns of a row are all of one version.
struct SealedTable {
    name: &'static str,
    columns: &'static [SealedColumn],
}

struct SealedColumn {
    name: &'static str,
    purpose: Purpose,
    /// The column that the text stands in until it is sealed, and the one of its blind index.
    plain: Option<&'static str>,
    index: Option<&'static str>,
}

const fn text(
    column: TextColumn,
    plain: Option<&'static str>,
    index: Option<&'static str>,
) -> SealedColumn {
    SealedColumn {
        name: column.name(),
        purpose: Purpose::Columns,
        plain,
        index,
    }
}

const TABLES: &[SealedTable] = &[
    SealedTable {
        name: "credentials",
        columns: &[
            text(TextColumn::CredentialName, None, None),
            SealedColumn {
                name: "secret_sealed",
                purpose: Purpose::Credentials,
                plain: None,
                index: None,
            },
        ],
    },
    SealedTable {
        name: "accounts",
        columns: &[text(
            TextColumn::AccountNumber,
            Some("number"),
            Some("number_index"),
        )],
    },
    SealedTable {
        name: "imports",
        columns: &[text(TextColumn::ImportFileName, Some("file_name"), None)],
    },
    SealedTable {
        name: "statements",
        columns: &[text(
            TextColumn::StatementReference,
            Some("reference"),
            None,
        )],
    },
    SealedTable {
        name: "api_tokens",
        columns: &[text(TextColumn::ApiTokenName, Some("name"), None)],
    },
];

fetched! {
    /// How many rows of a table are sealed under a version of the tenant's key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SealedCount {
        /// The table.
        pub table_name: String,
        /// The version; `None` where the text is not sealed yet.
        pub version: Option<i32>,
        /// How many rows.
        pub count: i64,
    }
}

/// How many rows are sealed under which version, or not yet.
pub(super) async fn counts(wire: &Wire, tenant: TenantId) -> Result<Vec<SealedCount>, StoreError> {
    let mut counts = Vec::new();
    for table in TABLES {
        let name = table.name;
        let plain = table.columns.iter().filter_map(|column| column.plain);
        let unsealed: Vec<_> = plain.map(|plain| format!("{plain} IS NOT NULL")).collect();
        let unsealed = if unsealed.is_empty() {
            "false".to_owned()
        } else {
            unsealed.join(" OR ")
        };
        let sql = format!(
            "SELECT '{name}' AS table_name, key_version AS version, count(*) AS count \
             FROM countersign.{name} WHERE tenant_id = $1 AND (key_version IS NOT NULL OR {unsealed}) \
             GROUP BY key_version ORDER BY key_version"
        );
        let values = [tenant.uuid().into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        counts.extend(wire.fetch::<SealedCount>(statement).await?);
    }
    Ok(counts)
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The table.
    pub table: &'static str,
    /// The version that its rows are sealed under now.
    pub version: i32,
    /// How many rows were sealed anew.
    pub rows: u64,
    /// Rows that do not open: they were changed behind the product's back, and were left as they are.
    pub unopened: Vec<Uuid>,
}

/// Sealing anew under way.
#[derive(Debug)]
pub struct Resealing {
    operator: Operator,
    tenant: TenantId,
    /// The table that is at hand, and the row after which it goes on.
    table: usize,
    after: Uuid,
}

/// A row with its sealed columns, in the table's order.
struct Row {
    id: Uuid,
    values: Vec<(Option<Vec<u8>>, Option<String>)>,
}

/// What is written for a column of a row: the sealed value, and its blind index.
type New = (Option<Vec<u8>>, Option<[u8; 32]>);

impl Resealing {
    pub(super) fn new(operator: Operator, tenant: TenantId) -> Self {
        Self {
            operator,
            tenant,
            table: 0,
            after: Uuid::nil(),
        }
    }

    /// Seals the next rows anew; `None` where every table is done.
    pub async fn next(&mut self) -> Result<Option<Resealed>, OperatorError> {
        while let Some(table) = TABLES.get(self.table) {
            let batch = self.batch(table).await?;
            if let Some(batch) = batch {
                return Ok(Some(batch));
            }
            self.table = self.table.saturating_add(1);
            self.after = Uuid::nil();
        }
        Ok(None)
    }

    async fn batch(&mut self, table: &SealedTable) -> Result<Option<Resealed>, OperatorError> {
        let wire = self.operator.books(self.tenant).await?;
        let rows: Vec<KeyRow> = wire.fetch(keys::rows_of(self.tenant, DATA)).await?;
        let Some(newest) = rows.last().filter(|newest| newest.sealed.is_some()) else {
            return Err(StoreError::KeyDestroyed.into());
        };
        let newest = newest.version;
        // What is sealed under a version that is destroyed does not open: it stays as it is.
        let older = rows
            .iter()
            .filter(|row| row.sealed.is_some() && row.version != newest);
        let older: Vec<i32> = older.map(|row| row.version).collect();
        let rows = due(&wire, self.tenant, table, &older, self.after).await?;
        let Some(last) = rows.last() else {
            wire.end(End::Rollback).await.map_err(OperatorError::from)?;
            return Ok(None);
        };
        self.after = last.id;
        let (mut done, mut unopened) = (0_u64, Vec::new());
        let keys = &self.operator.0.keys;
        for row in rows {
            match sealed_anew(keys, self.tenant, table, &row).await {
                Ok((version, new)) => {
                    update(&wire, self.tenant, table, row.id, version, new).await?;
                    done = done.saturating_add(1);
                }
                Err(StoreError::Sealed) => unopened.push(row.id),
                Err(error) => return Err(error.into()),
            }
        }
        let (tenant, name) = (self.tenant, table.name);
        let left = u64::try_from(unopened.len()).unwrap_or(u64::MAX);
        let version = u64::from(newest.unsigned_abs());
        let facts = Facts::new().word("table", name).count("version", version);
        let facts = facts.count("rows", done).count("unopened", left);
        let what = ("keys rotate", "key.resealed");
        self.operator
            .commit(wire, tenant, what, tenant.into(), facts.into())
            .await?;
        Ok(Some(Resealed {
            table: name,
            version: newest,
            rows: done,
            unopened,
        }))
    }
}

/// The next rows of a table that are not sealed under the newest version, locked. What somebody else
/// holds is left for another time.
async fn due(
    wire: &Wire,
    tenant: TenantId,
    table: &SealedTable,
    older: &[i32],
    after: Uuid,
) -> Result<Vec<Row>, StoreError> {
    let mut columns = String::new();
    let mut unsealed = String::new();
    for (n, column) in table.columns.iter().enumerate() {
        let plain = column.plain.unwrap_or("NULL::text");
        let name = column.name;
        let _ = write!(columns, ", {name} AS sealed{n}, {plain} AS plain{n}");
        if let Some(plain) = column.plain {
            let _ = write!(unsealed, " OR {plain} IS NOT NULL");
        }
    }
    let sql = format!(
        "SELECT id{columns} FROM countersign.{} WHERE tenant_id = $1 AND id > $2 \
         AND (key_version = ANY ($3){unsealed}) ORDER BY id LIMIT {BATCH} FOR UPDATE SKIP LOCKED",
        table.name
    );
    let older: Vec<i32> = older.to_vec();
    let values: [Value; 3] = [tenant.uuid().into(), after.into(), older.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let rows = wire.query_all_raw(statement).await?;
    let rows = rows.iter().map(|row| read(row, table));
    Ok(rows.collect::<Result<_, DbErr>>()?)
}

fn read(row: &QueryResult, table: &SealedTable) -> Result<Row, DbErr> {
    let value = |n| {
        let sealed = row.try_get("", &format!("sealed{n}"))?;
        Ok((sealed, row.try_get("", &format!("plain{n}"))?))
    };
    Ok(Row {
        id: row.try_get("", "id")?,
        values: (0..table.columns.len())
            .map(value)
            .collect::<Result<_, DbErr>>()?,
    })
}

/// Every column of a row, sealed under one version, which is said.
async fn sealed_anew(
    keys: &Keys,
    tenant: TenantId,
    table: &SealedTable,
    row: &Row,
) -> Result<(i32, Vec<New>), StoreError> {
    let mut versions = BTreeSet::new();
    let mut new = Vec::with_capacity(row.values.len());
    for (column, (sealed, plain)) in table.columns.iter().zip(&row.values) {
        let place = Place {
            tenant,
            table: table.name,
            column: column.name,
            row: row.id.as_bytes(),
        };
        let opened = match (sealed, plain) {
            (Some(sealed), _) => keys.open(column.purpose, &place, sealed).await?,
            (None, Some(plain)) => plain.clone().into_bytes().into(),
            (None, None) => {
                new.push((None, None));
                continue;
            }
        };
        let index = match column.index {
            Some(_) => {
                let text = str::from_utf8(&opened).map_err(|_| StoreError::Sealed)?;
                Some(keys.index(tenant, column.name, text).await?)
            }
            None => None,
        };
        let (sealed, version) = keys.seal(column.purpose, &place, &opened).await?;
        versions.insert(version);
        new.push((Some(sealed), index));
    }
    match versions.first() {
        Some(version) if versions.len() == 1 => Ok((*version, new)),
        _ => Err(StoreError::inconsistent(
            "the tenant's key changed in between: try again",
        )),
    }
}

async fn update(
    wire: &Wire,
    tenant: TenantId,
    table: &SealedTable,
    id: Uuid,
    version: i32,
    new: Vec<New>,
) -> Result<(), OperatorError> {
    let mut sets = vec!["key_version = $3".to_owned()];
    let mut values: Vec<Value> = vec![tenant.uuid().into(), id.into(), version.into()];
    for (column, (sealed, index)) in table.columns.iter().zip(new) {
        if let Some(plain) = column.plain {
            sets.push(format!("{plain} = NULL"));
        }
        values.push(sealed.into());
        sets.push(format!("{} = ${}", column.name, values.len()));
        if let Some(name) = column.index {
            values.push(index.map(|index| index.to_vec()).into());
            sets.push(format!("{name} = ${}", values.len()));
        }
    }
    let sql = format!(
        "UPDATE countersign.{} SET {} WHERE tenant_id = $1 AND id = $2",
        table.name,
        sets.join(", ")
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    wire.execute_raw(statement)
        .await
        .map_err(WriteError::from)?;
    Ok(())
}
