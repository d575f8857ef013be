//! What the crates' manifests have in common.

use std::fs;

use super::{root, sources};

#[test]
fn every_crate_takes_the_workspaces_lints() {
    for (folder, manifest) in manifests() {
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder}");
    }
}

/// The folders of the workspace's crates, with their manifests.
fn manifests() -> Vec<(String, String)> {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let members = workspace
        .lines()
        .find(|line| line.starts_with("members = "))
        .expect("members in a line");
    let folders = members.split('"').skip(1).step_by(2);
    let read = |folder: &str| fs::read_to_string(root().join(folder).join("Cargo.toml"));
    folders
        .map(|folder| (folder.to_owned(), read(folder).expect("a manifest")))
        .collect()
}

#[test]
fn every_dependency_is_used_by_the_crate_that_names_it() {
    for (folder, manifest) in manifests() {
        let (_, dependencies) = manifest.split_once("dependencies]").unwrap_or_default();
        let named = dependencies.lines().filter_map(|line| {
            let (name, rest) = line.split_once(['.', ' '])?;
            (rest.starts_with("workspace = true") || rest.starts_with("= {")).then_some(name)
        });
        // Programs of other folders that this crate builds as well.
        let others = manifest
            .split('"')
            .filter(|text| text.rsplit('.').next() == Some("rs"));
        let others =
            others.filter_map(|file| fs::read_to_string(root().join(&folder).join(file)).ok());
        let own = sources(&folder).into_iter().map(|(_, text)| text);
        let texts: Vec<_> = own.chain(others).collect();
        for name in named {
            let word = name.replace('-', "_");
            let is_used = texts.iter().any(|text| text.contains(&word));
            assert!(is_used, "nothing of {folder} uses its dependency {name}");
        }
    }
}

#[test]
fn migrations_stand_alone() {
    let manifest = fs::read_to_string(root().join("migrations/Cargo.toml")).expect("a manifest");
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    assert!(
        !dependencies.contains("countersign-"),
        "a migration does not change with the model"
    );
}
