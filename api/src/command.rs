//! The commands of the `countersign` binary.
//!
//! Exit codes: 0 done, 1 failed, 2 the command line or the configuration is not usable; a command that has others
//! says so in its help. Results are on standard output, faults on standard error.

mod arguments;
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

use self::arguments::UsageError;
use crate::{
    aws::Machine,
    causes::with_causes,
    config::{Config, ConfigError},
    kms,
};

const AFTER: &str = "\
A new installation: write `countersign.toml` (`docker/countersign.example.toml` says a sentence about each key), then
  countersign migrate
  countersign tenant create --slug acme --name \"Acme Ltd\"
  countersign member add --tenant acme --email you@acme.example --name You --role owner
  countersign doctor
  countersign serve

Exit codes: 0 done, 1 failed, 2 the command line or the configuration is not usable.";

/// A GraphQL backend-for-frontend with a policy engine for companies' books.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = AFTER)]
pub struct Cli {
    /// The configuration file; `countersign.toml` of this folder where not given, if there is one. Variables such as
    /// `COUNTERSIGN__DATABASE__BOOKS_URL` come before what it says
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the product, until SIGTERM or Ctrl-C
    Serve,
    /// Bring the database of `database.owner_url` to the shape of this version; makes the roles that are missing, with
    /// their passwords
    Migrate(migrate::MigrateArgs),
    /// Look for what keeps the product from running well, and say what to do about it; exit code 1 where there is something
    Doctor,
    /// Make and list tenants
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Let people into a tenant: its first owner comes in this way
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// Let machines into a tenant that come with client-credentials tokens
    #[command(subcommand)]
    Machine(machine::MachineCommand),
    /// Import a bank statement through a running server: camt.053, camt.052, OFX, MT940, or CSV with a mapping
    ///
    /// The API token is read from the environment variable `COUNTERSIGN_TOKEN`. It needs the scopes
    /// `statements:import`, `basic:read` and `financial:read`. No configuration is needed.
    Import(Box<import::ImportArgs>),
    /// Ask the policies who may what and why, and what a change of them comes to; prove, reload and replay them
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Verify, prove and export the audit logs
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Tell, rotate and destroy the keys of tenants
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make, open and check backups, encrypted to a key whose secret half is elsewhere
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// For whoever works on the product: write the files that are derived from its code
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
            output::error(&with_causes(error.as_ref()));
            let usage = error.is::<ConfigError>() || error.is::<UsageError>();
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
