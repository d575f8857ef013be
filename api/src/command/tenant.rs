//! `countersign tenant`.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Subcommand;
use countersign_entities::{NewTenant, OperatorError};

use super::{arguments, output};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant, with its audit key and the first row of its chain
    Create {
        /// Its name in addresses and commands: 2 to 40 lower-case letters, digits and hyphens
        #[arg(long, value_parser = arguments::slug)]
        slug: String,
        /// What people call it: 1 to 100 characters
        #[arg(long, value_parser = arguments::name)]
        name: String,
    },
    /// List the tenants by name; their books stay closed
    List,
}

pub(super) async fn run(command: TenantCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let database = super::database(config).await?;
    match command {
        TenantCommand::Create { slug, name } => {
            let new = NewTenant { slug, name };
            let made = database.operator().create_tenant(&new).await;
            output::line(&made.map_err(|error| refusal(error, &new))?.to_string());
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

fn refusal(error: OperatorError, new: &NewTenant) -> anyhow::Error {
    match error {
        OperatorError::Conflict(constraint) if constraint == "tenants_slug" => anyhow!(
            "a tenant is called `{}` already: `countersign tenant list` has them all",
            new.slug
        ),
        other => other.into(),
    }
}
