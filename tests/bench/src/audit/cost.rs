//! What the row in the log costs a mutation and a read, in PostgreSQL.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use countersign_stand::postgres::Cluster;

use super::{AuditSettings, books::TENANTS};
use crate::floor;

/// Callers at once. As many reads share one call that appends their rows, as they do in the server.
const CLIENTS: usize = 16;

const ENTER: &str =
    "BEGIN\\; SELECT countersign.enter_tenant(id) FROM bench.tenants WHERE n = :n;\n";
/// A mutation as it is without its row: it enters, claims a key and inserts, in one message that is a
/// transaction, and is not durable before one of all who wait flushes.
const MUTATE: &str = "SELECT set_config('synchronous_commit', 'off', true);\n\
     SELECT countersign.enter_tenant(id) FROM bench.tenants WHERE n = :n;\n\
     SELECT k.is_claimed FROM countersign.claim_key(countersign.current_tenant(), \
     (random() * 1e15)::bigint, 'usr_00000000000070008000000000000001', \
     sha256(gen_random_uuid()::text::bytea), sha256('asked'), sha256('able'), gen_random_uuid(), \
     now(), now() - interval '1 day') k;\n\
     INSERT INTO countersign.categories (tenant_id, id, name, created_at) \
     VALUES (countersign.current_tenant(), gen_random_uuid(), 'New ' || gen_random_uuid(), now());\n";
const FLUSH: &str = "SELECT pg_logical_emit_message(true, 'countersign', '');\n";
/// The hash is made up, which costs PostgreSQL what a true one does; the server spends a microsecond on it.
const APPEND: &str = " h, countersign.append_own(h.seq + 1, gen_random_uuid(), h.hash, \
     sha256(gen_random_uuid()::text::bytea), sha256('signed'), 'human', \
     'usr_00000000000070008000000000000001', 'category.created', \
     'Mutation.createCategory: allowed by rule owner-writes', sha256('policies'), 'DONE', \
     ARRAY['cat_00000000000070008000000000000001'], gen_random_uuid(), '192.0.2.0/24', \
     '{\"after\":{\"name\":\"[redacted]\"}}', now(), true) a;\n";
const READ: &str = "SELECT id, account_id, booked_on, value_on, currency, amount, counterparty, \
     description, reference FROM countersign.transactions \
     WHERE tenant_id = countersign.current_tenant() ORDER BY booked_on DESC, id DESC LIMIT 51\\; COMMIT;\n";

/// The rows of all callers, by the one call in which the server has them appended. What it tells of the
/// chain's end is what the next call goes on from.
fn append_for_all() -> String {
    let each = |what: &str| {
        format!("(SELECT array_agg({what} ORDER BY i) FROM generate_series(1, {CLIENTS}) i)")
    };
    let link = "sha256((:turn || ':' || :client_id || ':' || i)::bytea)";
    let before = "CASE i WHEN 1 THEN decode(':hash', 'hex') \
         ELSE sha256((:turn || ':' || :client_id || ':' || i - 1)::bytea) END";
    let columns = [
        "t.id",
        ":seq + i::bigint",
        "gen_random_uuid()",
        before,
        link,
        "sha256('signed')",
        "'human'::text",
        "'usr_00000000000070008000000000000001'::text",
        "'books.read'::text",
        "'Query.transactions: allowed by rule owner-reads'::text",
        "sha256('policies')",
        "'DONE'::text",
        "''::text",
        "gen_random_uuid()",
        "'192.0.2.0/24'::text",
        "'{\"fields\":[\"transactions\"],\"hidden\":0}'::text",
        "now()",
    ];
    let columns: Vec<String> = columns.into_iter().map(each).collect();
    format!(
        "\\set turn random(1, 1000000000)\n\
         SELECT a.seq, encode(a.hash, 'hex') AS hash FROM bench.tenants t, \
         LATERAL countersign.append({}) a WHERE t.n = :client_id + 1 \\gset\n",
        columns.join(", ")
    )
}

/// Scripts and how often each is chosen, and how they are sent.
struct Scripts {
    protocol: &'static str,
    each: Vec<(&'static str, String, usize)>,
}

/// Mutations of one tenant, or of a tenant for each caller. Of one, each waits for where the chain ends; the
/// server has them come in turns, and tells them.
fn mutations(is_one: bool, audited: bool) -> Scripts {
    let (tenant, end) = if is_one {
        ("1", "countersign.hold_end()")
    } else {
        (":client_id + 1", "bench.remembered_end()")
    };
    let append = if audited {
        format!("SELECT a.appended FROM {end}{APPEND}")
    } else {
        String::new()
    };
    let script = format!("\\set n {tenant}\n\\startpipeline\n{MUTATE}{append}\\endpipeline\n");
    let last = format!("{script}{FLUSH}");
    Scripts {
        protocol: "prepared",
        each: vec![("mutation", script, CLIENTS - 1), ("flushed", last, 1)],
    }
}

fn reads(audited: bool) -> Scripts {
    let read = format!("\\set n random(1, {TENANTS})\n{ENTER}{READ}");
    let each = if audited {
        let last = format!("{read}{}", append_for_all());
        vec![("read", read, CLIENTS - 1), ("recorded", last, 1)]
    } else {
        vec![("read", read, 1)]
    };
    // Several statements go in one message, and what one tells is in the text of the next.
    Scripts {
        protocol: "simple",
        each,
    }
}

/// The rates with and without, in Markdown.
pub(super) fn measure(
    settings: &AuditSettings,
    cluster: &Cluster,
    folder: &Path,
    text: &mut String,
) -> anyhow::Result<()> {
    let cases = [
        (
            "a mutation, one tenant",
            mutations(true, true),
            mutations(true, false),
        ),
        (
            "a mutation, a tenant each",
            mutations(false, true),
            mutations(false, false),
        ),
        (
            "a page of 50 read, fifty tenants",
            reads(true),
            reads(false),
        ),
    ];
    let mut rates: Vec<[Vec<u64>; 2]> = cases.iter().map(|_| Default::default()).collect();
    for _ in 0..settings.session.rounds {
        for ((_, with, without), rates) in cases.iter().zip(&mut rates) {
            for (scripts, rates) in [with, without].into_iter().zip(rates) {
                rates.push(drive(cluster, folder, scripts, settings.session.seconds)?);
            }
        }
    }
    let _ = writeln!(
        text,
        "| {CLIENTS} callers | with its row, /s | without, /s | with is |\n|---|---|---|---|"
    );
    for ((name, ..), rates) in cases.iter().zip(rates) {
        let [with, without] = rates.map(|mut rates| {
            rates.sort_unstable();
            rates.get(rates.len() / 2).copied().unwrap_or_default()
        });
        let percent = with.saturating_mul(100).checked_div(without);
        let percent = percent.unwrap_or_default();
        let _ = writeln!(text, "| {name} | {with} | {without} | {percent}% |");
    }
    Ok(())
}

fn drive(cluster: &Cluster, folder: &Path, scripts: &Scripts, seconds: u64) -> anyhow::Result<u64> {
    let mut files: Vec<(PathBuf, usize)> = Vec::new();
    for (name, script, weight) in &scripts.each {
        let file = folder.join(format!("{name}.sql"));
        fs::write(&file, script)?;
        files.push((file, *weight));
    }
    let done = floor::scripts(cluster, scripts.protocol, &files, CLIENTS, seconds)?;
    Ok(done.checked_div(seconds).unwrap_or_default())
}
