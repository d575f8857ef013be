//! Whether all contenders give the same answers, before any of them is driven.

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::{
    Settings,
    contenders::{Contender, Running},
    queries::Query,
    say,
};

/// One row, in a form that all contenders have.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: String,
    amount: String,
    texts: Vec<String>,
    account: String,
    category: String,
}

/// Compares the pages and rows of the first tenants.
pub(crate) fn compare(settings: &Settings, running: &[Running]) -> anyhow::Result<()> {
    let servers = running
        .iter()
        .filter(|one| one.contender != Contender::Pgbench);
    let servers: Vec<_> = servers.collect();
    for query in &settings.queries {
        if *query == Query::M1 {
            continue;
        }
        for turn in 0..3 {
            let mut first: Option<(Contender, Vec<Row>)> = None;
            for server in &servers {
                let rows = rows(server, *query, turn)
                    .with_context(|| format!("{} at {}", server.contender, query.name()))?;
                ensure!(
                    rows.len() == query.rows(),
                    "{} gives {} rows for {}",
                    server.contender,
                    rows.len(),
                    query.name()
                );
                match &first {
                    None => first = Some((server.contender, rows)),
                    Some((other, expected)) if *expected != rows => {
                        bail!(
                            "{other} and {} differ in {}",
                            server.contender,
                            query.name()
                        )
                    }
                    Some(_) => {}
                }
            }
        }
    }
    say("all contenders give the same answers");
    Ok(())
}

fn rows(server: &Running, query: Query, turn: usize) -> anyhow::Result<Vec<Row>> {
    let exchanges = server.exchanges(query);
    let exchange = exchanges.get(turn).context("no such tenant")?;
    let mut answer = ureq::post(format!("http://127.0.0.1:{}{}", server.port, exchange.path))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header(&exchange.header, &exchange.value)
        .config()
        .http_status_as_error(false)
        .build()
        .send(&exchange.body)?;
    let text = answer.body_mut().read_to_string()?;
    let answer: Value = serde_json::from_str(&text)?;
    let shown: String = text.chars().take(600).collect();
    ensure!(answer.get("errors").is_none(), "{shown}");
    let data = answer.get("data").and_then(Value::as_object);
    let root = data
        .and_then(|data| data.values().next())
        .with_context(|| shown.clone())?;
    let list = root.get("nodes").unwrap_or(root);
    match list {
        Value::Array(items) => Ok(items.iter().map(row).collect()),
        one @ Value::Object(_) => Ok(vec![row(one)]),
        _ => bail!("{shown}"),
    }
}

fn row(value: &Value) -> Row {
    let text = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let name = |name: &str| {
        let inner = value.get(name).and_then(|inner| inner.get("name"));
        inner.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let texts = [
        "bookedOn",
        "valueOn",
        "currency",
        "magnitude",
        "counterparty",
        "description",
        "reference",
    ];
    Row {
        id: id(value),
        amount: amount(&text("amount")),
        texts: texts.iter().map(|name| text(name)).collect(),
        account: name("account"),
        category: name("category"),
    }
}

/// The UUID's digits: each contender writes ids in its own way.
fn id(value: &Value) -> String {
    let id = value.get("rowId").or_else(|| value.get("id"));
    let id = id.and_then(Value::as_str).unwrap_or_default();
    let id = id.rsplit('_').next().unwrap_or(id);
    id.replace('-', "")
}

/// Without the zeros at its end.
fn amount(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}
