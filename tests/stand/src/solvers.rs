//! The solvers that the proofs of the policies are put to: two versions of cvc5.

use std::path::Path;

use crate::packages;

/// Installs both, each into an environment of its own in `proofs/solvers`. Returns how each is started.
pub fn install(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join("proofs/solvers");
    let program = folder.join("session.py");
    let start = |version: &str| {
        let python = packages::install_python(&folder.join(version))?;
        Ok(format!("{} {}", python.display(), program.display()))
    };
    ["cvc5-1.3.1", "cvc5-1.4.2"]
        .into_iter()
        .map(start)
        .collect()
}
