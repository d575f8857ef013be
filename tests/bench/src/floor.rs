//! The floor: the same statements by `pgbench`, prepared and pipelined, without any server.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, ensure};
use countersign_stand::postgres::{self, Cluster};

use crate::{drive::Driven, queries::Query, root};

const COLUMNS: &str = "id, account_id, statement_id, category_id, booked_on, value_on, currency, \
     amount, counterparty, description, reference";

/// What stands around every script: a tenant at random, and the transaction in it.
fn script(query: Query) -> String {
    let enter = "\\set n random(1, 50)\n\\startpipeline\nBEGIN;\n\
         SELECT countersign.enter_tenant(id) FROM bench.tenants WHERE n = :n;\n";
    let children = "SELECT id, name, currency, number, custodian_id, personal, balance, balance_on, \
         created_at FROM countersign.accounts WHERE tenant_id = countersign.current_tenant() \
         AND id = ANY ((SELECT accounts FROM bench.tenants WHERE n = :n)::uuid[]);\n\
         SELECT id, name, created_at FROM countersign.categories \
         WHERE tenant_id = countersign.current_tenant() \
         AND id = ANY ((SELECT categories FROM bench.tenants WHERE n = :n)::uuid[]);\n";
    let work = match query {
        Query::Q1 | Query::Q3 => format!(
            "SELECT {COLUMNS} FROM countersign.transactions \
             WHERE tenant_id = countersign.current_tenant() \
             ORDER BY booked_on DESC, id DESC LIMIT {};\n{children}",
            query.rows() + 1
        ),
        Query::Q2 => format!(
            "SELECT {COLUMNS} FROM countersign.transactions \
             WHERE tenant_id = countersign.current_tenant() \
             AND id = bench.uuid('transaction', :n, 1);\n{children}"
        ),
        Query::M1 => "INSERT INTO countersign.categories (tenant_id, id, name, created_at) \
             VALUES (countersign.current_tenant(), gen_random_uuid(), \
             'New ' || gen_random_uuid(), now());\n\
             INSERT INTO bench.audit (tenant_id, action, target) \
             VALUES (countersign.current_tenant(), 'category.created', gen_random_uuid());\n"
            .to_owned(),
    };
    format!("{enter}{work}COMMIT;\n\\endpipeline\n")
}

/// Drives PostgreSQL itself. `pgbench` tells no percentiles: its mean stands in for the median.
pub(crate) fn drive(
    cluster: &Cluster,
    query: Query,
    connections: usize,
    seconds: u64,
) -> anyhow::Result<Driven> {
    let file = root().join(format!(".data/bench/{}.sql", query.name()));
    fs::write(&file, script(query))?;
    let clients = connections.min(8);
    let done = scripts(cluster, &[(file, 1)], clients, seconds)?;
    let micros = seconds.saturating_mul(1_000_000);
    let clients = u64::try_from(clients)?;
    let mean = micros
        .saturating_mul(clients)
        .checked_div(done)
        .unwrap_or_default();
    Ok(Driven {
        done,
        micros,
        p50_micros: mean,
        ..Driven::default()
    })
}

/// How often scripts are run to their ends, each chosen as often as its weight says.
pub(crate) fn scripts(
    cluster: &Cluster,
    files: &[(PathBuf, usize)],
    clients: usize,
    seconds: u64,
) -> anyhow::Result<u64> {
    let mut command = Command::new(postgres::client("pgbench")?);
    command
        .args(["--protocol", "prepared", "--no-vacuum", "--jobs", "1"])
        .args(["--client", &clients.to_string()])
        .args(["--time", &seconds.to_string()]);
    for (file, weight) in files {
        command.arg(format!("--file={}@{weight}", file.display()));
    }
    let output = command
        .args(["--host", "127.0.0.1", "--port", &cluster.port().to_string()])
        .args(["--username", "countersign_books", "postgres"])
        .env("PGPASSWORD", "bench")
        .output()
        .context("`pgbench` is needed for the floor: leave it out of `--contenders`")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let fault = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench: {}", fault.trim());
    let before = "number of transactions actually processed:";
    let done = told.lines().find_map(|line| line.strip_prefix(before));
    let digits = done.unwrap_or_default().trim();
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().context("pgbench tells nothing")
}
