//! `countersign machine`.

use std::process::ExitCode;

use clap::Subcommand;
use countersign_domain::access::Scope;
use countersign_entities::NewMachine;

use super::output;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MachineCommand {
    /// Let a client of the OpenID provider into a tenant, with the scopes it may have at the most
    Add {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// The client's id at the provider
        #[arg(long)]
        client_id: String,
        /// What to call it; its client id where not given
        #[arg(long)]
        name: Option<String>,
        /// A scope, such as `basic:read`; may be given several times
        #[arg(long = "scope", required = true)]
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
    let database = super::database(config).await?;
    let operator = database.operator();
    let tenant = operator.tenant(&tenant).await?;
    let new = NewMachine {
        issuer: config.oidc.issuer.clone(),
        name: name.unwrap_or_else(|| client_id.clone()),
        client_id,
        scopes: scopes.into_iter().collect(),
    };
    output::line(&operator.add_machine(tenant.id, &new).await?.to_string());
    database.close().await;
    Ok(ExitCode::SUCCESS)
}
