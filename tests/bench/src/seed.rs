//! The books that are read, made once and kept.

use std::{fs, path::Path, process::Command, sync::Arc};

use anyhow::ensure;
use base64::{Engine, prelude::BASE64_STANDARD};
use countersign_domain::token::PlainToken;
use countersign_stand::postgres::Cluster;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{psql, root, say};

/// How many tenants.
const TENANTS: u32 = 50;

/// What contenders need to know of the books.
#[derive(Debug)]
pub(crate) struct Seeded {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) config: std::path::PathBuf,
}

/// A tenant of the benchmark.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// A UUID.
    pub(crate) id: String,
    /// A token of the product.
    pub(crate) token: String,
    /// UUIDs of some transactions.
    pub(crate) transactions: Vec<String>,
}

/// Makes the books where that was not done yet.
pub(crate) fn settle(
    folder: &Path,
    cluster: &Cluster,
    program: &Path,
) -> anyhow::Result<Arc<Seeded>> {
    let config = folder.join("countersign.toml");
    fs::write(&config, configuration(cluster))?;
    let run = |arguments: &[&str]| -> anyhow::Result<()> {
        let output = Command::new(program)
            .arg("--config")
            .arg(&config)
            .args(arguments)
            .output()?;
        let fault = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {}", fault.trim());
        Ok(())
    };
    run(&["migrate"])?;
    let marker = folder.join("seeded");
    if !marker.exists() {
        say("seeding 50 tenants with 20,000 transactions each");
        for n in 1..=TENANTS {
            let (slug, name) = (format!("bench-{n:02}"), format!("Bench {n}"));
            run(&["tenant", "create", "--slug", &slug, "--name", &name])?;
        }
        let sql = root().join("tests/bench/seed.sql");
        psql(
            cluster,
            &["--single-transaction", "--file", &sql.to_string_lossy()],
        )?;
        for n in 1..=TENANTS {
            psql(cluster, &["--command", &insert_token(n)])?;
        }
        psql(cluster, &["--command", "VACUUM ANALYZE"])?;
        fs::write(&marker, "")?;
    }
    let listed = psql(
        cluster,
        &[
            "--command",
            "SELECT t.id, string_agg(x.id::text, ',') FROM bench.tenants t, LATERAL (
                SELECT id FROM countersign.transactions WHERE tenant_id = t.id
                ORDER BY id LIMIT 40) x
             GROUP BY t.n, t.id ORDER BY t.n",
        ],
    )?;
    let tenants = listed.lines().zip(1..).filter_map(|(line, n)| {
        let (id, transactions) = line.split_once('|')?;
        Some(Tenant {
            id: id.to_owned(),
            token: token(n).reveal().to_owned(),
            transactions: transactions.split(',').map(str::to_owned).collect(),
        })
    });
    let tenants: Vec<_> = tenants.collect();
    ensure!(
        tenants.len() == usize::try_from(TENANTS)?,
        "the kept books are not whole: remove `.data/bench`"
    );
    Ok(Arc::new(Seeded { tenants, config }))
}

/// Removes what mutations made: books that are read again are the same books.
pub(crate) fn tidy(cluster: &Cluster) -> anyhow::Result<()> {
    let made = "DELETE FROM countersign.categories c USING bench.tenants t \
         WHERE c.tenant_id = t.id AND c.id <> ALL (t.categories)";
    psql(cluster, &["--command", made])?;
    let emptied = "TRUNCATE bench.audit, countersign.idempotency_keys";
    psql(cluster, &["--command", emptied])?;
    let vacuum = "VACUUM (ANALYZE) countersign.categories, countersign.audit_heads";
    psql(cluster, &["--command", vacuum])?;
    Ok(())
}

/// A UUID, the same at every run.
pub(crate) fn uuid(kind: u128, n: u64) -> Uuid {
    Uuid::from_u128((kind << 96) | (7 << 76) | (2 << 62) | u128::from(n))
}

/// The same token at every run: its books are made up, and its server is on loopback.
pub(crate) fn token(n: u32) -> PlainToken {
    PlainToken::from_random(&Sha256::digest(format!("bench {n}")).into())
}

pub(crate) fn insert_token(n: u32) -> String {
    let token = token(n);
    let hash = hex::encode(token.hashed().as_bytes());
    format!(
        "INSERT INTO countersign.api_tokens (tenant_id, id, name, hash, scopes, documents_only,
            last_four, created_at, expires_at)
         SELECT id, gen_random_uuid(), 'bench', '\\x{hash}',
            ARRAY['basic:read', 'financial:read', 'pii:read', 'categories:create'], false,
            'none', now(), now() + interval '300 days'
         FROM bench.tenants WHERE n = {n}"
    )
}

/// How a role of the product's reaches the books.
pub(crate) fn url(cluster: &Cluster, role: &str) -> String {
    let port = cluster.port();
    format!("postgres://{role}:bench@127.0.0.1:{port}/postgres")
}

/// What the keys of these books are wrapped under, which protects nothing.
pub(crate) const KEK: [u8; 32] = [7; 32];

/// What a server on these books is configured by.
pub(crate) fn configuration(cluster: &Cluster) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\npublic_url = \"http://localhost:8080\"\n\
         [database]\nentry_url = \"{}\"\nbooks_url = \"{}\"\nowner_url = \"{}\"\n\
         [oidc]\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"countersign\"\n\
         client_secret = \"secret\"\n\
         [keys]\nkek = \"{}\"\n\
         [limits]\ncost = 4000000000\n\
         [log]\nfilter = \"warn\"\n",
        url(cluster, "countersign_entry"),
        url(cluster, "countersign_books"),
        cluster.admin_url("postgres"),
        BASE64_STANDARD.encode(KEK),
    )
}
