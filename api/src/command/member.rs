//! `countersign member`.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Subcommand;
use countersign_domain::access::{Capability, Role};
use countersign_entities::{MemberRole, NewMember, OperatorError};

use super::{arguments, output};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MemberCommand {
    /// Let a person into a tenant; they sign in with that address at the OpenID provider
    Add {
        /// The tenant's slug
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: String,
        /// The address that the provider has verified
        #[arg(long, value_parser = arguments::email)]
        email: String,
        /// What to call them until they have signed in
        #[arg(long, value_parser = arguments::person)]
        name: String,
        /// owner, admin, manager, accountant, worker, family or auditor, or the name of a role that the
        /// tenant made itself
        #[arg(long, value_parser = arguments::role)]
        role: MemberRole,
        /// A permission beside the role; may be given several times
        #[arg(long = "capability", value_name = "CAPABILITY", value_parser = arguments::capability())]
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
    let added = operator.add_member(tenant.id, &new).await;
    let (member, _) = added.map_err(|error| refusal(error, &tenant.slug, &new.email))?;
    output::line(&member.to_string());
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

fn refusal(error: OperatorError, tenant: &str, email: &str) -> anyhow::Error {
    match error {
        OperatorError::Conflict(constraint) if constraint == "memberships_once" => anyhow!(
            "`{email}` is a member of `{tenant}` already: what they may do is changed in the app, by those who may"
        ),
        OperatorError::UnknownRole(name) => {
            let built_in: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            anyhow!(
                "`{tenant}` has made no role called `{name}`, and none of that name is built in: those are {}",
                built_in.join(", ")
            )
        }
        other => other.into(),
    }
}
