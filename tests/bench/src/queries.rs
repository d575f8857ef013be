//! What is asked, in the words of each contender.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{contenders::Contender, seed::Tenant};

/// A query of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Query {
    /// A page of 50 transactions
    Q1,
    /// One transaction by id
    Q2,
    /// A page of 500
    Q3,
    /// An insert with its audit row
    M1,
}

impl Query {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Q1 => "Q1",
            Self::Q2 => "Q2",
            Self::Q3 => "Q3",
            Self::M1 => "M1",
        }
    }

    /// The rows of its page.
    pub(crate) const fn rows(self) -> usize {
        match self {
            Self::Q1 => 50,
            Self::Q3 => 500,
            Self::Q2 | Self::M1 => 1,
        }
    }
}

/// What stands in a body where every request has a number of its own.
pub(crate) const NUMBER: &str = "00000000";

const FIELDS: &str = "id bookedOn valueOn amount currency magnitude direction counterparty \
     description reference account { id name } category { id name }";

/// `PostGraphile` derives its fields from the tables: `direction` is no column, and a relation is named
/// by its two columns.
const DERIVED: &str = "rowId bookedOn valueOn amount currency magnitude counterparty description \
     reference account: accountByTenantIdAndAccountId { rowId name } \
     category: categoryByTenantIdAndCategoryId { rowId name }";

/// The body of a request of one tenant. `pick` chooses among its transactions.
pub(crate) fn body(contender: Contender, query: Query, tenant: &Tenant, pick: usize) -> Value {
    let picked = tenant
        .transactions
        .get(pick % tenant.transactions.len().max(1));
    let id = picked.map(String::as_str).unwrap_or_default();
    let rows = query.rows();
    match (contender, query) {
        (Contender::Countersign, Query::Q1 | Query::Q3) => json!({
            "query": format!(
                "query Page($first: Int!) {{ transactions(first: $first) {{ nodes {{ {FIELDS} }} }} }}"
            ),
            "variables": { "first": rows },
        }),
        (Contender::Countersign, Query::Q2) => json!({
            "query": format!("query One($id: ID!) {{ node(id: $id) {{ ... on Transaction {{ {FIELDS} }} }} }}"),
            "variables": { "id": format!("txn_{}", id.replace('-', "")) },
        }),
        (Contender::Countersign, Query::M1) => json!({
            "query": "mutation Make($name: String!) { createCategory(input: { name: $name }) \
                { category { id name } userErrors { code } } }",
            "variables": { "name": format!("New {NUMBER}") },
        }),
        (Contender::Postgraphile, Query::Q1 | Query::Q3) => json!({
            "query": format!(
                "query Page($first: Int!) {{ allTransactions(first: $first, \
                 orderBy: [BOOKED_ON_DESC, ROW_ID_DESC]) {{ nodes {{ {DERIVED} }} }} }}"
            ),
            "variables": { "first": rows },
        }),
        (Contender::Postgraphile, Query::Q2) => json!({
            "query": format!(
                "query One($tenant: UUID!, $id: UUID!) {{ \
                 transactionByTenantIdAndRowId(tenantId: $tenant, rowId: $id) {{ {DERIVED} }} }}"
            ),
            "variables": { "tenant": tenant.id, "id": id },
        }),
        (Contender::Postgraphile, Query::M1) => json!({
            "query": "mutation Make($name: String!) { makeCategory(name: $name) { id name } }",
            "variables": { "name": format!("New {NUMBER}") },
        }),
        (_, Query::Q1 | Query::Q3) => json!({
            "query": format!("query Page($first: Int!) {{ transactions(first: $first) {{ {FIELDS} }} }}"),
            "variables": { "first": rows },
        }),
        (_, Query::Q2) => json!({
            "query": format!("query One($id: ID!) {{ transaction(id: $id) {{ {FIELDS} }} }}"),
            "variables": { "id": id },
        }),
        (_, Query::M1) => json!({
            "query": "mutation Make($name: String!) { createCategory(name: $name) { id name } }",
            "variables": { "name": format!("New {NUMBER}") },
        }),
    }
}
