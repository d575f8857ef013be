//! What neither the compiler nor cargo-deny holds of the floors.

mod manifests;
mod telemetry;

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

const FLOORS: [&str; 11] = [
    "domain",
    "policies",
    "proofs",
    "entities",
    "migrations",
    "api",
    "tests/bench",
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

/// Where a secret is taken out of its wrapping, how often, and what for. Whoever adds a place adds a line
/// here, and a reviewer asks whether it is needed.
const EXPOSURES: [(&str, usize, &str); 34] = [
    (
        "api/src/aws/container.rs",
        1,
        "what proves that a container asks for its credentials",
    ),
    (
        "api/src/aws/signature.rs",
        2,
        "the credentials of AWS, for signatures",
    ),
    (
        "api/src/backups/address.rs",
        1,
        "the owner's address, for the environment of `pg_dump`",
    ),
    (
        "api/src/backups/pair.rs",
        1,
        "a secret key of backups that was just made, for its file",
    ),
    (
        "api/src/command/import.rs",
        1,
        "the token of the import command, for its own requests",
    ),
    (
        "api/src/config/validate.rs",
        1,
        "whether a database's address is one",
    ),
    (
        "api/src/graphql/api_tokens.rs",
        1,
        "a token that was just made, shown this once",
    ),
    (
        "api/src/graphql/cursor.rs",
        1,
        "the key of cursors, for their MAC",
    ),
    (
        "api/src/http/bff.rs",
        2,
        "a session's secret and a sign-in's state, for their cookies",
    ),
    (
        "api/src/identity/provider.rs",
        2,
        "the client's secret and the refresh token, for the provider",
    ),
    (
        "api/src/identity/session.rs",
        1,
        "the refresh token, for the provider",
    ),
    (
        "api/src/identity/sign_in.rs",
        4,
        "state, nonce and verifier, for the provider and its answer",
    ),
    ("api/src/kms/aws.rs", 1, "the key that is wrapped"),
    (
        "api/src/kms/google.rs",
        5,
        "the service's own credentials, and the key that is wrapped",
    ),
    ("api/src/kms/service.rs", 1, "the key that was unwrapped"),
    (
        "api/src/kms/vault.rs",
        3,
        "the service's own token, also beside the one in its file, and the key that is wrapped",
    ),
    (
        "api/src/providers.rs",
        1,
        "a tenant's credential, for the one call that it is opened for",
    ),
    ("api/src/replicas.rs", 1, "the address of Redis"),
    ("api/src/telemetry/reports.rs", 1, "the address of Sentry"),
    (
        "domain/src/credentials.rs",
        3,
        "its form, its prefix, and `reveal`",
    ),
    (
        "domain/src/token.rs",
        3,
        "its hash, its last digits, and `reveal`",
    ),
    (
        "entities/src/audit/signer.rs",
        1,
        "the seed of a signer of checkpoints",
    ),
    (
        "entities/src/context.rs",
        3,
        "the hash of a session's secret, its copy, and `reveal`",
    ),
    ("entities/src/database.rs", 1, "the address of PostgreSQL"),
    ("entities/src/entry/sign_ins.rs", 1, "what is sealed"),
    ("entities/src/entry/tokens.rs", 2, "what is sealed"),
    ("entities/src/keys.rs", 1, "the audit key, for signatures"),
    (
        "entities/src/keys/data.rs",
        3,
        "keys, for keys that are derived of them, and blind indexes",
    ),
    ("entities/src/keys/kek.rs", 2, "the exposure itself"),
    (
        "entities/src/keys/local.rs",
        3,
        "the key-encryption key of the configuration, and what it wraps",
    ),
    (
        "entities/src/line/connect.rs",
        1,
        "the address of PostgreSQL",
    ),
    ("entities/src/vault.rs", 1, "a credential, to be sealed"),
    ("migrations/src/lib.rs", 1, "the address of PostgreSQL"),
    ("migrations/src/roles.rs", 2, "the passwords of the roles"),
];

#[test]
fn each_secret_is_exposed_at_one_of_a_few_reviewed_places() {
    let mut found = Vec::new();
    let floors = [
        "api",
        "domain",
        "entities",
        "migrations",
        "policies",
        "proofs",
    ];
    for floor in floors.map(|floor| format!("{floor}/src")) {
        for (name, text) in sources(&floor) {
            let code = product(&text).lines().map(str::trim_start);
            let code = code.filter(|line| !line.starts_with("//"));
            let each = code.map(|line| {
                line.matches("expose_secret(").count() + line.matches(".reveal()").count()
            });
            let count: usize = each.sum();
            if count > 0 && !name.ends_with("/tests.rs") {
                found.push((name, count));
            }
        }
    }
    found.sort();
    let reviewed: Vec<_> = EXPOSURES
        .iter()
        .map(|(name, count, _)| ((*name).to_owned(), *count))
        .collect();
    assert_eq!(found, reviewed);
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
