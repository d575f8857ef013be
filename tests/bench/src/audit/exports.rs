//! Exports: how fast they are written and verified, and how much memory that takes.

use std::{
    fmt::Write as _,
    fs,
    io::Write,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use countersign_domain::{
    audit::{Event, Head, Link, Outcome, next_link},
    id::{AuditEntryId, RequestId, TenantId},
};
use countersign_stand::postgres::Cluster;

use super::books::Books;
use crate::{cpu, psql, say, seed};

/// Exports sign their manifests, and their verification does not need the key of rows: this is none.
const KEY: [u8; 32] = [7; 32];
const MICROS: i64 = 1_767_225_600_000_000;

/// A line of the table: rows, and the two rates with the most memory that each took.
pub(super) fn measure(books: &Books, cluster: &Cluster, rows: u64) -> anyhow::Result<String> {
    let slug = format!("log-{rows}");
    let marker = books.folder.join(&slug);
    if !marker.exists() {
        say(&format!("making a log of {rows} rows"));
        books.run(&["tenant", "create", "--slug", &slug, "--name", &slug])?;
        fill(cluster, &slug, rows)?;
        fs::write(&marker, "")?;
    }
    let key = books.folder.join("key");
    fs::write(&key, books.run(&["ledger", "key", "--tenant", &slug])?)?;
    let file = books.folder.join("export.jsonl");
    // Of a run that was cut off.
    let _ = fs::remove_file(&file);
    let (file_name, key_name) = (file.to_string_lossy(), key.to_string_lossy());
    let export = ["ledger", "export", "--tenant", &slug, "--out", &file_name];
    let written = timed(books.command(&export))?;
    let verify = [
        "ledger", "verify", "--export", &file_name, "--key", &key_name,
    ];
    let verified = timed(books.command(&verify))?;
    fs::remove_file(&file)?;
    let mut line = format!("| {rows} |");
    for (took, memory) in [written, verified] {
        let micros = took.as_micros().max(1);
        let rate = u128::from(rows)
            .saturating_mul(1_000_000)
            .checked_div(micros);
        let _ = write!(line, " {} | {memory} |", rate.unwrap_or_default());
    }
    Ok(line)
}

/// How long a command takes, and the most mebibytes that it has.
fn timed(mut command: Command) -> anyhow::Result<(Duration, u64)> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut memory = 0;
    loop {
        memory = memory.max(cpu::memory(child.id()).unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "{:?} failed", command.get_args());
            return Ok((began.elapsed(), memory));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Appends so many rows to a tenant's chain, as reading leaves them.
fn fill(cluster: &Cluster, slug: &str, rows: u64) -> anyhow::Result<()> {
    let sql = format!(
        "SELECT t.id, h.seq, encode(h.hash, 'hex') FROM countersign.tenants t \
         JOIN countersign.audit_heads h ON h.tenant_id = t.id WHERE t.slug = '{slug}'"
    );
    let told = psql(cluster, &["--command", &sql])?;
    let parts: Vec<&str> = told.trim().split('|').collect();
    let &[tenant, seq, hash] = &*parts else {
        anyhow::bail!("`{slug}` has no chain");
    };
    let id: TenantId = format!("ten_{}", tenant.replace('-', "")).parse()?;
    let mut head = Head {
        seq: seq.parse()?,
        hash: hex::decode(hash)?
            .try_into()
            .ok()
            .context("a hash has 32 bytes")?,
    };
    let mut copy = cluster
        .admin("psql")?
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command"])
        .arg(
            "COPY countersign.audit_entries (tenant_id, seq, encoding, id, previous, hash, signature, \
             actor_kind, actor_id, action, permission, policies, outcome, targets, request_id, source, \
             payload, occurred_at) FROM STDIN",
        )
        .stdin(Stdio::piped())
        .spawn()?;
    let input = copy.stdin.take().context("psql takes no rows")?;
    let mut input = std::io::BufWriter::new(input);
    for n in 1..=rows {
        let event = event(n)?;
        let link = next_link(&head, id, &event, &KEY);
        head = Head {
            seq: link.seq,
            hash: link.hash,
        };
        writeln!(input, "{tenant}\t{}", row(&event, &link))?;
    }
    drop(input);
    ensure!(copy.wait()?.success(), "the rows are not taken");
    let moved = format!(
        "UPDATE countersign.audit_heads SET seq = {}, hash = '\\x{}' WHERE tenant_id = '{tenant}'; \
         ANALYZE countersign.audit_entries",
        head.seq,
        hex::encode(head.hash)
    );
    psql(cluster, &["--command", &moved])?;
    Ok(())
}

fn event(n: u64) -> anyhow::Result<Event> {
    let micros = MICROS.saturating_add(i64::try_from(n)?);
    Ok(Event {
        id: AuditEntryId::new(seed::uuid(1, n)),
        actor_kind: "human".to_owned(),
        actor_id: format!("usr_{}", seed::uuid(2, n % 40).simple()),
        action: "books.read".to_owned(),
        permission: "Query.transactions: allowed by rules owner-reads, books-open".to_owned(),
        policies: Some([9; 32]),
        outcome: Outcome::Done,
        targets: vec![format!("acc_{}", seed::uuid(3, n % 9).simple())],
        request: RequestId::new(seed::uuid(4, n)),
        source: Some("192.0.2.0/24".to_owned()),
        payload: format!(
            "{{\"document\":\"{0}{0}\",\"fields\":[\"transactions\"],\"hidden\":0}}",
            seed::uuid(5, n % 20).simple()
        ),
        occurred_at: chrono::DateTime::from_timestamp_micros(micros).context("a time")?,
    })
}

/// What follows the tenant in a row of COPY. No text here has what COPY would take for something else.
fn row(event: &Event, link: &Link) -> String {
    let bytes = |bytes: &[u8]| format!("\\\\x{}", hex::encode(bytes));
    let policies = event.policies.map_or("\\N".to_owned(), |hash| bytes(&hash));
    [
        link.seq.to_string(),
        link.encoding.number().to_string(),
        event.id.uuid().to_string(),
        bytes(&link.previous),
        bytes(&link.hash),
        bytes(&link.signature),
        event.actor_kind.clone(),
        event.actor_id.clone(),
        event.action.clone(),
        event.permission.clone(),
        policies,
        event.outcome.name().to_owned(),
        format!("{{{}}}", event.targets.join(",")),
        event.request.uuid().to_string(),
        event.source.clone().unwrap_or_default(),
        event.payload.clone(),
        event.occurred_at.to_rfc3339(),
    ]
    .join("\t")
}
