//! `countersign policy reload`: has the running server read its policies again.

use std::{net::Ipv4Addr, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use reqwest::redirect;
use serde_json::Value;

use super::super::output;
use crate::{config::Config, http::management::OPERATOR};

/// Reading and checking them takes a moment.
const TIMEOUT: Duration = Duration::from_mins(1);

/// By whose word.
#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// Who says so, as the audit log of the operator will have it
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
}

pub(super) async fn run(arguments: &ReloadArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let mut address = config.http.management_listen.context(
        "the server has no port for operators: set `http.management_listen`, or send it SIGHUP",
    )?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()?;
    let url = format!("http://{address}/policies/reload");
    let answer = client
        .post(&url)
        .header(OPERATOR, &arguments.by)
        .send()
        .await;
    let answer = answer.with_context(|| format!("no server answers at `{address}`"))?;
    let status = answer.status();
    let told: Value = answer.json().await.context("the answer is none")?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    if !status.is_success() {
        output::error(&format!(
            "{}: the policies stay what they are. {}",
            text("code"),
            text("detail")
        ));
        return Ok(ExitCode::FAILURE);
    }
    let (from, to) = (text("from"), text("to"));
    output::line(&if from == to {
        format!("the policies are what they were: {to}")
    } else {
        format!("{to} serve instead of {from}")
    });
    Ok(ExitCode::SUCCESS)
}
