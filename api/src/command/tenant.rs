//! `countersign tenant`.

use std::process::ExitCode;

use clap::Subcommand;
use countersign_entities::NewTenant;

use super::output;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant, with its audit key and the first row of its chain
    Create {
        /// Its name in addresses: lower-case letters, digits and hyphens
        #[arg(long)]
        slug: String,
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// List the tenants by name; their books stay closed
    List,
}

pub(super) async fn run(command: TenantCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let database = super::database(config).await?;
    match command {
        TenantCommand::Create { slug, name } => {
            let tenant = database
                .operator()
                .create_tenant(&NewTenant { slug, name })
                .await?;
            output::line(&tenant.to_string());
        }
        TenantCommand::List => {
            for tenant in database.operator().tenants().await? {
                output::line(&format!("{}\t{}\t{}", tenant.id, tenant.slug, tenant.name));
            }
        }
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}
