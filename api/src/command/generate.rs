//! `countersign generate`: the files that are derived from the code and committed beside it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use countersign_policies::{Engine, whole_policies, whole_schema};

use super::output;
use crate::{code, config, graphql};

/// Where to write, and whether to.
#[derive(Debug, clap::Args)]
pub struct GenerateArgs {
    /// Write nothing; fail where a file differs
    #[arg(long)]
    check: bool,
    /// Only the schema of the policies' actions. This program has it built in: the rest is written by the one
    /// that is built with it
    #[arg(long)]
    actions: bool,
    /// The repository's root
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// Writes or checks every derived file.
pub fn run(arguments: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let engine = Engine::embedded()?;
    let actions = (
        "policies/cedar/actions.cedarschema",
        graphql::actions(&engine),
    );
    if arguments.actions || differs(&arguments.root, &actions) {
        return settle(arguments, [actions]);
    }
    settle(
        arguments,
        [
            ("api/schema.graphql", graphql::sdl(&engine)?),
            ("api/errors.md", code::reference()),
            (
                "web/src/features/audit/verify/vectors.json",
                countersign_domain::audit::vectors(),
            ),
            ("policies/snapshots/roles.txt", engine.role_matrix()),
            ("policies/snapshots/whole.cedar", whole_policies()),
            ("policies/snapshots/whole.cedarschema", whole_schema()),
            ("policies/snapshots/roles.json", engine.role_matrix_json()),
            ("policies/snapshots/roles.html", engine.role_matrix_html()),
            (
                "docker/countersign.example.toml",
                config::EXAMPLE.to_owned(),
            ),
        ],
    )
}

type Derived = (&'static str, String);

fn differs(root: &Path, (name, text): &Derived) -> bool {
    let present = fs::read_to_string(root.join(name)).unwrap_or_default();
    present != *text
}

/// Writes or checks the files.
fn settle(
    arguments: &GenerateArgs,
    files: impl IntoIterator<Item = Derived>,
) -> anyhow::Result<ExitCode> {
    let mut differing = 0_usize;
    for file in files {
        if !differs(&arguments.root, &file) {
            continue;
        }
        let (name, text) = file;
        let path = arguments.root.join(name);
        differing = differing.saturating_add(1);
        if arguments.check {
            output::error(&format!(
                "`{name}` is not what the code says: run `cargo generate`"
            ));
        } else {
            write(&path, &text)?;
            output::line(&format!("wrote {name}"));
        }
    }
    let failed = arguments.check && differing > 0;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("`{}` can not be written", path.display()))
}
