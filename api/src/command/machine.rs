//! `countersign machine`.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Subcommand;
use countersign_domain::access::Scope;
use countersign_entities::{NewMachine, OperatorError};

use super::{
    arguments::{self, UsageError},
    output,
};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MachineCommand {
    /// Let a client of the OpenID provider into a tenant, with the scopes it may have at the most
    Add {
        /// The tenant's slug
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: String,
        /// The client's id at the provider
        #[arg(long, value_parser = arguments::client)]
        client_id: String,
        /// What to call it; its client id where not given
        #[arg(long, value_parser = arguments::name)]
        name: Option<String>,
        /// What it may do at the most; may be given several times
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = arguments::scope())]
        scopes: Vec<Scope>,
    },
}

pub(super) async fn run(command: MachineCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let MachineCommand::Add {
        tenant,
        client_id,
        name,
        scopes,
    } = command;
    let name = match name {
        Some(name) => name,
        None => arguments::name(&client_id).map_err(|fault| {
            UsageError::of(format!(
                "`--client-id` does not do as a name: {fault}, by `--name`"
            ))
        })?,
    };
    let database = super::database(config).await?;
    let operator = database.operator();
    let tenant = operator.tenant(&tenant).await?;
    let new = NewMachine {
        issuer: config.oidc.issuer.clone(),
        name,
        client_id,
        scopes: scopes.into_iter().collect(),
    };
    let added = operator.add_machine(tenant.id, &new).await;
    let machine = added.map_err(|error| refusal(error, &tenant.slug, &new.client_id))?;
    output::line(&machine.to_string());
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

fn refusal(error: OperatorError, tenant: &str, client: &str) -> anyhow::Error {
    match error {
        OperatorError::Conflict(constraint) if constraint == "machines_client" => {
            anyhow!("the client `{client}` was let into `{tenant}` already")
        }
        other => other.into(),
    }
}
