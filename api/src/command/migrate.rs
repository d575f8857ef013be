//! `countersign migrate`.

use std::process::ExitCode;

use anyhow::Context;
use countersign_migrations::RolePasswords;

use super::output;
use crate::config::{Config, ConfigError};

#[derive(Debug, clap::Args)]
pub(super) struct MigrateArgs {
    /// Give the roles the passwords of `database.entry_url` and `database.books_url`, though they exist:
    /// whoever connects by others comes in no more
    #[arg(long)]
    set_passwords: bool,
    /// Make the roles alone, with their passwords, and no schema: for a database that a backup is restored to
    #[arg(long)]
    roles: bool,
}

pub(super) async fn run(arguments: &MigrateArgs, config: Config) -> anyhow::Result<ExitCode> {
    let database = &config.database;
    let owner = database
        .owner_url
        .as_ref()
        .ok_or_else(|| ConfigError::Value {
            key: "database.owner_url",
            fault: "is missing: migrations connect by it".to_owned(),
        })?;
    let passwords = RolePasswords {
        renew: arguments.set_passwords,
        ..RolePasswords::from_urls(&database.entry_url, &database.books_url)?
    };
    if arguments.roles {
        let given = countersign_migrations::make_roles(owner, passwords).await?;
        tell_passwords(&given);
        output::line("the roles are there");
        return Ok(ExitCode::SUCCESS);
    }
    let report = countersign_migrations::migrate(owner, passwords).await?;
    for name in &report.applied {
        output::line(&format!("applied {name}"));
    }
    tell_passwords(&report.passwords);
    let database = super::database(&config).await?;
    database.operator().open_own_ledger().await.context(
        "if PostgreSQL refuses a role's password: `migrate --set-passwords` gives the roles that exist those of \
         `database.entry_url` and `database.books_url`",
    )?;
    database.close().await;
    output::line(&format!("the database is at version {}", report.version));
    Ok(ExitCode::SUCCESS)
}

fn tell_passwords(roles: &[&str]) {
    for role in roles {
        output::line(&format!("set the password of {role}"));
    }
}
