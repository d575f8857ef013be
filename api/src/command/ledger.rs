//! `countersign ledger`.

use std::process::ExitCode;

use clap::Subcommand;
use countersign_entities::LedgerFault;

use super::output;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Check the audit chains: links, content, signatures, and that nothing is cut off
    Verify {
        /// The slug of one tenant; every tenant where not given
        #[arg(long)]
        tenant: Option<String>,
        /// The first row to check, from 1
        #[arg(long)]
        from: Option<i64>,
        /// The last row to check
        #[arg(long)]
        to: Option<i64>,
    },
}

pub(super) async fn run(command: LedgerCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let LedgerCommand::Verify { tenant, from, to } = command;
    let database = super::database(config).await?;
    let operator = database.operator();
    let tenants = match tenant {
        Some(slug) => vec![operator.tenant(&slug).await?],
        None => operator.tenants().await?,
    };
    let mut whole = true;
    for tenant in tenants {
        match operator.verify_ledger(tenant.id, from, to).await {
            Ok(report) => output::line(&format!(
                "{}: {} rows verify, the last is {} with hash {}",
                tenant.slug,
                report.verified,
                report.last.seq,
                hex::encode(report.last.hash)
            )),
            Err(LedgerFault::Store(error)) => return Err(error.into()),
            Err(fault) => {
                whole = false;
                output::line(&format!("{}: FAULT: {fault}", tenant.slug));
            }
        }
    }
    database.close().await;
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
