//! What neither the compiler nor cargo-deny holds of the floors.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines of a file past which somebody must say why.
const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository")
        .to_path_buf()
}

/// Every Rust file below a folder of the repository, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "node_modules" && name != "target" {
                walk(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    assert!(!paths.is_empty(), "no source in `{folder}`");
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let name = path
                .strip_prefix(root())
                .unwrap_or(&path)
                .display()
                .to_string();
            (name, text)
        })
        .collect()
}

const FLOORS: [&str; 10] = [
    "domain",
    "policies",
    "proofs",
    "entities",
    "migrations",
    "api",
    "tests/src",
    "tests/stand",
    "tests/suite",
    "xtask",
];

/// A file without the unit tests at its end. Clippy lets nothing stand after a module of tests; a
/// declaration, `mod tests;`, ends nothing.
fn product(text: &str) -> &str {
    for (at, _) in text.match_indices("#[cfg(test)]") {
        let (before, after) = text.split_at(at);
        let module = after.lines().find(|line| line.contains("mod "));
        if module.is_some_and(|line| line.trim_end().ends_with('{')) {
            return before;
        }
    }
    text
}

/// Whether product code has `word`; comments are left out.
fn uses(text: &str, word: &str) -> bool {
    product(text)
        .lines()
        .map(str::trim_start)
        .any(|line| !line.starts_with("//") && line.contains(word))
}

fn assert_nowhere(folders: &[&str], words: &[&str], but: &[&str]) {
    for folder in folders {
        for (name, text) in sources(folder) {
            if but.iter().any(|exempt| name.starts_with(exempt)) {
                continue;
            }
            for word in words {
                assert!(!uses(&text, word), "`{word}` has no place in {name}");
            }
        }
    }
}

#[test]
fn each_floor_speaks_its_own_language() {
    let above_storage = ["domain", "policies", "api", "xtask"];
    assert_nowhere(&above_storage, &["sea_orm", "sqlx::", "sea_query"], &[]);
    assert_nowhere(
        &["domain", "entities", "migrations", "api"],
        &["cedar_policy"],
        &[],
    );
    assert_nowhere(
        &["domain", "policies", "entities", "migrations"],
        &["actix_web", "async_graphql"],
        &[],
    );
    // The domain is pure.
    let impure = [
        "tokio",
        "std::fs",
        "std::net",
        "std::env",
        "SystemTime",
        "Instant::now",
    ];
    assert_nowhere(&["domain/src"], &impure, &[]);
}

#[test]
fn use_cases_know_nothing_of_the_web() {
    assert_nowhere(
        &["api/src/app"],
        &["actix", "async_graphql", "graphql::", "http::"],
        &[],
    );
    let text = fs::read_to_string(root().join("api/src/app.rs")).expect("the use cases");
    for word in ["actix", "async_graphql", "crate::graphql", "crate::http"] {
        assert!(
            !uses(&text, word),
            "`{word}` has no place in api/src/app.rs"
        );
    }
}

/// Law 1: whoever holds an `Actor` was let in by PostgreSQL, so only the storage floor makes one.
/// The policies' own matrix and tests decide for examples, who can not be let in.
#[test]
fn only_the_storage_floor_makes_actors() {
    let makers = ["entities/src/enter.rs", "policies/src/effects.rs"];
    for floor in ["domain", "policies/src", "entities/src", "api/src"] {
        for (name, text) in sources(floor) {
            let makes = product(&text).lines().any(|line| {
                let speaks_of_it = ["->", "impl ", "struct ", "//"];
                line.contains("Actor {") && !speaks_of_it.iter().any(|other| line.contains(other))
            });
            assert!(
                !makes || makers.contains(&name.as_str()),
                "{name} makes an actor"
            );
        }
    }
}

/// Law 3: a GraphQL field is made in one place, where it is bound to its action.
#[test]
fn only_one_place_makes_graphql_fields() {
    assert_nowhere(
        &["api/src"],
        &["Field::new("],
        &["api/src/graphql/field.rs", "api/src/graphql/schema.rs"],
    );
    let schema = fs::read_to_string(root().join("api/src/graphql/schema.rs")).expect("the schema");
    let plain =
        schema.matches("Field::new(").count() - schema.matches("InterfaceField::new(").count();
    assert_eq!(
        plain, 0,
        "an interface's fields are decided as the objects behind it"
    );
}

/// Law 4: there is one commit for people and machines.
#[test]
fn transactions_are_committed_by_finish_alone() {
    assert_nowhere(&["api/src"], &["COMMIT", ".commit("], &[]);
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    for folder in [
        "domain",
        "policies",
        "entities",
        "migrations",
        "api",
        "tests",
        "tests/stand",
        "xtask",
    ] {
        let manifest =
            fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder}");
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

#[test]
fn files_are_short_and_named_for_what_they_are() {
    for floor in FLOORS {
        for (name, text) in sources(floor) {
            let lines = text.lines().count();
            assert!(
                lines <= LINES_MAX,
                "{name} has {lines} lines: split it by what changes for one reason"
            );
            let vague = [
                "utils", "util", "helpers", "helper", "common", "manager", "misc",
            ];
            let mut parts = name.split('/').map(|part| part.trim_end_matches(".rs"));
            assert!(
                !parts.any(|part| vague.contains(&part)),
                "{name} is named for nothing"
            );
        }
    }
}
