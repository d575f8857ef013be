//! `countersign policy`: what the policies come to, for whoever reviews them.

mod diff;
mod prove;
mod reload;
mod replay;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use countersign_domain::access::{Capability, Role, Scope};
use countersign_entities::{Clock, SystemClock};
use countersign_policies::{
    Engine, Explanation,
    effects::{self, ExampleRow, Somebody},
};

use super::{
    arguments::{self, UsageError},
    output,
};
use crate::{
    config::{Config, ConfigError},
    policies::PolicyFolder,
};

/// Where the policies stand in the repository.
const FOLDER: &str = "policies/cedar";

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Who may what by the policies that are built in: every role, and every scope, by every action
    Matrix {
        /// For the eye, for programs, or as a page that stands alone
        #[arg(long, value_enum, default_value_t = MatrixFormat::Text)]
        format: MatrixFormat,
    },
    /// Why somebody may, or may not, do something by the policies that are built in
    Explain(Box<ExplainArgs>),
    /// What a change of the policies comes to: who gains and who loses what, each with a row that shows it
    Diff {
        /// A folder of policies, or a revision of git
        old: String,
        /// Another one
        new: String,
        /// A solver that looks for what no such row shows, and proves that there is nothing else, by how it is started,
        /// such as `/usr/bin/cvc5`; where none is named, `cvc5` if it is installed. Several must agree
        #[arg(long)]
        solver: Vec<String>,
    },
    /// Prove what is claimed of the policies, for every possible request
    Prove(prove::ProveArgs),
    /// Have the running server read its policies again, from the folder that its configuration names
    Reload(reload::ReloadArgs),
    /// Decide the requests of the last days again, as the audit log has them, by policies that are proposed, and
    /// list what would have been decided otherwise; exit code 3 where something would
    Replay(replay::ReplayArgs),
}

/// Who asks for what, of which kind of row.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The action, such as `Transaction.amount`; `policy matrix` has them all
    action: String,
    /// A person of this role
    #[arg(
        long,
        value_parser = arguments::built_in(),
        required_unless_present = "scope",
        conflicts_with = "scope"
    )]
    role: Option<Role>,
    /// What the tenant granted the person beside the role; may be given several times
    #[arg(long, requires = "role", value_parser = arguments::capability())]
    capability: Vec<Capability>,
    /// A machine with this scope, in a person's place; may be given several times
    #[arg(long, value_parser = arguments::scope())]
    scope: Vec<Scope>,
    /// The row is of the household
    #[arg(long)]
    personal: bool,
    /// Who has the row in their care
    #[arg(long, value_enum, default_value_t = Custodian::Nobody)]
    custodian: Custodian,
    /// The row is another tenant's
    #[arg(long)]
    foreign: bool,
    /// The tenant is suspended
    #[arg(long)]
    suspended: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum MatrixFormat {
    Text,
    Json,
    Html,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Custodian {
    Nobody,
    Themselves,
    Other,
}

impl ExplainArgs {
    fn somebody(&self) -> Somebody {
        let scopes: BTreeSet<Scope> = self.scope.iter().copied().collect();
        let capabilities: BTreeSet<Capability> = self.capability.iter().copied().collect();
        let somebody = match self.role {
            Some(role) => Somebody::person(role, capabilities),
            None => Somebody::machine(scopes),
        };
        somebody.of_suspended(self.suspended)
    }

    const fn row(&self) -> ExampleRow {
        ExampleRow {
            is_plain: false,
            is_own: !self.foreign,
            personal: self.personal,
            custodian: match self.custodian {
                Custodian::Nobody => effects::Custodian::Nobody,
                Custodian::Themselves => effects::Custodian::Themselves,
                Custodian::Other => effects::Custodian::Other,
            },
        }
    }
}

pub(super) async fn run(
    command: &PolicyCommand,
    config: impl FnOnce() -> Result<Config, ConfigError>,
) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Reload(arguments) => return reload::run(arguments, &config()?).await,
        PolicyCommand::Replay(arguments) => return replay::run(arguments, &config()?).await,
        PolicyCommand::Prove(arguments) => return prove::run(arguments, SystemClock.now()).await,
        PolicyCommand::Matrix { format } => {
            let engine = Engine::embedded()?;
            let matrix = match format {
                MatrixFormat::Text => engine.role_matrix(),
                MatrixFormat::Json => engine.role_matrix_json(),
                MatrixFormat::Html => engine.role_matrix_html(),
            };
            output::line(matrix.trim_end());
        }
        PolicyCommand::Explain(arguments) => explain(arguments)?,
        PolicyCommand::Diff { old, new, solver } => diff::run(old, new, solver).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(arguments: &ExplainArgs) -> anyhow::Result<()> {
    let engine = Engine::embedded()?;
    let name = &arguments.action;
    let unknown = || {
        UsageError::of(format!(
            "`{name}` is no action: `countersign policy matrix` has them"
        ))
    };
    let action = engine.action(name).ok_or_else(unknown)?;
    let (row, explained) = engine
        .explain_example(&arguments.somebody(), action, arguments.row())
        .context("the policies can not be evaluated, which refuses")?;
    tell(name, row, &explained);
    Ok(())
}

fn tell(action: &str, row: ExampleRow, explained: &Explanation) {
    let verdict = if explained.is_allowed {
        "allowed"
    } else {
        "refused"
    };
    output::line(&format!("{action} on {row}: {verdict}"));
    for rule in &explained.decided_by {
        output::line(&format!("  by {}: {}", rule.id, rule.sentence));
    }
    if !explained.is_allowed && explained.decided_by.is_empty() {
        output::line("  because no permit holds");
    }
    for near in &explained.nearest {
        output::line(&format!("  not {}: {}", near.rule.id, near.rule.sentence));
        output::line(&format!("      fails: {}", near.fails));
        if let Some(needs) = &near.needs {
            output::line(&format!("      wants: {needs}"));
        }
    }
    match &explained.row_condition {
        Some(condition) => output::line(&format!("  of the row: {condition}")),
        None => output::line("  of the row: nothing but its tenant"),
    }
}

/// The engine of a folder's policies, or of those of a revision.
fn engine_of(source: &str) -> anyhow::Result<Engine> {
    let folder = if Path::new(source).is_dir() {
        PolicyFolder::read(Path::new(source))?
    } else {
        in_revision(source)?
    };
    folder
        .engine()
        .with_context(|| format!("the policies of `{source}`"))
}

fn in_revision(revision: &str) -> anyhow::Result<PolicyFolder> {
    // An option in its place would be git's to obey.
    if revision.starts_with('-') {
        bail!("`{revision}` is neither a folder nor a revision");
    }
    let tree = format!("{revision}:{FOLDER}");
    let names = git(&["ls-tree", "--name-only", "--full-tree", &tree]);
    let neither = || format!("`{revision}` is no folder, and no revision of git with `{FOLDER}`");
    let names = names.with_context(neither)?;
    let mut files = Vec::new();
    for name in names.lines() {
        let text = git(&["show", &format!("{tree}/{name}")])?;
        files.push((PathBuf::from(name), text));
    }
    Ok(PolicyFolder::of(revision.to_owned(), files, None))
}

fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).output();
    let output = output.context("git is needed to look at revisions")?;
    ensure!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_compared_with_itself_in_silence() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
        let engine = engine_of(&folder.display().to_string()).unwrap();
        let built_in = Engine::embedded().unwrap();
        assert_eq!(engine.effects().differences(&built_in.effects()), []);
    }

    #[test]
    fn what_is_no_place_of_policies_is_said_so() {
        let error = |source: &str| format!("{:#}", engine_of(source).unwrap_err());
        let empty = env!("CARGO_MANIFEST_DIR");
        assert!(error(empty).contains("has no policies"), "{}", error(empty));
        assert!(error("--upload-pack=x").contains("neither"));
    }
}
