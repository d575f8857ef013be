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
    /// The repository's root
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// Writes or checks every derived file.
pub fn run(arguments: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let engine = Engine::embedded()?;
    let files = [
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
    ];
    let mut differing = 0_usize;
    for (name, text) in files {
        let path = arguments.root.join(name);
        let present = fs::read_to_string(&path).unwrap_or_default();
        if present == text {
            continue;
        }
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
