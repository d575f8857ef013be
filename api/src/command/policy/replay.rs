//! `countersign policy replay`: what of the last days' requests would be decided otherwise.

use std::{process::ExitCode, time::Instant};

use anyhow::Context;
use chrono::Days;
use clap::Args;
use countersign_domain::id::TenantId;
use countersign_entities::{Clock, SystemClock};
use countersign_policies::{Engine, replay::Replay};

use super::{
    super::{arguments, output},
    engine_of,
};
use crate::{
    config::Config,
    policies::PolicyFolder,
    replay::{self, Asking},
};

/// Something would be decided otherwise.
const CHANGES: u8 = 3;

/// Which requests, and by which policies.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Requests of the last so many days
    #[arg(long, value_parser = arguments::days, allow_negative_numbers = true)]
    days: u64,
    /// The slug of one tenant; every tenant where not given
    #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
    tenant: Option<String>,
    /// The policies that are proposed: a folder, or a revision of git
    #[arg(long, value_name = "FOLDER|REV")]
    with: String,
    /// Policies that decided requests of those days, beside those that the configuration names: a folder, or
    /// a revision of git
    #[arg(long, value_name = "FOLDER|REV")]
    old: Vec<String>,
    /// Who asks, as the audit log of each tenant will have it: 1 to 64 letters, digits or `._@-`
    #[arg(long, value_name = "NAME", env = "USER", value_parser = arguments::operator)]
    by: String,
    /// Print the report as JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Exit codes: 0 nothing would be decided otherwise, 3 something would, 1 rows contradict the policies that
/// decided them, or it failed.
pub(super) async fn run(arguments: &ReplayArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let proposed = engine_of(&arguments.with)?;
    let mut deciding = vec![serving(config)?];
    for source in &arguments.old {
        deciding.push(engine_of(source)?);
    }
    let mut replay = Replay::new(deciding, proposed);
    let database = super::super::database(config).await?;
    let operator = database.operator();
    let tenants: Vec<TenantId> = if let Some(slug) = &arguments.tenant {
        vec![operator.tenant(slug).await?.id]
    } else {
        let all = operator.tenants().await?;
        all.into_iter().map(|tenant| tenant.id).collect()
    };
    let to = SystemClock.now();
    let from = to.checked_sub_days(Days::new(arguments.days));
    let begun = Instant::now();
    let asking = Asking {
        tenants: &tenants,
        from: from.context("there are no such days")?,
        to,
        by: &arguments.by,
    };
    let report = replay::run(&operator, asking, &mut replay).await?;
    database.close().await;
    let seconds = begun.elapsed();
    if arguments.json {
        let mut told = report.json();
        if let Some(told) = told.as_object_mut() {
            let milliseconds = u64::try_from(seconds.as_millis())?;
            told.insert("milliseconds".to_owned(), milliseconds.into());
        }
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        for line in report.lines() {
            output::line(&line);
        }
        output::line(&format!("{} ms", seconds.as_millis()));
    }
    Ok(if report.contradicting.0 > 0 {
        ExitCode::FAILURE
    } else if report.changes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CHANGES)
    })
}

/// Those that a server of this configuration decides by.
fn serving(config: &Config) -> anyhow::Result<Engine> {
    Ok(match &config.policies.folder {
        Some(folder) => PolicyFolder::read(folder)?.engine()?,
        None => Engine::embedded()?,
    })
}
