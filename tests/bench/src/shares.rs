//! What an answer of this server's is made of, by its own `Server-Timing`: one request after the other,
//! with nobody else asking.

use std::fmt::Write;

use anyhow::Context;

use crate::{
    Settings,
    contenders::{Contender, Running},
    drive::Exchange,
    queries::Query,
};

/// How many answers are looked at.
const ANSWERS: usize = 400;
/// How many before that are not.
const WARM: usize = 100;
/// The parts, in the order in which they happen.
const PARTS: [&str; 4] = ["entrance", "authorization", "data", "audit"];

/// The shares of the queries that are measured, in Markdown.
pub(crate) fn text(settings: &Settings, running: &[Running]) -> anyhow::Result<String> {
    let mut text = format!(
        "\n### What an answer is made of\n\nMedians in microseconds of {ANSWERS} answers, one after the other; \
         the entrance of a caller who was let in a moment ago comes with the data.\n\n\
         | query | entrance | authorization | data | audit | authorization is | audit is |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let own = running
        .iter()
        .find(|one| one.contender == Contender::Countersign);
    for query in &settings.queries {
        let Some(own) = own.filter(|_| *query != Query::M1) else {
            continue;
        };
        let medians = medians(own, *query)?;
        let whole: u64 = medians.iter().sum();
        let share = |of: u64| {
            let tenths = of
                .saturating_mul(1_000)
                .checked_div(whole)
                .unwrap_or_default();
            format!("{}.{}%", tenths / 10, tenths % 10)
        };
        let [entrance, authorization, data, audit] = medians;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {entrance} | {authorization} | {data} | {audit} | {} | {} |",
            query.name(),
            share(authorization),
            share(audit)
        );
    }
    Ok(text)
}

fn medians(own: &Running, query: Query) -> anyhow::Result<[u64; 4]> {
    let agent = ureq::Agent::new_with_defaults();
    let mut parts: [Vec<u64>; 4] = Default::default();
    let exchanges = own.exchanges(query);
    for (n, exchange) in exchanges.iter().cycle().take(WARM + ANSWERS).enumerate() {
        let told = ask(&agent, own.port, exchange)?;
        if n >= WARM {
            for (part, name) in parts.iter_mut().zip(PARTS) {
                part.push(micros(&told, name).with_context(|| told.clone())?);
            }
        }
    }
    Ok(parts.map(|mut part| {
        part.sort_unstable();
        part.get(part.len() / 2).copied().unwrap_or_default()
    }))
}

fn ask(agent: &ureq::Agent, port: u16, exchange: &Exchange) -> anyhow::Result<String> {
    let mut answer = agent
        .post(format!("http://127.0.0.1:{port}{}", exchange.path))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header(&exchange.header, &exchange.value)
        .send(&exchange.body)?;
    answer.body_mut().read_to_vec()?;
    let told = answer.headers().get("server-timing");
    let told = told.context("the answer does not say what it is made of")?;
    Ok(told.to_str()?.to_owned())
}

/// `name;dur=1.234` in microseconds.
fn micros(told: &str, name: &str) -> Option<u64> {
    let mut parts = told.split(", ");
    let part = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix(";dur="))?;
    let (whole, rest) = part.split_once('.')?;
    let whole: u64 = whole.parse().ok()?;
    Some(
        whole
            .saturating_mul(1_000)
            .saturating_add(rest.parse().ok()?),
    )
}
