//! What the row in the log costs a mutation, in PostgreSQL, and a read.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use countersign_stand::postgres::Cluster;

use super::{AuditSettings, reads::Reads};
use crate::{floor, report};

/// Callers at once.
pub(super) const CALLERS: usize = 16;

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
/// Scripts and how often each is chosen.
type Scripts = Vec<(&'static str, String, usize)>;

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
    vec![("mutation", script, CALLERS - 1), ("flushed", last, 1)]
}

/// Pages, or mutations, a second.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) with: u64,
    pub(super) without: u64,
}

/// The rates with and without, in Markdown.
pub(super) fn measure(
    settings: &AuditSettings,
    cluster: &Cluster,
    folder: &Path,
    text: &mut String,
) -> anyhow::Result<()> {
    let reads = Reads::new(cluster)?;
    let seconds = settings.session.seconds;
    let mutate = |is_one| {
        let drive = |audited| drive(cluster, folder, &mutations(is_one, audited), seconds);
        anyhow::Ok(Rates {
            with: drive(true)?,
            without: drive(false)?,
        })
    };
    let mut rates: [Vec<Rates>; 3] = Default::default();
    // The first round warms up.
    for round in 0..=settings.session.rounds {
        let measured = [mutate(true)?, mutate(false)?, reads.measure(seconds)?];
        if round > 0 {
            rates
                .iter_mut()
                .zip(measured)
                .for_each(|(all, one)| all.push(one));
        }
    }
    let names = [
        "a mutation, one tenant",
        "a mutation, a tenant each",
        "a page of 50 read, fifty tenants",
    ];
    let _ = writeln!(
        text,
        "| {CALLERS} callers | with its row, /s | without, /s | with is |\n|---|---|---|---|"
    );
    for (name, rates) in names.into_iter().zip(rates) {
        let median = |rate: fn(&Rates) -> u64| report::median(rates.iter().map(rate));
        let (with, without) = (median(|rates| rates.with), median(|rates| rates.without));
        let (with, without) = (with.unwrap_or_default(), without.unwrap_or_default());
        let percent = with.saturating_mul(100).checked_div(without);
        let percent = percent.unwrap_or_default();
        let _ = writeln!(text, "| {name} | {with} | {without} | {percent}% |");
    }
    Ok(())
}

fn drive(cluster: &Cluster, folder: &Path, scripts: &Scripts, seconds: u64) -> anyhow::Result<u64> {
    let mut files: Vec<(PathBuf, usize)> = Vec::new();
    for (name, script, weight) in scripts {
        let file = folder.join(format!("{name}.sql"));
        fs::write(&file, script)?;
        files.push((file, *weight));
    }
    let done = floor::scripts(cluster, &files, CALLERS, seconds)?;
    Ok(done.checked_div(seconds).unwrap_or_default())
}
