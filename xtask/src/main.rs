//! The project's commands: `cargo demo`, `cargo ci`, `cargo generate`, `cargo prove`.

mod ci;
mod demo;
mod generate;
mod prove;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Every check and test, from a clean checkout; installs what it needs
    Ci(ci::CiArgs),
    /// The whole product on this machine, with three tenants' books
    Demo(demo::DemoArgs),
    /// Write the files that are derived from the code
    Generate,
    /// Prove the policies by two solvers, which are installed, and write the certificate
    Prove(prove::ProveArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Prove(arguments) => prove::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Generate => generate::write(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tools::say(&format!("\nfailed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
