//! `countersign migrate`.

use std::process::ExitCode;

use countersign_migrations::RolePasswords;

use super::output;
use crate::config::{Config, ConfigError};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let database = &config.database;
    let owner = database
        .owner_url
        .as_ref()
        .ok_or_else(|| ConfigError::Value {
            key: "database.owner_url",
            fault: "is missing: migrations connect by it".to_owned(),
        })?;
    let passwords = RolePasswords::from_urls(&database.entry_url, &database.books_url)?;
    let report = countersign_migrations::migrate(owner, passwords).await?;
    for name in &report.applied {
        output::line(&format!("applied {name}"));
    }
    let database = super::database(&config).await?;
    database.operator().open_own_ledger().await?;
    database.close().await;
    output::line(&format!("the database is at version {}", report.version));
    Ok(ExitCode::SUCCESS)
}
