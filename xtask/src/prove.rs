//! `cargo prove`: the proofs of the policies, by two solvers.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, ensure};
use countersign_stand::solvers;
use serde_json::Value;

use crate::tools;

#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// Write nothing; fail where the certificate that is committed is not of these policies
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(arguments: &ProveArgs) -> anyhow::Result<()> {
    let root = tools::root();
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--package", "countersign", "--"])
        .args(["policy", "prove"])
        .current_dir(&root);
    for solver in solvers::install(&root)? {
        command.args(["--solver", &solver]);
    }
    if !arguments.check {
        command.args(["--write", "."]);
        return tools::run(&mut command);
    }
    // As whoever has policies of their own proves and certifies them: from a folder, which says the same.
    let folder = std::env::temp_dir().join(format!("countersign-prove-{}", std::process::id()));
    let certified = copy(&root.join("policies"), &folder).and_then(|()| {
        command.args(["--certify", "--of"]).arg(&folder);
        tools::run(&mut command)?;
        is_same(&root.join("policies"), &folder)
    });
    fs::remove_dir_all(&folder)?;
    certified
}

/// The policies, and what a reviewer found nobody to be allowed; not the certificate.
fn copy(policies: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder.join("cedar"))?;
    for entry in fs::read_dir(policies.join("cedar"))? {
        let path = entry?.path();
        if let Some(name) = path.file_name() {
            fs::copy(&path, folder.join("cedar").join(name))?;
        }
    }
    fs::copy(
        policies.join("snapshots/denied.txt"),
        folder.join("denied.txt"),
    )?;
    Ok(())
}

/// Whether the certificate that is committed says what was proved now, but for when.
fn is_same(policies: &Path, folder: &Path) -> anyhow::Result<()> {
    let certificate = |folder: &Path| -> anyhow::Result<Value> {
        let path = folder.join("certificate.json");
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("`{}` can not be read", path.display()))?;
        let mut certificate: Value = serde_json::from_str(&text)?;
        if let Some(said) = certificate.as_object_mut() {
            said.retain(|name, _| name != "provedAt");
        }
        Ok(certificate)
    };
    ensure!(
        certificate(policies)? == certificate(folder)?,
        "policies/certificate.json is not of these policies: run `cargo prove`"
    );
    Ok(())
}
