//! `countersign policy reload`: has the running servers read their policies again.

use std::{collections::BTreeSet, net::Ipv4Addr, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use reqwest::{Client, redirect};
use serde_json::Value;

use super::super::{arguments, output};
use crate::{
    config::{Config, ConfigError},
    http::management::OPERATOR,
};

/// Reading and checking them takes a moment.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Which servers, by whose word.
#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// Who says so, as the audit log of the operator will have it: 1 to 64 letters, digits or `._@-`
    #[arg(long, value_name = "NAME", env = "USER", value_parser = arguments::operator)]
    by: String,
    /// The management port of a replica, one for each; the one that is configured where none is named
    #[arg(long, value_name = "HOST:PORT", value_parser = arguments::host_and_port)]
    at: Vec<String>,
}

/// Tells each replica, and fails where one refuses, does not answer, or comes to other policies than the others.
pub(super) async fn run(arguments: &ReloadArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let replicas = match &arguments.at[..] {
        [] => vec![configured(config)?],
        named => named.to_vec(),
    };
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()?;
    let mut serving = BTreeSet::new();
    let mut all_did = true;
    for replica in &replicas {
        match tell(&client, replica, &arguments.by).await {
            Ok(Told { from, to }) => {
                let at = if replicas.len() > 1 {
                    format!("{replica}: ")
                } else {
                    String::new()
                };
                output::line(&if from == to {
                    format!("{at}the policies are what they were: {to}")
                } else {
                    format!("{at}{to} serve instead of {from}")
                });
                serving.insert(to);
            }
            Err(error) => {
                output::error(&format!("{error:#}"));
                all_did = false;
            }
        }
    }
    if serving.len() > 1 {
        let all: Vec<_> = serving.iter().map(String::as_str).collect();
        let all = all.join(", ");
        output::error(&format!(
            "the replicas do not serve the same policies: {all}"
        ));
    }
    Ok(if all_did && serving.len() == 1 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The management port of the configuration, on this machine.
fn configured(config: &Config) -> Result<String, ConfigError> {
    let unset = || {
        ConfigError::Value {
        key: "http.management_listen",
        fault: "is missing: the server has no port for operators. Send it SIGHUP instead, or name its port by `--at`"
            .to_owned(),
    }
    };
    let mut address = config.http.management_listen.ok_or_else(unset)?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(address.to_string())
}

/// What a replica did.
struct Told {
    from: String,
    to: String,
}

async fn tell(client: &Client, replica: &str, by: &str) -> anyhow::Result<Told> {
    let url = format!("http://{replica}/policies/reload");
    let answer = client.post(&url).header(OPERATOR, by).send().await;
    let answer = answer.with_context(|| format!("no server answers at `{replica}`"))?;
    let status = answer.status();
    let told: Value = answer.json().await.context("the answer is none")?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(
        status.is_success(),
        "{replica}: {}: the policies stay what they are. {}",
        text("code"),
        text("detail")
    );
    Ok(Told {
        from: text("from").to_owned(),
        to: text("to").to_owned(),
    })
}
