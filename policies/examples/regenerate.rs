//! Writes what is derived from the policies: their layout and the snapshots of the role matrix.

use std::{error::Error, fs, path::Path};

use cedar_policy_formatter::{Config, policies_str_to_pretty};
use countersign_policies::Engine;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(folder.join("cedar"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "cedar")
        {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let layout = Config {
            line_width: 100,
            indent_width: 2,
        };
        fs::write(
            path,
            policies_str_to_pretty(&text, &layout).map_err(|e| e.to_string())?,
        )?;
    }
    let engine = Engine::embedded()?;
    for (name, text) in [
        ("roles.txt", engine.role_matrix()),
        ("roles.json", engine.role_matrix_json()),
        ("roles.html", engine.role_matrix_html()),
    ] {
        fs::write(folder.join("snapshots").join(name), text)?;
    }
    Ok(())
}
