//! Tenants whose logs are measured, made once and kept.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;
use countersign_stand::postgres::Cluster;

use crate::{psql, say, seed};

/// How many tenants mutations are of.
pub(super) const TENANTS: u32 = 50;

/// The program, with the configuration of the books.
#[derive(Debug)]
pub(super) struct Books {
    program: PathBuf,
    config: PathBuf,
    pub(super) folder: PathBuf,
}

impl Books {
    /// A command of the program's.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).args(arguments);
        command
    }

    /// What it says, where it is done.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments).output()?;
        let fault = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {}", fault.trim());
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Tenants, and some transactions to read.
const SEED: &str = "
    CREATE SCHEMA bench;
    CREATE TABLE bench.tenants (n integer PRIMARY KEY, id uuid);
    INSERT INTO bench.tenants
        SELECT row_number() OVER (ORDER BY slug), id FROM countersign.tenants WHERE slug LIKE 'audited-%';
    GRANT USAGE ON SCHEMA bench TO countersign_books;
    GRANT SELECT ON bench.tenants TO countersign_books;
    CREATE FUNCTION bench.uuid(kind text, tenant integer, n integer) RETURNS uuid
        LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || ':' || tenant || ':' || n)::uuid $$;
    -- Where a chain ends, as the server remembers it: nobody waits for it.
    CREATE FUNCTION bench.remembered_end() RETURNS countersign.audit_heads
        LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
        DECLARE head countersign.audit_heads;
        BEGIN
            SELECT h.* INTO head FROM countersign.audit_heads h WHERE h.tenant_id = countersign.current_tenant();
            RETURN head;
        END $$;
    INSERT INTO countersign.accounts (tenant_id, id, name, currency, number, personal, created_at)
        SELECT id, bench.uuid('account', n, 1), 'Account', 'EUR', 'BENCH' || n, false, '2026-01-01'
        FROM bench.tenants;
    INSERT INTO countersign.imports (tenant_id, id, file_name, format, sha256, byte_count,
            statement_count, added_count, duplicate_count, created_at)
        SELECT id, bench.uuid('import', n, 1), 'bench.xml', 'CAMT_053', sha256(id::text::bytea),
            1000, 1, 1000, 0, '2026-01-01' FROM bench.tenants;
    INSERT INTO countersign.statements (tenant_id, id, import_id, account_id, currency, balance_check,
            transaction_count)
        SELECT id, bench.uuid('statement', n, 1), bench.uuid('import', n, 1),
            bench.uuid('account', n, 1), 'EUR', 'NOT_STATED', 1000 FROM bench.tenants;
    INSERT INTO countersign.transactions (tenant_id, id, account_id, statement_id, booked_on,
            value_on, currency, amount, counterparty, description, reference, fingerprint)
        SELECT t.id, bench.uuid('transaction', t.n, i), bench.uuid('account', t.n, 1),
            bench.uuid('statement', t.n, 1), date '2024-01-01' + i, date '2024-01-01' + i, 'EUR',
            i / 100.0, 'Counterparty ' || i, 'Invoice ' || i, 'REF' || i,
            sha256((t.n || ':' || i)::bytea)
        FROM bench.tenants t, generate_series(1, 1000) i;
    ANALYZE";

/// Makes them where that was not done yet.
pub(super) fn settle(folder: &Path, cluster: &Cluster, program: &Path) -> anyhow::Result<Books> {
    let config = folder.join("countersign.toml");
    fs::write(&config, seed::configuration(cluster))?;
    let books = Books {
        program: program.to_owned(),
        config,
        folder: folder.to_owned(),
    };
    books.run(&["migrate"])?;
    let marker = folder.join("seeded");
    if !marker.exists() {
        say("making 50 tenants");
        for n in 1..=TENANTS {
            let slug = format!("audited-{n:02}");
            books.run(&["tenant", "create", "--slug", &slug, "--name", &slug])?;
        }
        psql(cluster, &["--single-transaction", "--command", SEED])?;
        for n in 1..=TENANTS {
            psql(cluster, &["--command", &seed::insert_token(n)])?;
        }
        fs::write(&marker, "")?;
    }
    Ok(books)
}
