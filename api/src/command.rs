//! The commands of the `countersign` binary.
//!
//! Exit codes: 0 done, 1 failed, 2 the command line or the configuration is not usable.

mod backup;
mod doctor;
pub mod generate;
pub mod import;
mod keys;
pub mod ledger;
mod machine;
mod member;
mod migrate;
mod output;
mod policy;
mod serve;
mod tenant;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use countersign_entities::{Clock, Database, SystemClock, SystemIds};

use crate::{
    aws::Machine,
    config::{Config, ConfigError},
    kms,
};

/// A GraphQL backend-for-frontend with a policy engine for companies' books.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
pub struct Cli {
    /// The configuration file; `countersign.toml` where there is one, else the environment alone
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the product until told to stop
    Serve,
    /// Bring the database to the newest shape; makes the roles that are missing, with their passwords
    Migrate(migrate::MigrateArgs),
    /// Look for what keeps the product from running well, and say what to do about it
    Doctor,
    /// Tenants, for the operator
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Members of a tenant, for the operator: the first owner of a tenant comes in this way
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// Machines of a tenant that come with client-credentials tokens, for the operator
    #[command(subcommand)]
    Machine(machine::MachineCommand),
    /// Import a bank statement through a running server
    Import(Box<import::ImportArgs>),
    /// The policies: who may what, why, and what a change comes to
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The audit ledger
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// The keys of tenants: what there is, rotation, destruction
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Backups, encrypted to a key whose secret half is elsewhere
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Write the files that are derived from the code: SDL, role matrix, example configuration
    Generate(generate::GenerateArgs),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match actix_web::rt::System::new().block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(error) => {
            output::error(&format!("{error:#}"));
            let usage = error.downcast_ref::<ConfigError>().is_some();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Runs one command.
pub async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = || Config::load(cli.config.as_deref());
    match cli.command {
        Command::Serve => serve::run(config()?).await,
        Command::Migrate(arguments) => migrate::run(&arguments, config()?).await,
        Command::Doctor => doctor::run(config()?).await,
        Command::Tenant(command) => tenant::run(command, &config()?).await,
        Command::Member(command) => member::run(command, &config()?).await,
        Command::Machine(command) => machine::run(command, &config()?).await,
        Command::Import(arguments) => import::run(*arguments).await,
        Command::Policy(command) => policy::run(&command, config).await,
        Command::Ledger(command) => ledger::run(command, config).await,
        Command::Keys(command) => keys::run(command, &config()?).await,
        Command::Backup(command) => backup::run(command, config).await,
        Command::Generate(arguments) => generate::run(&arguments),
    }
}

/// The storage floor, for the operator's commands.
async fn database(config: &Config) -> anyhow::Result<Database> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let machine = Machine::new(&config.aws, &clock);
    let keys = kms::ring(&config.keys, &machine, &clock)?;
    Ok(Database::connect(config.storage(), keys, clock, Arc::new(SystemIds)).await?)
}
