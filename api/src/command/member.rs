//! `countersign member`.

use std::process::ExitCode;

use clap::Subcommand;
use countersign_domain::access::Capability;
use countersign_entities::{MemberRole, NewMember};

use super::output;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MemberCommand {
    /// Let a person into a tenant; they sign in with that address at the OpenID provider
    Add {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// The address that the provider has verified
        #[arg(long)]
        email: String,
        /// What to call them until they have signed in
        #[arg(long)]
        name: String,
        /// owner, admin, manager, accountant, worker, family or auditor, or the name of a role that the
        /// tenant made itself
        #[arg(long)]
        role: MemberRole,
        /// A permission beside the role, such as `read.financial`; may be given several times
        #[arg(long = "capability")]
        capabilities: Vec<Capability>,
    },
}

pub(super) async fn run(command: MemberCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let MemberCommand::Add {
        tenant,
        email,
        name,
        role,
        capabilities,
    } = command;
    let database = super::database(config).await?;
    let operator = database.operator();
    let tenant = operator.tenant(&tenant).await?;
    let new = NewMember {
        email,
        name,
        role,
        capabilities: capabilities.into_iter().collect(),
    };
    let (member, _) = operator.add_member(tenant.id, &new).await?;
    output::line(&member.to_string());
    database.close().await;
    Ok(ExitCode::SUCCESS)
}
