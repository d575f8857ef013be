//! Measuring in turn, and what is written of it.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use anyhow::{Context, ensure};
use countersign_stand::postgres::Cluster;

use crate::{
    Settings,
    contenders::{Contender, Running},
    cpu,
    drive::{self, Driven, Load},
    floor,
    queries::Query,
    say, seed,
};

type Cell = (Query, usize, Contender);

/// One measurement.
#[derive(Debug, Clone, Default)]
struct Sample {
    per_second: u64,
    p50_micros: u64,
    p99_micros: u64,
    server_micros: Option<u64>,
    database_micros: Option<u64>,
    load_micros: Option<u64>,
}

/// Every measurement of every cell, and the most memory that each contender was seen with.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    samples: BTreeMap<Cell, Vec<Sample>>,
    memory: BTreeMap<Contender, u64>,
}

/// Drives each contender in turn, as many rounds as the settings say, after one that warms up.
pub(crate) fn measure(
    settings: &Settings,
    cluster: &Cluster,
    running: &[Running],
) -> anyhow::Result<Measured> {
    let postmaster = cluster.id().context("PostgreSQL does not run")?;
    let mut measured = Measured::default();
    // Names that mutations make are new in this run, and there are none of another.
    let mut from: usize = 1;
    for round in 0..=settings.session.rounds {
        for connections in &settings.connections {
            seed::tidy(cluster)?;
            for query in &settings.queries {
                for one in running {
                    let pid = one
                        .process
                        .as_ref()
                        .map(countersign_stand::process::Process::id);
                    let seconds = if round == 0 {
                        1
                    } else {
                        settings.session.seconds
                    };
                    let before = (pid.and_then(cpu::micros), cpu::below(postmaster));
                    let driven = if one.contender == Contender::Pgbench {
                        floor::drive(cluster, *query, *connections, seconds)?
                    } else {
                        drive::drive(&Load {
                            port: one.port,
                            connections: *connections,
                            millis: seconds.saturating_mul(1_000),
                            from,
                            exchanges: one.exchanges(*query),
                        })?
                    };
                    let after = (pid.and_then(cpu::micros), cpu::below(postmaster));
                    from = from
                        .saturating_add(usize::try_from(driven.done)?)
                        .saturating_add(*connections);
                    let place = format!("{} {} at {connections}", one.contender, query.name());
                    ensure!(driven.failed == 0, "{place}: {:?}", driven.fault);
                    if round > 0 {
                        let sample = sample(&driven, &before, &after);
                        say(&format!("{round} {place}: {} a second", sample.per_second));
                        let cell = (*query, *connections, one.contender);
                        measured.samples.entry(cell).or_default().push(sample);
                    }
                    if let Some(memory) = pid.and_then(cpu::memory) {
                        let most = measured.memory.entry(one.contender).or_default();
                        *most = memory.max(*most);
                    }
                }
            }
        }
    }
    Ok(measured)
}

/// Of the server, and of PostgreSQL's processes.
type Used = (Option<u64>, BTreeMap<u32, u64>);

fn sample(driven: &Driven, before: &Used, after: &Used) -> Sample {
    let each = |used: u64| used.checked_div(driven.done);
    let server = after.0.zip(before.0);
    let server = server.and_then(|(after, before)| after.checked_sub(before));
    Sample {
        per_second: driven.done.saturating_mul(1_000_000) / driven.micros.max(1),
        p50_micros: driven.p50_micros,
        p99_micros: driven.p99_micros,
        server_micros: server.and_then(each),
        database_micros: each(cpu::between(&before.1, &after.1)).filter(|micros| *micros > 0),
        load_micros: driven.own_micros.and_then(each),
    }
}

/// The middle one of them.
pub(crate) fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// The tables, in Markdown.
pub(crate) fn text(settings: &Settings, measured: &Measured) -> String {
    let mut text = format!(
        "Medians of {} interleaved rounds of {} s. Times are microseconds of processor time for each \
         request, of the server, of PostgreSQL and of the load; the last column is this server's rate \
         over that of the row.\n",
        settings.session.rounds, settings.session.seconds
    );
    for query in &settings.queries {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n### {}\n\n| contender | connections | requests/s | p50 ms | p99 ms | server us | \
             PostgreSQL us | load us | Countersign is |\n|---|---|---|---|---|---|---|---|---|\n",
            title(*query)
        );
        for connections in &settings.connections {
            let rate = |contender| {
                let samples = measured.samples.get(&(*query, *connections, contender))?;
                median(samples.iter().map(|sample| sample.per_second))
            };
            let own = rate(Contender::Countersign);
            for contender in &settings.contenders {
                let cell = (*query, *connections, *contender);
                let (Some(samples), Some(rate)) = (measured.samples.get(&cell), rate(*contender))
                else {
                    continue;
                };
                let of = |get: fn(&Sample) -> Option<u64>| {
                    let all: Option<Vec<u64>> = samples.iter().map(get).collect();
                    all.and_then(|all| median(all.into_iter()))
                };
                let plain = |value: Option<u64>| value.map(|v| v.to_string()).unwrap_or_default();
                let millis = |value: Option<u64>| match value {
                    Some(0) | None => String::new(),
                    Some(v) => tenths(v / 100),
                };
                let ratio = own.filter(|_| *contender != Contender::Countersign);
                let ratio = ratio.and_then(|own| own.saturating_mul(10).checked_div(rate));
                let _ = writeln!(
                    text,
                    "| {contender} | {connections} | {rate} | {} | {} | {} | {} | {} | {} |",
                    millis(of(|s| Some(s.p50_micros))),
                    millis(of(|s| Some(s.p99_micros))),
                    plain(of(|s| s.server_micros)),
                    plain(of(|s| s.database_micros)),
                    plain(of(|s| s.load_micros)),
                    ratio.map_or(String::new(), |ratio| format!("{}x", tenths(ratio))),
                );
            }
        }
    }
    let _ = writeln!(text, "\nMost memory seen:");
    for (contender, memory) in &measured.memory {
        let _ = writeln!(text, "- {contender}: {memory} MiB");
    }
    text
}

fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

const fn title(query: Query) -> &'static str {
    match query {
        Query::Q1 => "Q1: a page of 50 transactions, account and category nested",
        Query::Q2 => "Q2: one transaction by id",
        Query::Q3 => "Q3: a page of 500",
        Query::M1 => "M1: an insert with its audit row",
    }
}

/// The marks of the part that compares contenders.
pub(crate) const MEASURED: [&str; 2] = ["<!-- measured -->\n", "<!-- end of measured -->"];
/// Those of the part that is about the audit log.
pub(crate) const AUDIT: [&str; 2] = ["<!-- audit -->\n", "<!-- end of audit -->"];

/// Puts the text between its marks in the README.
pub(crate) fn keep(readme: &Path, [begin, end]: [&str; 2], text: &str) -> anyhow::Result<()> {
    let old = fs::read_to_string(readme)?;
    let (before, rest) = old
        .split_once(begin)
        .context("the README has no place for it")?;
    let (_, after) = rest
        .split_once(end)
        .context("the place in the README has no end")?;
    Ok(fs::write(
        readme,
        format!("{before}{begin}\n{text}\n{end}{after}"),
    )?)
}
